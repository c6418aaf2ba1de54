// SPDX-License-Identifier: Apache-2.0

import TingCore

/// The bounds of one server that take long to cross, or many clients: tests set them lower. What
/// runs has those of `Limits`.
package struct ServerBounds: Sendable {
    package var handshake: Duration = .seconds(Limits.handshakeSeconds)
    /// From the end of the handshake to the first request.
    package var firstRequest: Duration = .seconds(Limits.firstRequestSeconds)
    package var request: Duration = .seconds(Limits.requestSeconds)
    package var linger: Duration = .seconds(Limits.lingerSeconds)
    package var idle: Duration = .seconds(Limits.idleSeconds)
    /// How long a client may take nothing of its answer.
    package var patience: Duration = .seconds(Limits.idleSeconds)
    package var followComment: Duration = .seconds(Limits.followCommentSeconds)
    package var shutdown: Duration = .seconds(Limits.shutdownSeconds)
    package var certificateLook: Duration = .seconds(Limits.certificateLookSeconds)
    package var connections = Limits.connectionLimit
    /// Connections of one address, where the operator has said how many.
    package var connectionsEachAddress: Int?
    /// Bytes of bodies under way: of all, and of one device.
    package var bodyBytes = Limits.bodiesByteLimit
    package var deviceBodyBytes = Limits.deviceBodiesByteLimit
    /// Bytes of answers that are not yet read: of all, and of one device.
    package var answerBytes = Limits.answersByteLimit
    package var deviceAnswerBytes = Limits.deviceAnswersByteLimit
    package var openWorkspaces = Limits.openWorkspaceLimit

    package init() {}

    /// How many connections an address may hold; `nil` for as many as there are.
    ///
    /// The server's own machine is no stranger: unless the operator says otherwise it holds any number,
    /// since all that a proxy or tunnel there brings comes from one address.
    package func connections(of peer: String) -> Int? {
        if let connectionsEachAddress { return connectionsEachAddress }
        guard !IPAddress.isLoopback(peer) else { return nil }
        return max(Limits.addressConnectionFloor, connections / Limits.addressConnectionShare)
    }

    /// The bounds that so many file handles carry.
    ///
    /// A server that runs out of handles can neither accept a connection nor open a file: it must
    /// stop taking more before.
    package init(fileHandles: Int) {
        let free = max(0, fileHandles - Limits.reservedFileHandles)
        openWorkspaces = min(openWorkspaces, max(1, free / 4 / Limits.fileHandlesEachWorkspace))
        connections = min(
            connections, max(1, free - openWorkspaces * Limits.fileHandlesEachWorkspace))
    }
}
