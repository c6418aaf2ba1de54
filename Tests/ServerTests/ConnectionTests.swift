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
    /// Limits of `Limits.swift` that concern connections, with small times.
    @Suite("Connections that lead nowhere", .timeLimit(.minutes(1)))
    struct ConnectionTests {
        private func bounds(_ change: (inout ServerBounds) -> Void) -> ServerBounds {
            var bounds = ServerBounds()
            change(&bounds)
            return bounds
        }

        @Test(
            "handshakeSeconds: a connection that never starts TLS, or never ends its start, is closed"
        )
        func handshake() async throws {
            try await TestServer.run(bounds: bounds { $0.handshake = .seconds(1) }) { server in
                // Who finishes in time may stay.
                let client = try await server.raw()
                var hopeless: [RawClient] = []
                for bytes in [[], [0x16, 3, 1, 0, 200, 1], Array("GET / HTTP/1.1\r\n\r\n".utf8)] {
                    let client = try await server.raw(nil)
                    try await client.send(bytes)
                    hopeless.append(client)
                }
                for client in hopeless { try await client.ends() }
                try await client.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await client.hears("200 OK"))
            }
        }

        @Test(
            "firstRequestSeconds: a connection that asks nothing, or never ends its first head, is closed",
            arguments: [
                ["", "h2"], ["", "http/1.1"], ["GET /healthz HTTP/1.1\r\nHo", "http/1.1"],
            ])
        func firstRequest(_ start: [String]) async throws {
            try await TestServer.run(bounds: bounds { $0.firstRequest = .seconds(1) }) { server in
                // Who has asked once may be silent for longer.
                let asked = try await server.raw()
                try await asked.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await asked.hears("200 OK"))
                let silent = try await server.raw([start[1]])
                if start[1] == "h2" { try await silent.send(Frame.preface + Frame.settings()) }
                try await silent.send(start[0])
                while !silent.isClosed {
                    if !start[0].isEmpty { try? await silent.send("s") }
                    try await Task.sleep(for: .milliseconds(50))
                }
                try await asked.send("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await asked.hears("ready"))
            }
        }

        @Test("an address holds as many connections as it may; one that closes makes room")
        func connectionsOfAnAddress() async throws {
            try await TestServer.run(bounds: bounds { $0.connectionsEachAddress = 3 }) { server in
                var held: [RawClient] = []
                for _ in 0..<3 { held.append(try await server.raw()) }
                let refused = try await server.raw(nil)
                try await refused.ends()
                await held[0].cut()
                var isIn = false
                for _ in 0..<100 where !isIn {
                    if let client = try? await server.raw() {
                        try await client.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                        isIn = try await client.hears("200 OK")
                    } else {
                        try await Task.sleep(for: .milliseconds(50))
                    }
                }
                #expect(isIn)
            }
        }

        @Test(
            "an address holds a quarter of all connections, and a floor; the own machine any number"
        )
        func shares() {
            var bounds = ServerBounds()
            #expect(bounds.connections(of: "192.0.2.1") == Limits.connectionLimit / 4)
            for own in ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"] {
                #expect(bounds.connections(of: own) == nil, "\(own)")
            }
            bounds.connections = 150
            #expect(bounds.connections(of: "2001:db8::1") == Limits.addressConnectionFloor)
            bounds.connectionsEachAddress = 7
            #expect(bounds.connections(of: "::1") == 7)
        }

        @Test(
            "idleSeconds: a silent connection is closed, also one that sends a byte of a head now and then",
            arguments: ["", "GET /healthz HTTP/1.1\r\nHo"])
        func idle(_ start: String) async throws {
            try await TestServer.run(bounds: bounds { $0.idle = .milliseconds(300) }) { server in
                let client = try await server.raw()
                try await client.send(start)
                while !client.isClosed {
                    if !start.isEmpty { try? await client.send("s") }
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
        }

        @Test(
            "idleSeconds: a silent HTTP/2 connection is closed, though its client answers no PING")
        func idleHTTP2() async throws {
            try await TestServer.run(bounds: bounds { $0.idle = .milliseconds(200) }) { server in
                let client = try await server.raw(["h2"])
                try await client.send(Frame.preface + Frame.settings())
                try await client.send(Frame.headers(1, "GET", "/healthz"))
                #expect(try await client.hears("ok\n"))
                try await client.ends()
            }
        }

        @Test(
            "requestSeconds: a body that comes in drops has a limit as a whole",
            arguments: [false, true])
        func slowBody(_ isHTTP2: Bool) async throws {
            try await TestServer.run(bounds: bounds { $0.request = .milliseconds(400) }) { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let fields = [
                    ("authorization", "Bearer \(anna.token)"), ("content-type", "application/json"),
                    ("content-length", "1000"),
                ]
                let client = try await server.raw(isHTTP2 ? ["h2"] : ["http/1.1"])
                let path = "/v1/workspaces/team/sync"
                if isHTTP2 {
                    try await client.send(Frame.preface + Frame.settings())
                    try await client.send(Frame.headers(1, "POST", path, fields, hasBody: true))
                } else {
                    let lines = fields.map { "\($0): \($1)\r\n" }.joined()
                    try await client.send("POST \(path) HTTP/1.1\r\nHost: a\r\n\(lines)\r\n")
                }
                // On HTTP/2 the stream is reset (frame type 3), and others could go on.
                while !client.isClosed,
                    !Frame.types(client.received).contains(where: { $0.type == 3 })
                {
                    try? await client.send(isHTTP2 ? Frame.data(1, [0x20], ends: false) : [0x20])
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
        }

        @Test("lingerSeconds: what follows a refusal is read for a while only, however much it is")
        func endlessBody() async throws {
            try await TestServer.run(bounds: bounds { $0.linger = .milliseconds(200) }) { server in
                let client = try await server.raw()
                try await client.send(
                    """
                    POST /v1/workspaces/team/sync HTTP/1.1\r
                    Host: a\r
                    Content-Type: application/json\r
                    Transfer-Encoding: chunked\r
                    \r

                    """)
                #expect(try await client.hears("401 Unauthorized"))
                while !client.isClosed {
                    try? await client.send("4\r\nabcd\r\n")
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
        }

        @Test("connectionLimit: one more waits, and is served when another goes")
        func connections() async throws {
            try await TestServer.run(bounds: bounds { $0.connections = 3 }) { server in
                let ask = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
                var clients: [RawClient] = []
                for _ in 0..<3 {
                    let client = try await server.raw()
                    try await client.send(ask)
                    #expect(try await client.hears("200 OK"))
                    clients.append(client)
                }
                let next = try await server.raw()
                async let served: Void = next.send(ask)
                try await Task.sleep(for: .milliseconds(100))
                #expect(next.received.isEmpty)
                await clients.removeLast().cut()
                try await served
                #expect(try await next.hears("200 OK"))
            }
        }

        @Test("followCommentSeconds: a quiet stream says now and then that it is alive")
        func comments() async throws {
            try await TestServer.run(bounds: bounds { $0.followComment = .milliseconds(30) }) {
                server in
                let anna = try await server.person("anna@example.org", in: "team")
                var pieces = try await server.follow("team", token: anna.token).makeAsyncIterator()
                var text = ""
                while text.components(separatedBy: ": still here\n\n").count < 3 {
                    text += String(buffer: try #require(try await pieces.next()))
                }
                #expect(text.hasPrefix("event: head\ndata: {"))
            }
        }

        @Test("followCommentSeconds: so does each quiet stream of an HTTP/2 connection")
        func commentsOfStreams() async throws {
            try await TestServer.run(bounds: bounds { $0.followComment = .milliseconds(30) }) {
                server in
                let anna = try await server.person("anna@example.org", in: "team")
                let client = try await server.raw(["h2"])
                try await client.send(Frame.preface + Frame.settings())
                try await client.send(
                    Frame.headers(
                        1, "GET", "/v1/workspaces/team/follow",
                        [("authorization", "Bearer \(anna.token)")]))
                #expect(try await client.hears("event: head"))
                #expect(try await client.hears(": still here\n\n"))
            }
        }

        @Test("a stream that is ended among its comments ends whole: nothing comes behind its end")
        func endsAmongComments() async throws {
            try await TestServer.run(bounds: bounds { $0.followComment = .microseconds(200) }) {
                server in
                for _ in 0..<8 {
                    let member = try await server.person("anna@example.org", in: "team")
                    var pieces = try await server.follow("team", token: member.token)
                        .makeAsyncIterator()
                    _ = try await pieces.next()
                    _ = try await pieces.next()
                    let path = "/v1/devices/\(member.device)"
                    let gone = try await server.call(.DELETE, path, token: member.token)
                    #expect(gone.status == 204)
                    // A chunk behind the last one, or none at the end, would throw here.
                    while try await pieces.next() != nil {}
                }
            }
        }

        @Test(
            "followLimit: a device has so many streams, and another when one ends",
            arguments: [1, 2])
        func follows(_ http: Int) async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let ask =
                    "GET /v1/workspaces/team/follow HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(anna.token)\r\n\r\n"
                if http == 2 {
                    // All on one connection: streams are not counted as requests being answered.
                    let client = try await server.raw(["h2"])
                    try await client.send(Frame.preface + Frame.settings())
                    for number in 0...Limits.followLimit {
                        try await client.send(
                            Frame.headers(
                                UInt32(number * 2 + 1), "GET", "/v1/workspaces/team/follow",
                                [("authorization", "Bearer \(anna.token)")]))
                    }
                    #expect(try await client.hears("too_many_requests"))
                    return
                }
                var clients: [RawClient] = []
                for _ in 0..<Limits.followLimit {
                    let client = try await server.raw()
                    try await client.send(ask)
                    #expect(try await client.hears("event: head"))
                    clients.append(client)
                }
                let path = "/v1/workspaces/team/follow"
                let refused = try await server.call(.GET, path, token: anna.token)
                #expect(refused.status == 429)
                #expect(refused.headers.contains(name: "Retry-After"))
                // Other devices of the same member have streams of their own.
                let phone = try await server.person("anna@example.org", in: "team")
                _ = try await server.follow("team", token: phone.token)
                await clients.removeLast().cut()
                while try await server.call(.HEAD, path, token: anna.token).status == 429 {
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
        }

        @Test("streamsAnsweredAtOnce: more requests of one connection wait for their turn")
        func streams() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let client = try await server.raw(["h2"])
                try await client.send(Frame.preface + Frame.settings())
                let fields = [
                    ("authorization", "Bearer \(anna.token)"), ("content-type", "application/json"),
                ]
                func open(_ number: Int) async throws {
                    try await client.send(
                        Frame.headers(
                            UInt32(number * 2 + 1), "POST", "/v1/workspaces/team/sync", fields,
                            hasBody: true))
                }
                // So many whose body does not come, and one that asks for little.
                for number in 0..<Limits.streamsAnsweredAtOnce { try await open(number) }
                try await client.send(
                    Frame.headers(UInt32(Limits.streamsAnsweredAtOnce * 2 + 1), "GET", "/healthz"))
                try await Task.sleep(for: .milliseconds(100))
                #expect(!client.text.contains("ok\n"))
                try await client.send(Frame.data(1, Array("{}".utf8), ends: true))
                #expect(try await client.hears("ok\n"))
            }
        }

        @Test("a stream that is reset while its body is read was cut off, and has not failed")
        func reset() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let client = try await server.raw(["h2"])
                try await client.send(Frame.preface + Frame.settings())
                try await client.send(
                    Frame.headers(
                        1, "POST", "/v1/workspaces/team/sync",
                        [
                            ("authorization", "Bearer \(anna.token)"),
                            ("content-type", "application/json"),
                        ], hasBody: true))
                // Beside the one that asks.
                while try await !server.metrics().contains("ting_requests_under_way 2.0") {
                    try await Task.sleep(for: .milliseconds(5))
                }
                try await client.send(Frame.data(1, [0x7b], ends: false))
                try await Task.sleep(for: .milliseconds(50))
                try await client.send(Frame.reset(1))
                while try await !server.metrics().contains("ting_requests_under_way 1.0") {
                    try await Task.sleep(for: .milliseconds(5))
                }
                let metrics = try await server.metrics()
                #expect(metrics.contains(#"route="sync",status="400"} 1"#), "\(metrics)")
                #expect(!metrics.contains(#"status="500""#), "\(metrics)")
            }
        }

        @Test("a body is asked for behind the answers to what was asked before, not among them")
        func goAhead() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let size = 12 << 20
                try await LargeSnapshot.plant(in: server.path, bytes: size)
                let client = try await server.raw(isDeaf: true)
                let token = "Host: a\r\nAuthorization: Bearer \(anna.token)\r\n"
                try await client.send("GET /v1/workspaces/team/snapshot HTTP/1.1\r\n\(token)\r\n")
                try await Task.sleep(for: .milliseconds(300))
                try await client.send(
                    """
                    POST /v1/workspaces/team/sync HTTP/1.1\r
                    \(token)Content-Type: application/json\r
                    Content-Length: 2\r
                    Expect: 100-continue\r
                    \r

                    """)
                try await Task.sleep(for: .milliseconds(100))
                try await client.listenAgain()
                /// What came behind the snapshot.
                func rest() throws -> String {
                    let received = client.received
                    let start = String(decoding: received.prefix(4_000), as: UTF8.self)
                    let end = try #require(start.range(of: "\r\n\r\n")).upperBound
                    return String(
                        decoding: received.dropFirst(start[..<end].utf8.count + size),
                        as: UTF8.self)
                }
                while client.receivedCount <= size { try await Task.sleep(for: .milliseconds(20)) }
                while try rest().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
                #expect(try rest().hasPrefix("HTTP/1.1 100 Continue\r\n"))
                try await client.send("{}")
                while try !rest().contains("HTTP/1.1 400") {
                    try #require(!client.isClosed)
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
        }

        @Test(
            "a client that leaves in the middle of a request or of an answer disturbs nobody",
            .tags(.promise5))
        func cuts() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                try replica.insert("Once")
                let body = try WireCoding.protobuf.encode(replica.replica.nextRequest().wire)
                let head =
                    "POST /v1/workspaces/team/sync HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(anna.token)\r\nContent-Type: application/x-protobuf\r\nContent-Length: \(body.count)\r\n\r\n"
                let whole = Array(head.utf8) + body
                for cut in stride(from: 1, through: whole.count, by: whole.count / 12) {
                    let client = try await server.raw()
                    try await client.send(Array(whole.prefix(cut)))
                    await client.cut()
                }
                let deaf = try await server.raw(isDeaf: true)
                try await deaf.send(whole)
                await deaf.cut()
                let response = try await replica.exchange()
                #expect(response.verdicts.map(\.verdict) == [.applied(1)])
                #expect(response.head == 1)
            }
        }
    }
}

extension TestServer {
    fileprivate func metrics() async throws -> String { try await call(.GET, "/metrics").text }

    func raw(_ protocols: [String]? = ["http/1.1"], isDeaf: Bool = false) async throws -> RawClient
    {
        try await RawClient(address, ca: "\(path)/tls/ca.pem", protocols: protocols, isDeaf: isDeaf)
    }
}
