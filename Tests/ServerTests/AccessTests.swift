// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOHTTP1
import Testing
import TingCore
import TingServer
import TingStore
import TingWire

/// Everyone who may knock. The device of `elsewhere` is an editor's, and limited to another workspace.
private enum Visitor: CaseIterable {
    case owner, editor, viewer, former, stranger, elsewhere, revoked, wrongToken, nobody
}

/// What each of them is answered at one address.
private struct Row: CustomTestStringConvertible {
    var method: HTTPMethod
    var path: String
    var json: String?
    /// In the order of `Visitor.allCases`.
    var expected: [Int]

    var testDescription: String { "\(method) \(path)" }

    /// For members, by role, and for all others alike.
    static func members(
        _ method: HTTPMethod, _ path: String, _ roles: [Int], json: String? = nil
    ) -> Row {
        Row(
            method: method, path: "/v1/workspaces/team\(path)", json: json,
            expected: roles + [404, 404, 404, 401, 401, 401])
    }

    static func all(
        _ method: HTTPMethod, _ path: String, _ status: Int, json: String? = nil
    ) -> Row {
        Row(
            method: method, path: path, json: json,
            expected: Visitor.allCases.map { _ in status })
    }

    /// For whoever has a token, and for who has none.
    static func signedIn(_ method: HTTPMethod, _ path: String, _ status: Int) -> Row {
        Row(
            method: method, path: path, json: nil,
            expected: [Int](repeating: status, count: 6) + [401, 401, 401])
    }
}

private let nobodysID = "00000000-0000-4000-8000-000000000000"
private let methods: [HTTPMethod] = [.GET, .HEAD, .POST, .PUT, .PATCH, .DELETE, .OPTIONS]

private let reads: [Row] = [HTTPMethod.GET, .HEAD].flatMap { method -> [Row] in
    let inside = ["", "/entries", "/snapshot", "/snapshot/manifest", "/members"]
    let outside = ["/healthz", "/readyz", "/metrics"]
    return inside.map { .members(method, $0, [200, 200, 200]) }
        + ["/v1/workspaces", "/v1/devices", "/v1/bundle-key"].map { .signedIn(method, $0, 200) }
        + outside.map { .all(method, $0, 200) }
}

