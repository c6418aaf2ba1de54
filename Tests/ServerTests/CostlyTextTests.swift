// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import Testing
import TingCore
import TingServer
import TingStore
import TingWire

extension ServerTests {
    /// Swift puts combining marks in order where it compares texts: very many take minutes.
    @Suite("Texts that are costly to compare", .timeLimit(.minutes(1)))
    struct CostlyTextTests {
        @Test("a kind of operation that is none, however long, is a malformed request at once")
        func kind() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                try replica.insert("One")
                var message = try replica.replica.nextRequest().wire
                message.deliveries[0].changeSet.operations[0].kind = String(
                    repeating: "\u{301}\u{323}", count: 125_000)
                let json = try WireCoding.json.encode(message)
                let reply = try await server.call(
                    .POST, "/v1/workspaces/team/sync", token: anna.token,
                    json: String(decoding: json, as: UTF8.self))
                #expect(reply.status == 400 && reply.code == "bad_request")
                #expect(reply.text.contains("operations.kind"))
                #expect(try await server.call(.GET, "/healthz").status == 200)
            }
        }

        @Test(
            "a head that is not all ASCII where the server reads it is a malformed request",
            arguments: ["Authorization: Bearer a", "Content-Type: application/json; a="])
        func head(_ line: String) async throws {
            try await TestServer.run { server in
                for bytes in [Array("\u{301}\u{323}".utf8), [0xff]] as [[UInt8]] {
                    let client = try await server.raw()
                    let start = "GET /v1/workspaces HTTP/1.1\r\nHost: a\r\n\(line)"
                    try await client.send(Array(start.utf8) + bytes + Array("\r\n\r\n".utf8))
                    #expect(try await client.hears(#""code":"bad_request""#))
                    #expect(client.text.hasPrefix("HTTP/1.1 400 "))
                }
                #expect(try await server.call(.GET, "/healthz").status == 200)
            }
        }
    }
}
