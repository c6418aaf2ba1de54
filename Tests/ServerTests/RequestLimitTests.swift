// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Crypto
import Foundation
import GRDB
import NIOCore
import NIOHTTP1
import Synchronization
import Testing
import TingCore
import TingStore
import TingWire

@testable import TingServer

extension ServerTests {
    /// Limits of `Limits.swift` that concern requests, each crossed.
    @Suite("Limits of requests")
    struct RequestLimitTests {
        @Test(
            "requestByteLimit: a body of that many bytes is read, one byte more is 413",
            arguments: [false, true])
        func body(_ isChunked: Bool) async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                let json = try WireCoding.json.encode(replica.replica.nextRequest().wire)
                for (count, status) in [
                    (Limits.requestByteLimit, 200), (Limits.requestByteLimit + 1, 413),
                ] {
                    let padded = json + [UInt8](repeating: 0x20, count: count - json.count)
                    var request = HTTPClientRequest(url: "\(server.url)/v1/workspaces/team/sync")
                    request.method = .POST
                    request.headers = [
                        "Authorization": "Bearer \(anna.token)", "Content-Type": "application/json",
                    ]
                    request.body =
                        isChunked
                        ? .stream(
                            AsyncStream(ByteBuffer.self) {
                                $0.yield(ByteBuffer(bytes: padded))
                                $0.finish()
                            }, length: .unknown)
                        : .bytes(ByteBuffer(bytes: padded))
                    let response = try await server.client.execute(request, timeout: .seconds(30))
                    #expect(Int(response.status.code) == status)
                    _ = try await response.body.collect(upTo: 1 << 20)
                }
            }
        }

        @Test("smallRequestByteLimit: a stranger can't make the server hold more than that")
        func smallBody() async throws {
            try await TestServer.run { server in
                let spaces = String(repeating: " ", count: Limits.smallRequestByteLimit)
                let reply = try await server.call(.POST, "/v1/join", json: spaces + "{}")
                #expect(reply.status == 413)
                #expect(reply.code == "request_too_large")
            }
        }

        @Test("deliveryLimit: so many change sets are judged, one more is a malformed request")
        func deliveries() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team", as: .viewer)
                let replica = try await TestReplica(server, anna, "team")
                try replica.insert("One")
                var request = try replica.replica.nextRequest()
                let first = try #require(request.deliveries.first)
                request.deliveries = (1...Int64(Limits.deliveryLimit)).map {
                    Delivery(number: $0, changeSet: first.changeSet)
                }
                #expect(
                    try await server.sync(request, anna.token, .protobuf).verdicts.count == 1_000)
                request.deliveries.append(Delivery(number: 2_000, changeSet: first.changeSet))
                let refused = try await replica.post(request)
                #expect(refused.status == 400)
                #expect(refused.text.contains("deliveries"))
            }
        }

        @Test(
            "nameByteLimit: names of people and devices, and addresses, are a line of so many bytes"
        )
        func names() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team", as: .owner)
                let longest = String(repeating: "a", count: Limits.nameByteLimit)
                func invite(_ name: String, _ email: String) async throws -> Int {
                    let json = try JSONEncoder().encode(["name": name, "email": email])
                    return try await server.call(
                        .POST, "/v1/workspaces/team/invitations", token: anna.token,
                        json: String(decoding: json, as: UTF8.self)
                    ).status
                }
                #expect(try await invite(longest, "a@b.c") == 201)
                #expect(try await invite(String(longest.dropLast(4)) + "@b.c", "a@b.c") == 201)
                for name in [longest + "a", "", " ", "a\nb", "a\u{7f}"] {
                    #expect(try await invite(name, "a@b.c") == 400, "\(name)")
                }
                for email in [longest + "@b.c", "", "a", "@b", "a@", "a@b@c", "a b@c.d", "a@b\n"] {
                    #expect(try await invite("A", email) == 400, "\(email)")
                }
                let code = try server.invite("li@example.cn", to: "team", as: nil)
                for name in [longest + "a", "", "a\\u0000"] {
                    let body = TestServer.joinBody(code).replacing("laptop", with: name)
                    let reply = try await server.call(.POST, "/v1/join", json: body)
                    #expect(reply.status == 400 && reply.text.contains("device_name"))
                }
                // None of these used the code up.
                #expect(try await server.join(code).status == 200)
            }
        }

        @Test(
            "joinAttemptsPerMinute: then even a right code waits, until the minute is over",
            arguments: [1, 2])
        func joinAttempts(_ http: Int) async throws {
            let offset = Mutex(Int64(0))
            // In the middle of a minute that does not end by itself.
            let start = TestServer.clock() / 60_000 * 60_000 + 30_000
            let clock: @Sendable () -> Int64 = { start + offset.withLock { $0 } }
            try await TestServer.run(now: clock) { server in
                let code = try server.invite("anna@example.org", to: "team", as: nil)
                for _ in 0..<Limits.joinAttemptsPerMinute {
                    #expect(try await server.join("wrong").status == 401)
                }
                let blocked = try await server.join(code)
                #expect(blocked.status == 429)
                #expect(blocked.headers.contains(name: "Retry-After"))
                if http == 2 {
                    let client = try await server.raw(["h2"])
                    try await client.send(Frame.preface + Frame.settings())
                    try await client.send(
                        Frame.headers(
                            1, "POST", "/v1/join", [("content-type", "application/json")],
                            hasBody: true
                        ))
                    try await client.send(
                        Frame.data(1, Array(TestServer.joinBody(code).utf8), ends: true))
                    #expect(try await client.hears("too_many_requests"))
                }
                offset.withLock { $0 = 60_000 }
                #expect(try await server.join(code).status == 200)
            }
        }

        @Test(
            "memberChangesPerHour: owners who have made so many hear when more are taken; removals are"
        )
        func memberChanges() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team", as: .owner)
                let bo = try await server.person("bo@example.org", in: "team", as: .editor)
                try server.asOperator { person in
                    let team = try #require(try person.accounts.workspace(slug: "team"))
                    try person.accounts.write { db in
                        for _ in 0..<Limits.memberChangesPerHour {
                            try person.accounts.audit(
                                db, "member.role.editor", by: anna.member, workspace: team)
                        }
                    }
                }
                let changes: [(HTTPMethod, String, String)] = [
                    (.PATCH, "/members/\(bo.member)", #"{"role":"viewer"}"#),
                    (.POST, "/invitations", #"{"name":"Li","email":"li@example.cn"}"#),
                ]
                for (method, path, json) in changes {
                    let reply = try await server.call(
                        method, "/v1/workspaces/team\(path)", token: anna.token, json: json)
                    #expect(reply.status == 429 && reply.code == "too_many_requests")
                    let wait = reply.headers.first(name: "Retry-After").flatMap { Int($0) } ?? 0
                    #expect((3_000...3_601).contains(wait), "\(path): \(wait)")
                }
                let list: Ting_V1_MembersResponse = try await server.call(
                    .GET, "/v1/workspaces/team/members", token: anna.token
                ).message()
                #expect(Set(list.members.map(\.role)) == ["owner", "editor"])
                let removed = try await server.call(
                    .DELETE, "/v1/workspaces/team/members/\(bo.member)", token: anna.token)
                #expect(removed.status == 204)
            }
        }

        @Test(
            "pageByteLimit: entries come in pages; followEventByteLimit: large ones are not in events"
        )
        func pages() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                for _ in 0..<2 {
                    try replica.insert(String(repeating: "a", count: Limits.pageByteLimit * 2 / 3))
                    try await replica.exchange()
                }
                try replica.insert("Small")
                try await replica.exchange()
                func page(_ query: String) async throws -> Ting_V1_EntriesPage {
                    try await server.call(
                        .GET, "/v1/workspaces/team/entries?\(query)", token: anna.token
                    ).message()
                }
                #expect(try await page("since=0").entries.map(\.version) == [1])
                #expect(try await page("since=0&bytes=99999999").entries.map(\.version) == [1])
                #expect(try await page("since=1").entries.map(\.version) == [2, 3])
                #expect(try await page("since=1&bytes=1").entries.map(\.version) == [2])
                #expect(try await page("since=3").entries.isEmpty)
                for query in [
                    "since=-1", "since=x", "since=", "bytes=1.5", "since=99999999999999999999",
                ] {
                    let path = "/v1/workspaces/team/entries?\(query)"
                    #expect(
                        try await server.call(.GET, path, token: anna.token).status == 400,
                        "\(query)")
                }
                #expect(try await event(server, anna, since: 1).entries.isEmpty)
                #expect(try await event(server, anna, since: 2).entries.map(\.version) == [3])
            }
        }

        private func event(
            _ server: TestServer, _ person: Person, since: Int
        ) async throws -> Ting_V1_FollowEvent {
            let stream = try await server.follow("team", token: person.token, since: since)
            var text = ""
            for try await piece in stream {
                text += String(buffer: piece)
                if text.hasSuffix("\n\n") { break }
            }
            let data = try #require(text.split(separator: "\n").last?.trimmingPrefix("data: "))
            return try WireCoding.json.decode(Ting_V1_FollowEvent.self, Array(data.utf8))
        }

        @Test("openWorkspaceLimit: so many files stay open, whatever is used, and all can be read")
        func openWorkspaces() async throws {
            var bounds = ServerBounds()
            bounds.openWorkspaces = 2
            try await TestServer.run(bounds: bounds) { server in
                var anna = try await server.person("anna@example.org", in: "w0", as: .owner)
                for number in 1..<6 {
                    anna = try await server.person("anna@example.org", in: "w\(number)", as: .owner)
                }
                let token = anna.token
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for round in 0..<30 {
                        group.addTask {
                            let path = "/v1/workspaces/w\(round % 6)/entries"
                            let reply = try await server.call(.GET, path, token: token)
                            #expect(reply.status == 200)
                        }
                    }
                    try await group.waitForAll()
                }
                let metrics = try await server.call(.GET, "/metrics").text
                let open = try #require(metrics.firstMatch(of: /(?m)^ting_open_workspaces (\d)/)?.1)
                #expect(try #require(Int(open)) <= 2)
            }
        }

        @Test("a list of workspaces says of each what opening it says, and opens none")
        func listing() async throws {
            var bounds = ServerBounds()
            bounds.openWorkspaces = 1
            try await TestServer.run(bounds: bounds) { server in
                var anna = try await server.person("anna@example.org", in: "w0", as: .owner)
                for number in 1..<4 {
                    anna = try await server.person("anna@example.org", in: "w\(number)", as: .owner)
                }
                let replica = try await TestReplica(server, anna, "w0")
                try replica.insert("One")
                try await replica.exchange()
                func list() async throws -> [Ting_V1_WorkspaceInfo] {
                    let reply = try await server.call(.GET, "/v1/workspaces", token: anna.token)
                    return try reply.message(Ting_V1_WorkspacesResponse.self).workspaces
                }
                // A closed one has no log beside it.
                func logs() throws -> [String] {
                    try FileManager.default.contentsOfDirectory(
                        atPath: server.path + "/workspaces"
                    ).filter { $0.hasSuffix("-wal") }
                }
                let open = try logs()
                #expect(open.count == 1)
                let first = try await list()
                #expect(first.map(\.slug) == ["w0", "w1", "w2", "w3"])
                #expect(first.map(\.head) == [1, 0, 0, 0])
                #expect(try logs() == open)
                var opened: [Ting_V1_WorkspaceInfo] = []
                for path in first.map({ "/v1/workspaces/\($0.slug)" }) {
                    _ = try await server.call(.GET, path + "/entries", token: anna.token)
                    opened.append(try await server.call(.GET, path, token: anna.token).message())
                }
                #expect(opened == first)
                #expect(try await list() == first)
                #expect(try logs().count == 1)
                #expect(try logs() != open)
            }
        }

        @Test(
            "a server with few file handles takes fewer connections and keeps fewer workspaces open"
        )
        func fileHandles() {
            let few = ServerBounds(fileHandles: 1_024)
            #expect(few.openWorkspaces == 16)
            #expect(
                few.openWorkspaces * Limits.fileHandlesEachWorkspace + few.connections <= 1_024
                    - 128)
            let many = ServerBounds(fileHandles: 65_536)
            #expect(many.openWorkspaces == Limits.openWorkspaceLimit)
            #expect(many.connections == Limits.connectionLimit)
            #expect(ServerBounds(fileHandles: 0).connections == 1)
        }
    }
}
