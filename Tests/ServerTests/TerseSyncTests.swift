// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import Testing
import TingCore
import TingServer
import TingStore
import TingWire

extension ServerTests {
    /// `Protocol/spec/terse.md`, and bodies in gzip.
    @Suite("Terse exchanges")
    struct TerseSyncTests {
        private static let path = "/v1/workspaces/team/sync"

        private func post(
            _ server: TestServer, _ person: Person, _ message: Ting_V1_SyncRequest,
            gzip: Bool = false, headers: [(String, String)] = []
        ) async throws -> Reply {
            let body = try WireCoding.protobuf.encode(message)
            let packed = gzip ? try #require(Gzip.pack(body)) : body
            return try await server.call(
                .POST, Self.path, token: person.token, body: packed,
                headers: (gzip ? [("Content-Encoding", "gzip")] : []) + headers)
        }

        private func read(_ reply: Reply) throws -> Ting_V1_SyncResponse {
            try #require(reply.status == 200, "\(reply.text)")
            let isPacked = reply.headers.first(name: "Content-Encoding") == "gzip"
            let bytes = isPacked ? try Gzip.unpack(reply.bytes, limit: 1 << 20) : reply.bytes
            return try WireCoding.protobuf.decode(Ting_V1_SyncResponse.self, bytes)
        }

