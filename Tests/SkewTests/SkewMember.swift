// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingClient
import TingCore
import TingStore

/// A member with a home of their own, whose program is of a schema; speaks TLS to a real server.
struct SkewMember {
    let folder: String
    let home: ClientHome
    let url: String
    let member: MemberID?
    private static let clock: @Sendable () -> Int64 = {
        Int64(Date().timeIntervalSince1970 * 1_000)
    }

    init(joining address: String, _ schema: Schema) async throws {
        folder =
            FileManager.default.temporaryDirectory.appending(
                path: "ting-member-\(UUID().uuidString)"
            ).path
        home = ClientHome(configurationFolder: folder, dataFolder: folder)
        guard let address = JoinAddress(address) else { throw SkewMemberError.address(address) }
        let joined = try await home.join(
            address, device: "test", authorityFile: nil, schema: schema.version,
            timeout: .seconds(20), environment: [:])
        (url, member) = (joined.server.url, MemberID(joined.member))
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    private var path: String { "\(folder)/demo.sqlite" }

    private func connected<T: Sendable>(_ body: (ServerConnection) async throws -> T) async throws
        -> T
    {
        try await ServerConnection(home.signIn(url), timeout: .seconds(20), environment: [:])
            .use(body)
    }

    func clone(_ schema: Schema) async throws {
        try await connected { connection in
            try await connection.clone(
                "demo", to: path, member: member, schema: schema, clock: Self.clock
            ) { _, _ in }.close()
        }
    }

    /// Opens the replica with a program of the schema.
    func open(_ schema: Schema) throws -> Replica {
        try Replica(path: path, schema: schema, clock: Self.clock)
    }

    @discardableResult
    func sync(_ replica: Replica) async throws -> SyncOutcome {
        try await connected { connection in
            try await SyncSession(replica, over: connection, now: Self.clock).run()
        }
    }
}

enum SkewMemberError: Error { case address(String) }
