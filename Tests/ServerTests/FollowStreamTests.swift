// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Testing
import TingCore
import TingServer

extension ServerTests {
    /// Streams of `GET …/follow`, which leave the routes once they stand.
    @Suite("Event streams", .timeLimit(.minutes(2)))
    struct FollowStreamTests {
        /// The version of HTTP that a client speaks.
        enum Version: String, CaseIterable {
            case http1 = "http/1.1"
            case http2 = "h2"
        }

        private static let path = "/v1/workspaces/team/follow"

        /// A client with so many streams: one on HTTP/1.1.
        private func follower(
            _ server: TestServer, _ token: String, _ version: Version, streams: Int = 1,
            isDeaf: Bool = false
        ) async throws -> RawClient {
            let client = try await server.raw([version.rawValue], isDeaf: isDeaf)
            switch version {
            case .http1: try await client.send(Self.request(token))
            case .http2:
                try await client.send(Frame.preface + Frame.settings())
                for number in 0..<streams {
                    try await client.send(
                        Frame.headers(
                            UInt32(number * 2 + 1), "GET", Self.path,
                            [("authorization", "Bearer \(token)")]))
                }
            }
            return client
        }

        private static func request(_ token: String) -> String {
            "GET \(path) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n"
        }

        @Test("many ask together, some leave at once, and the others hear every version in order")
        func many() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team", as: .owner)
                let replica = try await TestReplica(server, anna, "team")
                var clients: [(client: RawClient, streams: Int)] = []
                for device in 0..<4 {
                    let token = try await server.person("m\(device)@example.org", in: "team").token
                    if device.isMultiple(of: 2) {
                        clients.append(
                            (try await follower(server, token, .http2, streams: 12), 12))
                        continue
                    }
                    for number in 0..<Limits.followLimit {
                        let client = try await follower(server, token, .http1)
                        if number < 4 {
                            await client.cut()
                        } else {
                            clients.append((client, 1))
                        }
                    }
                }
                for (client, streams) in clients {
                    try await client.hears("event: head", times: streams)
                }
                for _ in 0..<3 {
                    try replica.insert("News")
                    try await replica.exchange()
                }
                for (client, streams) in clients {
                    try await client.hears(#""head":"3""#, times: streams)
                    guard streams == 1 else { continue }
                    let heads = client.text.matches(of: /"head":"(\d)"/).map { String($0.1) }
                    #expect(heads == ["1", "2", "3"] || heads == ["0", "1", "2", "3"])
                }
            }
        }

        @Test(
            "a slow one holds nobody back, misses what is old, and hears the newest head",
            arguments: Version.allCases)
        func slow(_ version: Version) async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team", as: .owner)
                let replica = try await TestReplica(server, anna, "team")
                // On HTTP/2 it reads, but opens no window.
                let slow = try await follower(
                    server, anna.token, version, isDeaf: version == .http1)
                let quick = try await server.follow("team", token: anna.token)
                var pieces = quick.makeAsyncIterator()
                let count = version == .http1 ? 180 : 30
                var heard = ""
                while !heard.contains("\n\n") {
                    heard += String(buffer: try #require(try await pieces.next()))
                }
                for number in 1...count {
                    try replica.insert(String(repeating: "a", count: 40_000))
                    try await replica.exchange()
                    heard = ""
                    while !heard.contains(#""head":"\#(number)""#) {
                        heard += String(buffer: try #require(try await pieces.next()))
                    }
                }
                switch version {
                case .http1: try await slow.listenAgain()
                case .http2:
                    try await slow.send(Frame.window(0, 64 << 20) + Frame.window(1, 64 << 20))
                }
                let newest = #""head":"\#(count)""#
                while !String(decoding: slow.received.suffix(80_000), as: UTF8.self)
                    .contains(newest)
                {
                    try await Task.sleep(for: .milliseconds(20))
                }
                #expect(slow.text.components(separatedBy: "event: head").count - 1 < count)
            }
        }

        @Test("one that takes nothing for idleSeconds is cut off", arguments: Version.allCases)
        func deaf(_ version: Version) async throws {
            var bounds = ServerBounds()
            bounds.patience = .milliseconds(500)
            try await TestServer.run(bounds: bounds) { server in
                let anna = try await server.person("anna@example.org", in: "team", as: .owner)
                let replica = try await TestReplica(server, anna, "team")
                let deaf = try await follower(
                    server, anna.token, version, isDeaf: version == .http1)
                try await server.waits(for: 1)
                while try await server.followers() == 1 {
                    try replica.insert(String(repeating: "a", count: 40_000))
                    try await replica.exchange()
                }
                withExtendedLifetime(deaf) {}
            }
        }