private let writes: [Row] = [
    .members(.HEAD, "/follow", [200, 200, 200]),
    .members(.POST, "/sync", [200, 200, 200], json: "SYNC"),
    .members(
        .POST, "/invitations", [201, 403, 403],
        json: #"{"name":"Bo","email":"bo@example.org","role":"viewer"}"#),
    .members(.PATCH, "/members/TARGET", [200, 403, 403], json: #"{"role":"viewer"}"#),
    .members(.DELETE, "/members/TARGET", [204, 403, 403]),
    .members(.PATCH, "/members/\(nobodysID)", [404, 403, 403], json: #"{"role":"viewer"}"#),
    .members(.DELETE, "/members/\(nobodysID)", [404, 403, 403]),
    .members(.DELETE, "/members/nonsense", [404, 403, 403]),
    // The last owner stays.
    .members(
        .POST, "/invitations", [409, 403, 403],
        json: #"{"name":"Me","email":"owner@example.org","role":"viewer"}"#),
    .members(.PATCH, "/members/OWNER", [409, 403, 403], json: #"{"role":"editor"}"#),
    .members(.DELETE, "/members/OWNER", [409, 403, 403]),
    .signedIn(.DELETE, "/v1/devices/\(nobodysID)", 404),
    .signedIn(.DELETE, "/v1/devices/nonsense", 404),
    .signedIn(.POST, "/v1/bundles", 422),
    .all(
        .POST, "/v1/join", 400,
        json: #"{"code":"nonsense","device_name":"x","public_key":"AA=="}"#),
]

/// Every method that an address does not take.
private let refused: [Row] = [
    "/v1/join": [HTTPMethod.POST], "/v1/workspaces": [.GET, .HEAD],
    "/v1/workspaces/team": [.GET, .HEAD], "/v1/workspaces/team/sync": [.POST],
    "/v1/workspaces/team/entries": [.GET, .HEAD], "/v1/workspaces/team/snapshot": [.GET, .HEAD],
    "/v1/workspaces/team/snapshot/manifest": [.GET, .HEAD],
    "/v1/workspaces/team/follow": [.GET, .HEAD], "/v1/workspaces/team/members": [.GET, .HEAD],
    "/v1/workspaces/team/invitations": [.POST],
    "/v1/workspaces/team/members/\(nobodysID)": [.PATCH, .DELETE],
    "/v1/devices": [.GET, .HEAD], "/v1/devices/\(nobodysID)": [.DELETE],
    "/v1/bundle-key": [.GET, .HEAD], "/v1/bundles": [.POST],
    "/healthz": [.GET, .HEAD], "/readyz": [.GET, .HEAD], "/metrics": [.GET, .HEAD],
].sorted { $0.key < $1.key }.flatMap { path, taken in
    methods.filter { !taken.contains($0) }.map { Row.all($0, path, 405) }
}

private let nothing: [Row] = [
    "/", "/v1", "/v1/", "/v2/workspaces", "/v1/workspaces/team/nonsense",
    "/v1/workspaces/team/snapshot/nonsense", "/v1/devices/a/b", "/v1/workspaces/team/members/a/b",
    "/healthz/", "//healthz", "/v1/%77orkspaces",
].flatMap { path in methods.map { Row.all($0, path, 404) } }

extension ServerTests {
    @Suite("Who may do what", .tags(.promise8))
    struct AccessTests {
        @Test("every address, method and visitor has its answer")
        func table() async throws {
            try await TestServer.run { server in
                let tokens = try await Self.tokens(server)
                let replica = try await TestReplica(server, tokens.owner, "team")
                let sync = try WireCoding.json.encode(replica.replica.nextRequest().wire)
                for row in reads + writes + refused + nothing {
                    var answers: [Int] = []
                    for visitor in Visitor.allCases {
                        let path = try Self.path(of: row, tokens.owner, server)
                        let json =
                            row.json == "SYNC" ? String(decoding: sync, as: UTF8.self) : row.json
                        let reply = try await server.call(
                            row.method, path, token: tokens.of[visitor] ?? nil, json: json)
                        answers.append(reply.status)
                        if reply.status >= 400, row.method != .HEAD {
                            #expect(
                                reply.code != nil, "\(row.testDescription) has no problem document")
                        }
                    }
                    #expect(answers == row.expected, "\(row.testDescription)")
                }
            }
        }

        private static func path(of row: Row, _ owner: Person, _ server: TestServer) throws
            -> String
        {
            let path = row.path.replacing("OWNER", with: owner.member.description)
            guard path.contains("TARGET") else { return path }
            // The visitor before may have removed them.
            let target = try server.asOperator {
                _ = try $0.invite(
                    Invitation(
                        name: "T", email: "target@example.org", workspace: nil, role: .editor),
                    to: "team", mayCreate: false, url: nil)
                return try #require(try $0.accounts.member(email: "target@example.org"))
            }
            return path.replacing("TARGET", with: target.description)
        }

        @Test(
            "a stranger, and a member's device of elsewhere, gets the same bytes for a workspace that exists and one that doesn't",
            .tags(.promise8), arguments: [false, true])
        func stranger(_ isMember: Bool) async throws {
            try await TestServer.run { server in
                let tokens = try await Self.tokens(server)
                let token = tokens.of[isMember ? .elsewhere : .stranger] ?? nil
                for path in [
                    "", "/sync", "/entries", "/entries?since=1&bytes=x", "/snapshot",
                    "/snapshot/manifest", "/follow", "/members", "/invitations",
                    "/members/\(tokens.owner.member)", "/nonsense",
                ] {
                    for method in methods {
                        for json in [nil, "{}", "nonsense"] where json == nil || method == .POST {
                            var replies: [Reply] = []
                            for slug in ["team", "nobodys"] {
                                var reply = try await server.call(
                                    method, "/v1/workspaces/\(slug)\(path)", token: token,
                                    json: json)
                                reply.headers.remove(name: "Date")
                                replies.append(reply)
                            }
                            #expect(replies[0].status == replies[1].status)
                            #expect(replies[0].bytes == replies[1].bytes)
                            #expect(Self.lines(replies[0]) == Self.lines(replies[1]))
                            #expect(!replies[0].text.contains("team"))
                        }
                    }
                }
            }
        }

        private static func lines(_ reply: Reply) -> [String] {
            reply.headers.map { "\($0.name): \($0.value)" }.sorted()
        }

        @Test(
            "a stream ends within a second when its reader is removed, or the device revoked",
            .tags(.promise8))
        func streamEnds() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team", as: .owner)
                var times: [Duration] = []
                for round in 0..<4 {
                    let email = "m\(round)@example.org"
                    let member = try await server.person(email, in: "team", as: .viewer)
                    let stream = try await server.follow("team", token: member.token)
                    var pieces = stream.makeAsyncIterator()
                    _ = try await pieces.next()  // The head: the stream is there.
                    try server.asOperator { try $0.setRole(.editor, email: email, in: "team") }
                    if round.isMultiple(of: 2) {
                        try server.asOperator { try $0.setRole(nil, email: email, in: "team") }
                    } else {
                        let gone = try await server.call(
                            .DELETE, "/v1/devices/\(member.device)", token: member.token)
                        #expect(gone.status == 204)
                    }
                    let start = ContinuousClock.now
                    while try await pieces.next() != nil {}
                    times.append(ContinuousClock.now - start)
                }
                // A busy machine may delay some of them.
                #expect(try #require(times.min()) < .seconds(1), "\(times)")
                #expect(try await server.call(.GET, "/v1/devices", token: anna.token).status == 200)
            }
        }

        @Test(
            "who is removed while the body is on its way changes nothing, and learns nothing",
            arguments: ["sync", "invitations", "mend", "give-back"])
        func removedMeanwhile(_ endpoint: String) async throws {
            try await TestServer.run { server in
                _ = try await server.person("owner@example.org", in: "team", as: .owner)
                let anna = try await server.person("anna@example.org", in: "team", as: .owner)
                let replica = try await TestReplica(server, anna, "team")
                try replica.insert("Too late")
                let request = try replica.replica.nextRequest()
                let body =
                    switch endpoint {
                    case "sync": try WireCoding.json.encode(request.wire)
                    case "mend":
                        try WireCoding.json.encode(
                            MendRequest(base: request.base, schema: 1, digest: StateDigest()).wire)
                    case "give-back":
                        try WireCoding.json.encode(
                            GiveBackRequest(epoch: request.base.epoch, schema: 1, entries: []).wire)
                    default: Array(#"{"name":"Bo","email":"bo@example.org"}"#.utf8)
                    }
                let client = try await server.raw()
                try await client.send(
                    """
                    POST /v1/workspaces/team/\(endpoint) HTTP/1.1\r
                    Host: a\r
                    Authorization: Bearer \(anna.token)\r
                    Content-Type: application/json\r
                    Content-Length: \(body.count)\r
                    Expect: 100-continue\r
                    \r

                    """)
                #expect(try await client.hears("100 Continue"))
                try await client.send(Array(body.dropLast(5)))
                try await Task.sleep(for: .milliseconds(50))
                try server.asOperator { try $0.setRole(nil, email: "anna@example.org", in: "team") }
                try await client.send(Array(body.suffix(5)))
                #expect(try await client.hears("workspace_not_found"))
                #expect(try server.asOperator { try $0.status().workspaces[0].head } == 0)
                #expect(
                    try server.asOperator { try $0.accounts.member(email: "bo@example.org") } == nil
                )
            }
        }

        @Test("a download ends too when its reader is removed")
        func download() async throws {
            let server = try await ServerProcess()
            let token = try await server.join("anna@example.org", "team")
            try await LargeSnapshot.plant(in: server.path, bytes: 12 << 20)
            let client = try await RawClient(server.address, ca: server.ca, isDeaf: true)
            try await client.send(
                "GET /v1/workspaces/team/snapshot HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n"
            )
            try await Task.sleep(for: .milliseconds(300))
            let removed = try await Program.tingd(
                "members", "--data", server.path, "--remove", "anna@example.org")
            #expect(removed.code == 0)
            try await client.listenAgain()
            try await client.ends()
            #expect(client.text.hasPrefix("HTTP/1.1 200 OK"))
            #expect(client.receivedCount < 12 << 20)
        }

        @Test("a member sees and revokes devices of their own only")
        func devices() async throws {
            try await TestServer.run { server in
                let laptop = try await server.person("anna@example.org", in: "team", as: .owner)
                let phone = try await server.person("anna@example.org", in: "team", as: .owner)
                let li = try await server.person("li@example.cn", in: "team", as: .owner)
                let path = "/v1/devices/\(phone.device)"
                #expect(try await server.call(.DELETE, path, token: li.token).status == 404)
                let list: Ting_V1_DevicesResponse = try await server.call(
                    .GET, "/v1/devices", token: laptop.token
                ).message()
                #expect(Set(list.devices.map(\.id)) == [laptop.device, phone.device])
                #expect(list.devices.filter(\.current).map(\.id) == [laptop.device])
                #expect(try await server.call(.DELETE, path, token: laptop.token).status == 204)
                #expect(try await server.call(.DELETE, path, token: laptop.token).status == 404)
                #expect(
                    try await server.call(.GET, "/v1/workspaces", token: phone.token).status == 401)
            }
        }

        private static func tokens(
            _ server: TestServer
        ) async throws -> (owner: Person, of: [Visitor: String?]) {
            let owner = try await server.person("owner@example.org", in: "team", as: .owner)
            let editor = try await server.person("editor@example.org", in: "team", as: .editor)
            let viewer = try await server.person("viewer@example.org", in: "team", as: .viewer)
            let former = try await server.person("former@example.org", in: "team", as: .owner)
            try server.asOperator { try $0.setRole(nil, email: "former@example.org", in: "team") }
            let stranger = try await server.person("stranger@example.org", in: "other", as: .owner)
            _ = try server.invite("elsewhere@example.org", to: "team", as: .editor)
            let elsewhere: Ting_V1_JoinResponse = try await server.join(
                server.invite("elsewhere@example.org", to: "other", by: stranger)
            ).message()
            let revoked = try await server.person("editor@example.org", in: "team", as: .editor)
            #expect(
                try await server.call(
                    .DELETE, "/v1/devices/\(revoked.device)", token: editor.token
                ).status == 204)
            return (
                owner,
                [
                    .owner: owner.token, .editor: editor.token, .viewer: viewer.token,
                    .former: former.token, .stranger: stranger.token,
                    .elsewhere: elsewhere.token, .revoked: revoked.token,
                    .wrongToken: Secret.joinCode(), .nobody: nil,
                ]
            )
        }
    }
}
