// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOHTTP1
import Testing
import TingCore
import TingTesting
import TingWire

@testable import TingServer

extension Office {
    fileprivate static let karen = "k@example.org"
    fileprivate var both: Set<WorkspaceID> { [workspace, other] }

    /// A code that an owner of the workspace gives out: for Karen, whom they call K.
    fileprivate func ownersCode(
        to workspace: WorkspaceID, for email: String = Office.karen
    ) throws -> JoinCode {
        let owner = try invite("o@example.org", to: workspace, as: .owner).member
        return try accounts.invite(
            Invitation(name: "K", email: email, workspace: workspace, role: .editor), by: owner)
    }

    fileprivate func operatorsCode(to workspace: WorkspaceID?) throws -> JoinCode {
        try accounts.invite(
            Invitation(
                name: "Karen Blixen", email: Self.karen, workspace: workspace, role: .editor),
            by: nil)
    }

    fileprivate func newWorkspace(_ slug: String) throws -> WorkspaceID {
        var random = SystemRandomNumberGenerator()
        let id = WorkspaceID.random(using: &random)
        #expect(try accounts.add(workspace: id, slug: slug))
        return id
    }

    /// Who has the token now.
    fileprivate func caller(_ joined: Joined, in other: Accounts? = nil) throws -> Caller {
        try #require(
            try (other ?? accounts).authorize(token: Secret.hash(of: joined.token), slug: nil)
        ).caller
    }

    fileprivate func slugs(_ joined: Joined, in other: Accounts? = nil) throws -> [String] {
        try (other ?? accounts).workspaces(of: caller(joined, in: other)).map(\.slug)
    }

    fileprivate func seen(by joined: Joined) throws -> Set<DeviceID> {
        Set(try accounts.devices(of: caller(joined)).map(\.id))
    }
}

extension ServerTests {
    /// Who was in a workspace by its owner's invitation lost it when they joined another one's by theirs.
    @Suite("Joining with a device that has joined before")
    struct JoinAgainTests {
        @Test(
            "a limited device acts in one workspace more, and sees nothing of a third of its member's",
            .tags(.promise8))
        func oneMore() throws {
            let office = try Office()
            let third = try office.newWorkspace("third")
            _ = try office.operatorsCode(to: third)
            let first = try #require(try office.join(office.ownersCode(to: office.workspace)))
            let device = first.caller.device
            let code = try office.ownersCode(to: office.other)
            #expect(try office.slugs(first) == ["team"])
            #expect(try !office.accounts.mayRead(device: device, workspace: office.other))

            let again = try #require(try office.join(code, key: 2, showing: first.token))
            #expect(again.token == first.token)
            #expect(again.caller.device == device)
            #expect(again.caller.limits == office.both)
            #expect(try office.caller(first).limits == office.both)
            #expect(try office.accounts.sender(device)?.caller.limits == office.both)
            #expect(try office.accounts.deviceRows().map(\.device.id) == [device])
            #expect(try office.slugs(first) == ["other", "team"])

            let access: [(WorkspaceID, String, Role?)] = [
                (office.workspace, "team", .editor), (office.other, "other", .editor),
                (third, "third", nil),
            ]
            for (workspace, slug, role) in access {
                #expect(try office.role(first, in: slug) == role)
                #expect(try office.accounts.access(of: again.caller, slug: slug)?.role == role)
                let mayRead = try office.accounts.mayRead(device: device, workspace: workspace)
                #expect(mayRead == (role != nil))
                let roles = try office.accounts.roles(of: [workspace: [device]])
                #expect(roles[workspace]?[device] == role)
                let row = try office.accounts.memberRows().first {
                    $0.workspace == slug && $0.member.email == Office.karen
                }
                #expect(row?.devices == (role == nil ? 0 : 1))
            }
        }

