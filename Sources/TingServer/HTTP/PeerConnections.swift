// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// Counts connections by the address of their other end, so that one machine can't hold all that
/// the server takes.
final class PeerConnections: Sendable {
    private let bounds: ServerBounds
    private let counts = Mutex<[String: Int]>([:])

    init(_ bounds: ServerBounds) { self.bounds = bounds }

    /// Counts a connection until it closes; `false` if its address holds as many as it may.
    func enter(_ channel: any Channel) -> Bool {
        guard let peer = channel.remoteAddress?.ipAddress, let limit = bounds.connections(of: peer)
        else { return true }
        let network = IPAddress.network(of: peer)
        let isFree = counts.withLock { counts in
            guard counts[network, default: 0] < limit else { return false }
            counts[network, default: 0] += 1
            return true
        }
        if isFree { channel.closeFuture.whenComplete { _ in self.leave(network) } }
        return isFree
    }

    private func leave(_ network: String) {
        counts.withLock { counts in
            let left = counts[network, default: 1] - 1
            counts[network] = left > 0 ? left : nil
        }
    }
}

/// Closes a connection that is one too many as soon as it is there.
final class ClosedDoor: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelActive(context: ChannelHandlerContext) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}
