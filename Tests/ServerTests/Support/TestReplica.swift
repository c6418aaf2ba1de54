// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import NIOHTTP1
import Testing
import TingCore
import TingStore
import TingTesting
import TingWire

/// A replica that syncs over HTTPS, in protobuf.
final class TestReplica {
    let replica: Replica
    private let server: TestServer
    private let person: Person
    private let slug: String

    init(_ server: TestServer, _ person: Person, _ slug: String) async throws {
        self.server = server
        self.person = person
        self.slug = slug
        let snapshot = try await server.call(
            .GET, "/v1/workspaces/\(slug)/snapshot", token: person.token)
        #expect(snapshot.status == 200)
        let path = "\(server.path)/replica-\(UUID().uuidString).sqlite"
        try Data(snapshot.bytes).write(to: URL(fileURLWithPath: path))
        replica = try Replica.adopt(
            snapshot: path, server: server.url, member: person.member, schema: .sample,
            clock: TestServer.clock)
    }

    @discardableResult
    func insert(_ title: String) throws -> String {
        try replica.write { db in
            try String.fetchOne(
                db, sql: "INSERT INTO project (title) VALUES (?) RETURNING id", arguments: [title])
                ?? ""
        }
    }

    func titles() throws -> [String] {
        try replica.read {
            try String.fetchAll($0, sql: "SELECT title FROM project ORDER BY title")
        }
    }

    /// One exchange.
    @discardableResult
    func exchange() async throws -> SyncResponse {
        let request = try replica.nextRequest()
        let reply = try await post(request)
        try #require(reply.status == 200, "\(reply.text)")
        let response = try SyncResponse(
            wire: try WireCoding.protobuf.decode(Ting_V1_SyncResponse.self, reply.bytes))
        var summary = IntegrateSummary()
        try replica.integrate(response, to: request, into: &summary)
        return response
    }

    func post(_ request: SyncRequest) async throws -> Reply {
        try await server.call(
            .POST, "/v1/workspaces/\(slug)/sync", token: person.token,
            body: try WireCoding.protobuf.encode(request.wire),
            headers: [
                ("Content-Type", "application/x-protobuf"), ("Accept", "application/x-protobuf"),
            ])
    }
}