        @Test("what a replica delivered does not come back; an old form still gets all of it")
        func own() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let bo = try await server.person("bo@example.org", in: "team", as: .editor)
                let replica = try await TestReplica(server, anna, "team")
                for number in 0..<20 { try replica.insert("Plan \(number)") }
                let request = try replica.replica.nextRequest()
                let message = try read(
                    await post(server, anna, request.terseWire, gzip: true))
                #expect(message.verdicts.count == request.deliveries.count)
                #expect(message.entries.count == request.deliveries.count)
                #expect(message.entries.allSatisfy { !$0.hasChangeSet && !$0.ownHash.isEmpty })
                let response = try SyncResponse(wire: message) { number, hash in
                    let sent = request.deliveries.first { $0.number == number }?.changeSet
                    return sent?.hash == hash ? sent : nil
                }
                // The same, asked for in the old form, as one sends that lost the answer.
                let old = try read(await post(server, anna, request.wire))
                #expect(old.entries.allSatisfy { $0.hasChangeSet && $0.ownHash.isEmpty })
                #expect(old.entries.allSatisfy { !$0.changeSet.hasColumns })
                #expect(try SyncResponse(wire: old).entries == response.entries)
                var summary = IntegrateSummary()
                try replica.replica.integrate(response, to: request, into: &summary)
                #expect(summary.sent == request.deliveries.count)
                #expect(try replica.replica.outbox().isEmpty)
                // Another's come whole, in columns, to one who reads them.
                let other = try await TestReplica(server, bo, "team")
                var asked = try other.replica.nextRequest()
                asked.base.version = 0
                asked.historyDigest = .zero
                asked.stateDigest = StateDigest().hash
                let whole = try read(await post(server, bo, asked.terseWire))
                #expect(whole.entries.allSatisfy { $0.changeSet.hasColumns })
                #expect(try SyncResponse(wire: whole).entries == response.entries)
            }
        }

        @Test("a replica that has everything is told so in no words, until there is news")
        func nothingNew() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                let first = try replica.replica.nextRequest()
                #expect(first.role == nil)
                // It knows no role yet, nor the members.
                let told = try read(await post(server, anna, first.terseWire))
                var summary = IntegrateSummary()
                try replica.replica.integrate(
                    SyncResponse(wire: told), to: first, into: &summary)
                let request = try replica.replica.nextRequest()
                let quiet = try await post(server, anna, request.terseWire)
                #expect(quiet.status == 204 && quiet.bytes.isEmpty)
                #expect(
                    try SyncResponse(wire: read(await post(server, anna, request.wire)))
                        .saysNothingNew(to: request))
                var changed = [request, request, request, request, request]
                changed[0].role = .viewer
                changed[1].membersVersion -= 1
                changed[2].schema = 0
                changed[3].stateDigest = .zero
                changed[4].historyDigest = Hash(of: [1])
                for request in changed {
                    #expect(try await post(server, anna, request.terseWire).status == 200)
                }
                _ = try await server.person("bo@example.org", in: "team", as: .editor)
                #expect(try await post(server, anna, request.terseWire).status == 200)
            }
        }

        @Test("a base that no history has reached, up to the greatest number, is answered")
        func farBase() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                var request = try replica.replica.nextRequest()
                for (version, role) in [
                    (Int64.max, Role.owner), (.max, .viewer), (.max - 1, .owner),
                ] {
                    (request.base.version, request.role) = (version, role)
                    let message = try read(await post(server, anna, request.terseWire))
                    #expect(message.entries.isEmpty)
                    let plain = try read(await post(server, anna, request.wire))
                    #expect(try !SyncResponse(wire: plain).historyAgrees)
                }
                request.base.version = 0
                #expect(try await post(server, anna, request.terseWire).status == 200)
            }
        }

        @Test("a body in gzip is bounded by what it inflates to, and by its ratio")
        func bounds() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                func send(_ body: [UInt8], _ coding: String = "gzip") async throws -> Reply {
                    try await server.call(
                        .POST, Self.path, token: anna.token, body: body,
                        headers: [("Content-Encoding", coding)])
                }
                // Random enough for the ratio: ten digits of a hash in each line.
                let lines = (0..<700_000).map {
                    Hexadecimal.encode([UInt8($0 & 255), UInt8($0 >> 8 & 255), UInt8($0 >> 16)])
                        + "0000000000\n"
                }
                let large = try #require(Gzip.pack(Array(lines.joined().utf8)))
                #expect(large.count < Limits.requestByteLimit / 4)
                let tooLarge = try await send(large)
                #expect(tooLarge.status == 413 && tooLarge.code == "request_too_large")
                let few = try #require(Gzip.pack(Array(lines.prefix(5_000).joined().utf8)))
                let small = try await server.call(
                    .POST, "/v1/join", body: few, headers: [("Content-Encoding", "gzip")])
                #expect(small.status == 413)
                let corrupt = try await send(Array("{}".utf8))
                #expect(corrupt.status == 400 && corrupt.code == "bad_request")
                let cut = try await send(Array(large.prefix(1_000)))
                #expect(cut.status == 400)
                let other = try await send(Array("{}".utf8), "br")
                #expect(other.status == 415)
                #expect(other.headers.first(name: "Accept-Encoding") == "gzip")
                // The connection goes on.
                let replica = try await TestReplica(server, anna, "team")
                #expect(try await replica.exchange().digestsAgree)
            }
        }

        @Test("answers are packed for who takes gzip, where it is worth it, and hold no secret")
        func answers() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                for number in 0..<20 { try replica.insert("Plan \(number)") }
                try await replica.exchange()
                func entries(_ accept: String?, since: Int = 0) async throws -> Reply {
                    try await server.call(
                        .GET, "/v1/workspaces/team/entries?since=\(since)", token: anna.token,
                        headers: accept.map { [("Accept-Encoding", $0)] } ?? [])
                }
                let plain = try await entries(nil)
                #expect(plain.headers.first(name: "Content-Encoding") == nil)
                for accept in ["gzip", "br, gzip;q=0.5", "*"] {
                    let packed = try await entries(accept)
                    #expect(packed.headers.first(name: "Content-Encoding") == "gzip")
                    #expect(try Gzip.unpack(packed.bytes, limit: 1 << 20) == plain.bytes)
                }
                for accept in ["identity", "gzip;q=0, *", "br"] {
                    #expect(try await entries(accept).bytes == plain.bytes)
                }
                let small = try await entries("gzip", since: 20)
                #expect(small.headers.first(name: "Content-Encoding") == nil)
                let invited = try await server.call(
                    .POST, "/v1/workspaces/team/invitations", token: anna.token,
                    json:
                        #"{"name":"\#(String(repeating: "B", count: 190))","email":"bo@example.org"}"#,
                    headers: [("Accept-Encoding", "gzip")])
                #expect(invited.status == 201)
                #expect(invited.headers.first(name: "Content-Encoding") == nil)
            }
        }
    }
}
