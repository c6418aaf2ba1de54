// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOHTTP1
import Testing
import TingCore
import TingServer

extension ServerTests {
    /// `streamsAnsweredAtOnce` and `responseChunkBytes`: measured from outside, as memory of the process.
    @Suite("Clients that read nothing", .timeLimit(.minutes(2)))
    struct DeafClientTests {
        private static let clients = 10
        /// Four pages (`streamsAnsweredAtOnce`), and as much again for TLS and the allocator.
        private static let bytesEachClient = 8 << 20

        @Test("each makes the server hold at most 8 MiB, however much it asks for")
        func memory() async throws {
            let server = try await ServerProcess()
            let token = try await server.join("anna@example.org", "team")
            try await server.push(token, texts: 1, bytes: 1_000_000)
            try await LargeSnapshot.plant(in: server.path, bytes: 12 << 20)
            for version in ["http/1.1", "h2"] { try await deafen(server, token, version) }
            server.signal(SIGTERM)
            #expect(await server.end() == 0)
        }

        private func deafen(_ server: ServerProcess, _ token: String, _ version: String)
            async throws
        {
            let path = "/v1/workspaces/team/snapshot"
            // Memory that the process takes once, for whatever comes.
            for _ in 0..<2 {
                _ = try await server.curl(
                    "-o", "/dev/null", "-H", "Authorization: Bearer \(token)", server.url + path)
                _ = try await server.curl(
                    "-o", "/dev/null", "-H", "Authorization: Bearer \(token)",
                    "\(server.url)/v1/workspaces/team/entries")
            }
            let before = try server.residentBytes
            var clients: [RawClient] = []
            for _ in 0..<Self.clients {
                let client = try await RawClient(
                    server.address, ca: server.ca, protocols: [version], isDeaf: true)
                if version == "h2" {
                    // Windows without bounds, and as many requests as the server lets in.
                    try await client.send(Frame.preface + Frame.settings(windowSize: 0x7fff_ffff))
                    try await client.send(Frame.window(0, 0x7fff_0000))
                    for number in 0..<40 {
                        try await client.send(
                            Frame.headers(
                                UInt32(number * 2 + 1), "GET",
                                number.isMultiple(of: 2) ? path : "/v1/workspaces/team/entries",
                                [("authorization", "Bearer \(token)")]))
                    }
                } else {
                    let ask =
                        "GET \(path) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n"
                    try await client.send(ask + ask + ask)
                }
                clients.append(client)
            }
            // Until the server has come to rest.
            var last = 0
            var now = try server.residentBytes
            while abs(now - last) > 1 << 20 {
                try await Task.sleep(for: .milliseconds(500))
                (last, now) = (now, try server.residentBytes)
            }
            #expect(
                now - before < Self.clients * Self.bytesEachClient, "\(now - before) bytes")
            // Others are served meanwhile, and who begins to listen gets all of it.
            #expect(try await server.curl("\(server.url)/healthz").output == "ok\n")
            let first = try #require(clients.first)
            try await first.listenAgain()
            while first.receivedCount < 12 << 20 { try await Task.sleep(for: .milliseconds(10)) }
            for client in clients { await client.cut() }
        }

        @Test(
            "one that takes nothing of its answer for idleSeconds is cut off; no shutdown waits for it",
            arguments: [false, true])
        func cutOff(_ byShutdown: Bool) async throws {
            var bounds = ServerBounds()
            if byShutdown {
                bounds.shutdown = .milliseconds(300)
            } else {
                bounds.patience = .seconds(1)
            }
            try await TestServer.run(bounds: bounds) { server in
                let anna = try await server.person("anna@example.org", in: "team")
                try await LargeSnapshot.plant(in: server.path, bytes: 12 << 20)
                let client = try await server.raw(isDeaf: true)
                try await client.send(
                    "GET /v1/workspaces/team/snapshot HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(anna.token)\r\n\r\n"
                )
                func isUnderWay() async throws -> Bool {
                    // Beside the one that asks.
                    try await server.call(.GET, "/metrics").text.contains(
                        "ting_requests_under_way 2.0")
                }
                while try await !isUnderWay() { try await Task.sleep(for: .milliseconds(5)) }
                if byShutdown { return await server.beginShutdown() }
                while try await isUnderWay() { try await Task.sleep(for: .milliseconds(20)) }
            }
        }
    }
}

extension ServerProcess {
    /// What the process has in memory: `VmRSS` of proc(5).
    var residentBytes: Int {
        get throws {
            let text = try String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)
            let kilobytes = try #require(text.firstMatch(of: /VmRSS:\s+(\d+) kB/)?.1)
            return try #require(Int(kilobytes)) * 1_024
        }
    }
}