        @Test(
            "each ends within a second when its reader is removed, also one that reads nothing",
            .tags(.promise8), arguments: Version.allCases)
        func removed(_ version: Version) async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team", as: .owner)
                let replica = try await TestReplica(server, anna, "team")
                var times: [Duration] = []
                for isDeaf in [false, true, false] {
                    let email = "m\(times.count)@example.org"
                    let member = try await server.person(email, in: "team", as: .viewer)
                    let client = try await follower(server, member.token, version, isDeaf: isDeaf)
                    try await server.waits(for: 1)
                    // As much as the kernel takes for one that reads nothing, or the window.
                    for _ in 0..<(!isDeaf ? 1 : version == .http1 ? 120 : 4) {
                        try replica.insert(String(repeating: "a", count: 40_000))
                        try await replica.exchange()
                    }
                    if !isDeaf { #expect(try await client.hears("event: head")) }
                    try server.asOperator { try $0.setRole(nil, email: email, in: "team") }
                    let start = ContinuousClock.now
                    try await server.waits(for: 0)
                    switch (version, isDeaf) {
                    case (_, true): break
                    case (.http1, _):
                        try await client.ends()
                        #expect(client.text.hasSuffix("\r\n0\r\n\r\n"))
                    case (.http2, _): try await client.endsStream()
                    }
                    times.append(ContinuousClock.now - start)
                }
                // A busy machine may delay some of them.
                #expect(try #require(times.min()) < .seconds(1), "\(times)")
            }
        }

        @Test("a shutdown ends streams whole, and waits for none", arguments: Version.allCases)
        func shutdown(_ version: Version) async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let client = try await follower(server, anna.token, version)
                #expect(try await client.hears("event: head"))
                let start = ContinuousClock.now
                await server.beginShutdown()
                switch version {
                case .http1:
                    try await client.ends()
                    #expect(client.text.hasSuffix("\r\n0\r\n\r\n"))
                case .http2: try await client.endsStream()
                }
                #expect(ContinuousClock.now - start < .seconds(Limits.shutdownSeconds / 2))
            }
        }

        @Test("on a connection that was used before, answers keep their order")
        func order() async throws {
            var bounds = ServerBounds()
            bounds.followComment = .milliseconds(30)
            try await TestServer.run(bounds: bounds) { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let client = try await server.raw()
                let ask = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
                try await client.send(ask)
                #expect(try await client.hears("ok\n"))
                try await client.send(ask + ask + Self.request(anna.token))
                #expect(try await client.hears(": still here"))
                let text = client.text
                #expect(text.components(separatedBy: "ok\n").count == 4)
                #expect(
                    try #require(text.range(of: "ok\n", options: .backwards)).upperBound
                        < #require(text.range(of: "event: head")).lowerBound)
            }
        }

        @Test(
            "what comes behind the request is not heard, whatever it is", arguments: [true, false])
        func noise(_ together: Bool) async throws {
            var bounds = ServerBounds()
            bounds.followComment = .milliseconds(30)
            try await TestServer.run(bounds: bounds) { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let client = try await server.raw()
                let noise = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n\u{0}\u{1}nonsense\r\n\r\n"
                if together {
                    try await client.send(Self.request(anna.token) + noise)
                } else {
                    try await client.send(Self.request(anna.token))
                    for _ in 0..<20 { try await client.send(noise) }
                }
                #expect(try await client.hears(": still here"))
                #expect(!client.text.contains("ok\n"))
            }
        }

        @Test("a refusal is whole, and ends the connection", arguments: Version.allCases)
        func refused(_ version: Version) async throws {
            try await TestServer.run { server in
                let client = try await follower(server, "nobody", version)
                #expect(try await client.hears(#""code":"unauthorized""#))
                if version == .http1 {
                    try await client.ends()
                    #expect(client.text.lowercased().contains("connection: close"))
                } else {
                    try await client.endsStream()
                }
                #expect(try await server.followers() == 0)
            }
        }
    }
}

extension RawClient {
    /// Waits until `text` has come so often.
    fileprivate func hears(_ text: String, times: Int) async throws {
        while self.text.components(separatedBy: text).count <= times {
            try #require(!isClosed)
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Waits until an HTTP/2 stream has ended (RFC 9113 § 6.1, § 6.4).
    fileprivate func endsStream() async throws {
        while !isClosed, !Frame.ends(received) { try await Task.sleep(for: .milliseconds(5)) }
    }
}

extension Frame {
    /// Whether a stretch of bytes ends a stream.
    fileprivate static func ends(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            if head[3] == 3 || head[3] <= 1 && head[4] & 1 == 1 { return true }
            rest = rest.dropFirst(9 + Int(head[0]) << 16 + Int(head[1]) << 8 + Int(head[2]))
        }
        return false
    }
}

extension TestServer {
    fileprivate func followers() async throws -> Int {
        let metrics = try await call(.GET, "/metrics").text
        return try #require(
            metrics.firstMatch(of: /(?m)^ting_followers (\d+)/).flatMap { Int($0.1) })
    }

    fileprivate func waits(for count: Int) async throws {
        while try await followers() != count { try await Task.sleep(for: .milliseconds(10)) }
    }
}
