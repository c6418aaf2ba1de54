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
            let now = try await restingBytes(server)
            #expect(
                now - before < Self.clients * Self.bytesEachClient, "\(now - before) bytes")
            // Others are served meanwhile, and who begins to listen gets all of it.
            #expect(try await server.curl("\(server.url)/healthz").output == "ok\n")
            let first = try #require(clients.first)
            try await first.listenAgain()
            while first.receivedCount < 12 << 20 { try await Task.sleep(for: .milliseconds(10)) }
            for client in clients { await client.cut() }
        }

        /// What the server has in memory once it has come to rest.
        private func restingBytes(_ server: ServerProcess) async throws -> Int {
            var last = 0
            var now = try server.residentBytes
            while abs(now - last) > 1 << 20 {
                try await Task.sleep(for: .milliseconds(500))
                (last, now) = (now, try server.residentBytes)
            }
            return now
        }

        /// Answers of one piece used to be handed over for each of its streams.
        @Test("one that opens no window makes the server hold the few answers of its turns")
        func noWindow() async throws {
            let server = try await ServerProcess()
            let token = try await server.join("anna@example.org", "team")
            try await server.push(token, texts: 1, bytes: 150_000)
            let (path, streams) = ("/v1/workspaces/team/entries", 100)
            // Memory that the process takes once, for whatever comes.
            for _ in 0..<4 {
                _ = try await server.curl(
                    "-o", "/dev/null", "-H", "Authorization: Bearer \(token)", server.url + path)
            }
            let before = try server.residentBytes
            var clients: [RawClient] = []
            for _ in 0..<3 {
                let client = try await RawClient(server.address, ca: server.ca, protocols: ["h2"])
                try await client.send(Frame.preface + Frame.settings(windowSize: 0))
                for number in 0..<streams {
                    try await client.send(
                        Frame.headers(
                            UInt32(number * 2 + 1), "GET", path,
                            [("authorization", "Bearer \(token)")]))
                }
                clients.append(client)
            }
            let now = try await restingBytes(server)
            #expect(now - before < clients.count * Self.bytesEachClient, "\(now - before) bytes")
            #expect(try await server.curl("\(server.url)/healthz").output == "ok\n")
            // Who opens them gets every answer: no turn is lost.
            let first = try #require(clients.first)
            try await first.send(
                Frame.settings(windowSize: 1 << 20) + Frame.window(0, 256 << 20))
            while first.receivedCount < streams * 150_000 {
                try #require(!first.isClosed)
                try await Task.sleep(for: .milliseconds(20))
            }
            for client in clients { await client.cut() }
            server.signal(SIGTERM)
            #expect(await server.end() == 0)
        }

        @Test("deviceAnswersByteLimit: answers of one piece count until they are read")
        func unread() async throws {
            var bounds = ServerBounds()
            bounds.deviceAnswerBytes = 100_000
            try await TestServer.run(bounds: bounds) { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                try replica.insert(String(repeating: "a", count: 30_000))
                try await replica.exchange()
                let path = "/v1/workspaces/team/entries"
                let client = try await server.raw(["h2"])
                try await client.send(Frame.preface + Frame.settings(windowSize: 0))
                for number in 0..<Limits.streamsAnsweredAtOnce {
                    try await client.send(
                        Frame.headers(
                            UInt32(number * 2 + 1), "GET", path,
                            [("authorization", "Bearer \(anna.token)")]))
                }
                func isRefused() async throws -> Bool {
                    try await server.call(.GET, "/metrics").text.contains(
                        #"route="entries",status="429""#)
                }
                while try await !isRefused() { try await Task.sleep(for: .milliseconds(10)) }
                try await client.send(
                    Frame.settings(windowSize: 1 << 20) + Frame.window(0, 1 << 20))
                while try await server.call(.GET, path, token: anna.token).status != 200 {
                    try await Task.sleep(for: .milliseconds(10))
                }
                // On HTTP/1.1 too each gives back what it held.
                for _ in 0..<10 {
                    #expect(try await server.call(.GET, path, token: anna.token).status == 200)
                }
            }
        }

        @Test("streams that are reset while they wait leave nothing behind")
        func resets() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                try replica.insert(String(repeating: "a", count: 30_000))
                try await replica.exchange()
                func underWay(_ count: Int) async throws {
                    while try await !server.call(.GET, "/metrics").text.contains(
                        "ting_requests_under_way \(count).0")
                    {
                        try await Task.sleep(for: .milliseconds(10))
                    }
                }
                let client = try await server.raw(["h2"])
                try await client.send(Frame.preface + Frame.settings(windowSize: 0))
                let turns = UInt32(Limits.streamsAnsweredAtOnce)
                for number in 0..<turns {
                    try await client.send(
                        Frame.headers(
                            number * 2 + 1, "GET", "/v1/workspaces/team/entries",
                            [("authorization", "Bearer \(anna.token)")]))
                }
                // Beside the one that asks.
                try await underWay(Int(turns) + 1)
                for number in turns..<turns + 60 {
                    try await client.send(Frame.headers(number * 2 + 1, "GET", "/healthz"))
                    try await Task.sleep(for: .milliseconds(2))
                    try await client.send(Frame.reset(number * 2 + 1))
                }
                try await underWay(Int(turns) + 1)
                #expect(!client.isClosed)
                await client.cut()
            }
        }

        @Test("small answers that nobody reads keep no others of their connection waiting")
        func smallAnswers() async throws {
            try await TestServer.run { server in
                let client = try await server.raw(["h2"])
                try await client.send(Frame.preface + Frame.settings(windowSize: 0))
                let last = UInt32(Limits.streamsAnsweredAtOnce * 2 + 1)
                for stream in stride(from: 1, through: last, by: 2) {
                    try await client.send(Frame.headers(stream, "GET", "/healthz"))
                }
                try await client.send(Frame.window(last, 100))
                func isAnswered() -> Bool {
                    Frame.types(client.received).contains { $0.type == 0 && $0.stream == last }
                }
                while !isAnswered() {
                    try #require(!client.isClosed)
                    try await Task.sleep(for: .milliseconds(10))
                }
                await client.cut()
            }
        }

        /// Each answer that was not yet taken used to be looked after by a clock of its own.
        @Test("one that asks on and on costs no time while it takes nothing")
        func noTime() async throws {
            let server = try await ServerProcess()
            let client = try await RawClient(server.address, ca: server.ca, isDeaf: true)
            // More answers than the kernel keeps.
            let ask = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
            let asking = Task { try? await client.send(String(repeating: ask, count: 40_000)) }
            var (isAtRest, waiting) = (false, 0)
            for _ in 0..<60 where !isAtRest || waiting < 20 {
                let before = try server.processorSeconds
                try await Task.sleep(for: .seconds(1))
                isAtRest = try server.processorSeconds - before < 0.05
                let metrics = try await server.curl("\(server.url)/metrics").output
                let number = try #require(
                    metrics.firstMatch(of: /(?m)^ting_requests_under_way (\d+)/)?.1)
                waiting = try #require(Int(number))
            }
            #expect(isAtRest)
            #expect(waiting >= 20)
            await client.cut()
            _ = await asking.value
            server.signal(SIGTERM)
            #expect(await server.end() == 0)
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

    /// What the process has taken of processors: `stat` of proc(5), in hundredths of a second.
    fileprivate var processorSeconds: Double {
        get throws {
            let text = try String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8)
            // Behind the name, which may hold spaces.
            let fields = try #require(text.split(separator: ")").last).split(separator: " ")
            try #require(fields.count > 12)
            let ticks = [fields[11], fields[12]].compactMap { Int($0) }.reduce(0, +)
            return Double(ticks) / 100
        }
    }
}
