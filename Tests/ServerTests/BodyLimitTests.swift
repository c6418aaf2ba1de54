// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Testing
import TingCore
import TingServer
import TingStore
import TingWire

extension ServerTests {
    /// What a body may hold, and what bodies under way may take of the server.
    @Suite("Limits of bodies")
    struct BodyLimitTests {
        @Test(
            "requestPartLimit: what would take a hundred times its bytes is refused before it is decoded",
            arguments: [
                ("sync", [0x52, 0], 400, "deliveries"), ("sync", [0x5a, 0], 400, "links"),
                ("sync", [0x52, 2, 0x12, 0], 400, "deliveries"),
                ("give-back", [0x22, 0], 413, "parts"),
                ("give-back", [0x22, 2, 0x12, 0], 413, "parts"),
                ("give-back", [0x73, 0x74, 0x22, 0], 400, "body"),
            ] as [(String, [UInt8], Int, String)])
        func parts(_ path: String, _ part: [UInt8], _ status: Int, _ word: String) async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let body = [[UInt8]](repeating: part, count: (2 << 20) / part.count).flatMap { $0 }
                let reply = try await server.call(
                    .POST, "/v1/workspaces/team/\(path)", token: anna.token, body: body)
                #expect(reply.status == status)
                #expect(reply.text.contains(word), "\(reply.text)")
            }
        }

        @Test("requestPartLimit: a change set's operations count wherever they stand, JSON's too")
        func nestedParts() throws {
            var operations = [[UInt8]](repeating: [0x42, 0], count: Limits.requestPartLimit)
                .flatMap { $0 }
            func request() -> [UInt8] {
                let changeSet = Self.field(2, operations)
                return Self.field(10, changeSet)
            }
            #expect(throws: BodyParts.TooMany.self) {
                try BodyParts.check(request(), .protobuf, of: .sync)
            }
            operations.removeLast(200)
            let parts = try BodyParts.check(request(), .protobuf, of: .sync)
            #expect(parts > Limits.requestPartLimit - 100)
            let json = Array("[\"{{{\\\"{\"".utf8)
            let objects = Array(
                String(repeating: ",{}", count: Limits.requestPartLimit).utf8)
            try BodyParts.check(json + objects.prefix(300_000), .json, of: nil)
            #expect(throws: BodyParts.TooMany.self) {
                try BodyParts.check(json + objects, .json, of: nil)
            }
        }

        @Test("requestPartLimit: each number of a column counts, packed or not")
        func columnsOfNumbers() throws {
            func request(_ columns: [UInt8]) -> [UInt8] {
                Self.field(10, Self.field(2, Self.field(9, columns)))
            }
            // A kind weighs as three texts, an operation as eight.
            for (number, weight) in [(9, 3), (2, 8), (12, 1), (10, 1)] as [(UInt8, Int)] {
                let most = Limits.requestPartLimit * 8 / weight
                let packed = { Self.field(number, [UInt8](repeating: 0, count: $0)) }
                let parts = try BodyParts.check(request(packed(most - 100)), .protobuf, of: .sync)
                #expect(parts > Limits.requestPartLimit - 200)
                let unpacked = [[UInt8]](repeating: [number << 3, 0], count: most + 1)
                for columns in [packed(most + 1), unpacked.flatMap { $0 }] {
                    #expect(throws: BodyParts.TooMany.self) {
                        try BodyParts.check(request(columns), .protobuf, of: .sync)
                    }
                }
            }
        }

        /// A field of bytes in protobuf.
        private static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
            var head = [number << 3 | 2]
            var length = content.count
            while length >= 0x80 {
                head.append(UInt8(length & 0x7f) | 0x80)
                length >>= 7
            }
            return head + [UInt8(length)] + content
        }

        @Test(
            "bodiesByteLimit, deviceBodiesByteLimit: too many large bodies at once are sent again later",
            arguments: [(300_000, 10_000_000, 429), (10_000_000, 300_000, 503)])
        func bodiesUnderWay(_ device: Int, _ all: Int, _ status: Int) async throws {
            var bounds = ServerBounds()
            bounds.deviceBodyBytes = device
            bounds.bodyBytes = all
            try await TestServer.run(bounds: bounds) { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                let json = try WireCoding.json.encode(replica.replica.nextRequest().wire)
                let padded = json + [UInt8](repeating: 0x20, count: 250_000)
                func post(_ body: [UInt8]) async throws -> Reply {
                    try await server.call(
                        .POST, "/v1/workspaces/team/sync", token: anna.token,
                        json: String(decoding: body, as: UTF8.self))
                }
                // All but the last byte is there, and a moment later counts: who comes second is refused.
                var slow = try await server.raw()
                var refused: Reply
                var tries = 0
                repeat {
                    // Where the machine was slow, the first was the second, and is gone.
                    await slow.cut()
                    slow = try await server.raw()
                    try await slow.send(
                        Self.head(padded.count, anna.token)
                            + String(decoding: padded.dropLast(), as: UTF8.self))
                    try await Task.sleep(for: .milliseconds(500 * (tries + 1)))
                    refused = try await post(padded)
                    tries += 1
                } while refused.status == 200 && tries < 10
                #expect(refused.status == status)
                #expect(refused.headers.contains(name: "Retry-After"))
                #expect(try await post(json).status == 200)
                await slow.cut()
                var last = refused
                for _ in 0..<100 where last.status != 200 {
                    try await Task.sleep(for: .milliseconds(20))
                    last = try await post(padded)
                }
                #expect(last.status == 200)
            }
        }

        private static func head(_ length: Int, _ token: String) -> String {
            """
            POST /v1/workspaces/team/sync HTTP/1.1\r\nHost: a\r\n\
            Authorization: Bearer \(token)\r\nContent-Type: application/json\r\n\
            Content-Length: \(length)\r\n\r\n
            """
        }

        @Test("bodiesByteLimit: what a head says will come keeps nobody out before it comes")
        func announcedBodies() async throws {
            var bounds = ServerBounds()
            bounds.bodyBytes = 300_000
            try await TestServer.run(bounds: bounds) { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                let json = try WireCoding.json.encode(replica.replica.nextRequest().wire)
                let slow = try await server.raw()
                try await slow.send(Self.head(9_000_000, anna.token) + "{")
                while try await !server.call(.GET, "/metrics").text
                    .contains("ting_requests_under_way 2")
                {
                    try await Task.sleep(for: .milliseconds(20))
                }
                try await Task.sleep(for: .milliseconds(300))
                let reply = try await server.call(
                    .POST, "/v1/workspaces/team/sync", token: anna.token,
                    json: String(decoding: json, as: UTF8.self)
                        + String(repeating: " ", count: 200_000))
                #expect(reply.status == 200)
                await slow.cut()
            }
        }

        @Test("deviceBodiesByteLimit: a small body of many parts is no small one")
        func smallBodiesOfManyParts() async throws {
            var bounds = ServerBounds()
            bounds.deviceBodyBytes = 500_000
            try await TestServer.run(bounds: bounds) { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                var bytes = try WireCoding.protobuf.encode(replica.replica.nextRequest().wire)
                let fields = [[UInt8]](repeating: [0x32, 0], count: 30_000).flatMap { $0 }
                bytes += Self.field(10, Self.field(2, Self.field(8, fields)))
                #expect(bytes.count < Limits.smallRequestByteLimit)
                let reply = try await server.call(
                    .POST, "/v1/workspaces/team/sync", token: anna.token, body: bytes)
                #expect(reply.status == 429, "\(reply.text)")
            }
        }

        @Test("a body that is no HTTP is a malformed request, and no failure of the server")
        func brokenChunks() async throws {
            try await TestServer.run { server in
                for chunk in ["zz\r\n", "-1\r\n", "5\r\nhello0\r\n\r\n"] {
                    let line = try await server.raw()
                    try await line.send(
                        """
                        POST /v1/join HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                        Transfer-Encoding: chunked\r\n\r\n\(chunk)
                        """)
                    await line.cut()
                }
                // What was cut is counted once its end is known.
                for _ in 0..<50 {
                    let metrics = try await server.call(.GET, "/metrics").text
                    if metrics.contains("ting_requests_under_way 1") { break }
                    try await Task.sleep(for: .milliseconds(20))
                }
                let metrics = try await server.call(.GET, "/metrics").text
                #expect(!metrics.contains(#"status="500""#), "\(metrics)")
            }
        }
    }
}