        @Test("each membership of it ends by itself, and with it the code that is not yet used")
        func removed() throws {
            let office = try Office()
            let karen = try #require(try office.join(office.ownersCode(to: office.workspace)))
            func remove(from workspace: WorkspaceID) throws {
                #expect(
                    try office.accounts.setRole(
                        nil, of: karen.caller.member, in: workspace, by: nil) == .done)
            }
            let unused = try office.ownersCode(to: office.other)
            try remove(from: office.other)
            #expect(try office.join(unused, showing: karen.token) == nil)
            #expect(try office.slugs(karen) == ["team"])
            let code = try office.ownersCode(to: office.other)
            #expect(try office.join(code, showing: karen.token) != nil)
            try remove(from: office.workspace)
            #expect(try office.slugs(karen) == ["other"])
            try remove(from: office.other)
            #expect(try office.join(code, showing: karen.token) == nil)
            #expect(try office.slugs(karen).isEmpty)
        }

        @Test("a device of all its member's workspaces stays one: it accepts, and hears their name")
        func allStays() throws {
            let office = try Office()
            let karen = try #require(try office.join(office.operatorsCode(to: office.other)))
            let code = try office.ownersCode(to: office.workspace)
            for _ in 0..<2 {
                let again = try #require(try office.join(code, key: 2, showing: karen.token))
                #expect(again.token == karen.token)
                #expect(again.caller == karen.caller && again.caller.limits == nil)
                #expect(again.caller.name == "Karen Blixen")
                let names = try office.accounts.members(of: office.workspace).map(\.name)
                #expect(Set(names) == ["Karen Blixen", "o@example.org"])
            }
            #expect(try office.slugs(karen) == ["other", "team"])
        }

        @Test(
            "by the operator's code a limited device becomes one of all its member's workspaces",
            arguments: [true, false])
        func operators(_ namesWorkspace: Bool) throws {
            let office = try Office()
            let third = try office.newWorkspace("third")
            _ = try office.operatorsCode(to: third)
            let karen = try #require(try office.join(office.ownersCode(to: office.workspace)))
            _ = try office.join(office.ownersCode(to: office.other), showing: karen.token)
            #expect(try office.slugs(karen) == ["other", "team"])
            let code = try office.operatorsCode(to: namesWorkspace ? third : nil)
            let again = try #require(try office.join(code, key: 2, showing: karen.token))
            #expect(again.token == karen.token && again.caller.device == karen.caller.device)
            #expect(again.caller.limits == nil && again.caller.name == "Karen Blixen")
            #expect(try office.slugs(karen) == ["other", "team", "third"])
        }

        @Test(
            "a token that is unknown, revoked, malformed or another's counts for nothing",
            .tags(.promise8), arguments: ["unknown", "revoked", "another's", "malformed", ""])
        func ignored(_ kind: String) throws {
            let office = try Office()
            let bo = try #require(
                try office.join(office.ownersCode(to: office.workspace, for: "b@example.org")))
            let old = try #require(try office.join(office.ownersCode(to: office.workspace)))
            let token =
                switch kind {
                case "unknown": Secret.token(code: "a", publicKey: [1], salt: [1])
                case "revoked": old.token
                case "another's": bo.token
                default: kind
                }
            if kind == "revoked" { #expect(try office.accounts.revoke(old.caller.device)) }
            let code = try office.ownersCode(to: office.other)
            let new = try #require(try office.join(code, key: 2, showing: token))
            #expect(new.token != token)
            #expect(![bo, old].map(\.caller.device).contains(new.caller.device))
            #expect(try office.slugs(new) == ["other"])
            #expect(try office.slugs(bo) == ["team"])
            // And so where the reply was lost, or the code is used.
            #expect(try office.join(code, key: 2, showing: token)?.token == new.token)
            #expect(try office.join(code, key: 3, showing: token) == nil)
        }

        @Test(
            "a join whose reply was lost is answered the same for as long as the code is good, to that token alone",
            .tags(.promise5))
        func replyLost() throws {
            let office = try Office()
            let made = try office.ownersCode(to: office.workspace)
            let karen = try #require(try office.join(made))
            let code = try office.ownersCode(to: office.other)
            for key: UInt8 in 2...4 {
                let again = try #require(try office.join(code, key: key, showing: karen.token))
                #expect(again.token == karen.token && again.caller.device == karen.caller.device)
                #expect(again.caller.limits == office.both)
            }
            #expect(try office.accounts.deviceRows().count == 1)
            let phone = try #require(
                try office.join(office.ownersCode(to: office.workspace), key: 5))
            for token in [nil, "nonsense", phone.token] {
                #expect(try office.join(code, key: 2, showing: token) == nil)
            }
            #expect(try office.slugs(phone) == ["team"])
            // Its token is in use: the code that made it gives that to nobody any more.
            for token in [nil, karen.token] {
                #expect(try office.join(made, showing: token) == nil)
            }
            office.clock.advance(24 * 3_600_000)
            #expect(try office.join(code, showing: karen.token) == nil)
        }

        @Test("a device that was revoked since is not answered again")
        func revokedSince() throws {
            let office = try Office()
            let karen = try #require(try office.join(office.ownersCode(to: office.workspace)))
            let code = try office.ownersCode(to: office.other)
            #expect(try office.join(code, showing: karen.token) != nil)
            #expect(try office.accounts.revoke(karen.caller.device))
            #expect(try office.join(code, showing: karen.token) == nil)
        }

        @Test(
            "a limited device hears and shows what each owner wrote, not what the account is called",
            .tags(.promise8))
        func names() throws {
            let office = try Office()
            _ = try office.operatorsCode(to: nil)
            let karen = try #require(try office.join(office.ownersCode(to: office.workspace)))
            let code = try office.ownersCode(to: office.other)
            let version = try office.accounts.membersVersion(of: office.other)
            for _ in 0..<2 {
                let again = try #require(try office.join(code, showing: karen.token))
                #expect(again.caller.name == "K")
                #expect(try office.role(again, in: "other") == .editor)
                for workspace in [office.workspace, office.other] {
                    let names = try office.accounts.members(of: workspace).map(\.name)
                    #expect(Set(names) == ["K", "o@example.org"])
                }
            }
            #expect(try office.accounts.membersVersion(of: office.other) == version)
        }

        @Test("a limited device sees and revokes those that act nowhere else", .tags(.promise8))
        func devices() throws {
            let office = try Office()
            func join(_ code: JoinCode, _ key: UInt8) throws -> Joined {
                try #require(try office.join(code, key: key))
            }
            let both = try join(office.ownersCode(to: office.workspace), 1)
            _ = try office.join(office.ownersCode(to: office.other), showing: both.token)
            let team = try join(office.ownersCode(to: office.workspace), 2)
            let other = try join(office.ownersCode(to: office.other), 3)
            let all = try join(office.operatorsCode(to: nil), 4)
            func ids(_ devices: Joined...) -> Set<DeviceID> { Set(devices.map(\.caller.device)) }
            #expect(try office.seen(by: both) == ids(both, team, other))
            #expect(try office.seen(by: team) == ids(team))
            #expect(try office.seen(by: other) == ids(other))
            #expect(try office.seen(by: all) == ids(both, team, other, all))
            for (device, one) in [(both, team), (all, both), (other, team)] {
                #expect(
                    try !office.accounts.revoke(device.caller.device, by: office.caller(one)))
            }
            for (device, one) in [(team, both), (both, all)] {
                #expect(try office.accounts.revoke(device.caller.device, by: office.caller(one)))
            }
        }

        @Test("a restore: of a limited device's workspaces those come back that the server has")
        func restored() throws {
            let office = try Office()
            let karen = try #require(try office.join(office.ownersCode(to: office.workspace)))
            let copy = TestFolder.new()
            try office.accounts.backup(to: copy)
            _ = try office.join(office.ownersCode(to: office.other), showing: karen.token)
            let late = try office.newWorkspace("late")
            _ = try office.join(office.ownersCode(to: late), showing: karen.token)
            func join(_ email: String, _ key: UInt8, _ workspaces: [WorkspaceID]) throws -> Joined {
                let device = try #require(
                    try office.join(office.ownersCode(to: workspaces[0], for: email), key: key))
                for workspace in workspaces.dropFirst() {
                    let code = try office.ownersCode(to: workspace, for: email)
                    #expect(try office.join(code, showing: device.token) != nil)
                }
                return device
            }
            let bo = try join("b@example.org", 2, [office.other, late])
            let li = try join("l@example.org", 3, [late, office.other])
            let lost = try join("m@example.org", 4, [late, office.workspace])
            #expect(try office.accounts.revoke(lost.caller.device))

            let restored = try Accounts(path: copy, now: { [clock = office.clock] in clock.time })
            for workspace in try office.accounts.workspaces(missingIn: restored) {
                try restored.add(workspace)
            }
            _ = try restored.withdraw(office.accounts.withdrawals())
            #expect(try office.slugs(karen, in: restored) == ["late", "team"])
            #expect(try office.slugs(bo, in: restored) == ["late"])
            #expect(try office.slugs(li, in: restored) == ["late"])
            let hash = Secret.hash(of: lost.token)
            #expect(try restored.authorize(token: hash, slug: nil) == nil)
            #expect(try restored.problems().isEmpty)
            try restored.close()
        }

        @Test(
            "over HTTPS it keeps its device and token; it follows what it may, and loses that alone",
            .tags(.promise8))
        func overHTTPS() async throws {
            try await TestServer.run { server in
                let karen = "karen@example.org"
                let heat = try await server.person("h@example.org", in: "heat", as: .owner)
                let vand = try await server.person("v@example.org", in: "vand", as: .owner)
                let first: Ting_V1_JoinResponse = try await server.join(
                    server.invite(karen, to: "heat", by: heat)
                ).message()
                let code = try await server.invite(karen, to: "vand", by: vand)
                func status(_ slug: String) async throws -> Int {
                    try await server.call(
                        .HEAD, "/v1/workspaces/\(slug)/follow", token: first.token
                    ).status
                }
                #expect(try await status("vand") == 404)
                for _ in 0..<2 {
                    let both: Ting_V1_JoinResponse = try await server.join(
                        code, showing: first.token
                    ).message()
                    #expect((both.token, both.device) == (first.token, first.device))
                    #expect(both.workspaces.map(\.slug) == ["heat", "vand"])
                }
                #expect(try await status("vand") == 200)
                let stream = try await server.follow("vand", token: first.token)
                var pieces = stream.makeAsyncIterator()
                _ = try await pieces.next()
                try server.asOperator { try $0.setRole(nil, email: karen, in: "vand") }
                while try await pieces.next() != nil {}
                #expect(try await status("vand") == 404)
                #expect(try await status("heat") == 200)
            }
        }

        @Test("wrong codes are refused and counted alike, with a token or without")
        func wrongCodes() async throws {
            // In the middle of a minute that does not end by itself.
            let start = TestServer.clock() / 60_000 * 60_000 + 30_000
            let clock: @Sendable () -> Int64 = { start }
            try await TestServer.run(now: clock) { server in
                let anna = try await server.person("anna@example.org", in: "team", as: .owner)
                let code = try server.invite("anna@example.org", to: "team", as: nil)
                var refusals: Set<String> = []
                for number in 0..<Limits.joinAttemptsPerMinute {
                    let token = number.isMultiple(of: 2) ? anna.token : nil
                    let refused = try await server.join("wrong", showing: token)
                    #expect(refused.status == 401)
                    refusals.insert(refused.text)
                }
                #expect(refusals.count == 1)
                #expect(try await server.join(code, showing: anna.token).status == 429)
            }
        }
    }
}
