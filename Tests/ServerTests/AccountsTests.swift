// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingTesting

@testable import TingServer

/// Accounts on a file, with a clock of the test's own.
struct Office {
    let path = TestFolder.new()
    let accounts: Accounts
    let clock = ManualClock()
    let workspace: WorkspaceID
    let other: WorkspaceID

    init() throws {
        accounts = try Accounts(path: path, now: { [clock] in clock.time })
        var random = SystemRandomNumberGenerator()
        (workspace, other) = (.random(using: &random), .random(using: &random))
        #expect(try accounts.add(workspace: workspace, slug: "team"))
        #expect(try accounts.add(workspace: other, slug: "other"))
    }

    func invite(
        _ email: String, to workspace: WorkspaceID?, as role: Role? = .editor,
        by owner: MemberID? = nil
    ) throws -> JoinCode {
        try accounts.invite(
            Invitation(name: email, email: email, workspace: workspace, role: role), by: owner)
    }

    func join(_ code: JoinCode, key: UInt8 = 1, showing token: String? = nil) throws -> Joined? {
        try accounts.join(code: code.code, device: "laptop", publicKey: [key], showing: token)
    }

    func role(_ joined: Joined, in slug: String) throws -> Role? {
        try accounts.authorize(token: Secret.hash(of: joined.token), slug: slug)?.access?.role
    }
}

extension ServerTests {
    @Suite("Invitations and devices")
    struct AccountsTests {
        @Test(
            "workspaceMemberLimit: an owner invites so many, past members counting; the operator more"
        )
        func room() throws {
            let office = try Office()
            let owner = try office.invite("o@example.org", to: office.workspace, as: .owner).member
            func hasRoom(_ email: String, in workspace: WorkspaceID? = nil) throws -> Bool {
                try office.accounts.read {
                    try office.accounts.hasRoom($0, for: email, in: workspace ?? office.workspace)
                }
            }
            for number in 2...Limits.workspaceMemberLimit {
                let code = try office.invite("\(number)@example.org", to: office.workspace)
                if number < 10 { #expect(try office.join(code) != nil) }
                if number == 2 {
                    _ = try office.accounts.setRole(
                        nil, of: code.member, in: office.workspace, by: owner)
                }
            }
            #expect(try !hasRoom("new@example.org"))
            #expect(try hasRoom("2@EXAMPLE.org"))
            _ = try office.invite("new@example.org", to: office.workspace)
            for _ in 0..<9 { _ = try office.invite("3@example.org", to: office.workspace) }
            #expect(try !hasRoom("3@example.org"))
            #expect(try hasRoom("new@example.org", in: office.other))
            #expect(throws: InvitationRefused.full) {
                try office.accounts.invite(
                    Invitation(
                        name: "N", email: "4@example.org", workspace: office.workspace, role: nil),
                    by: owner)
            }
        }

        @Test(
            "memberChangesPerHour: owners change a workspace's members so often, then only remove; the operator goes on"
        )
        func pace() throws {
            let office = try Office()
            let owner = try office.invite("o@example.org", to: office.workspace, as: .owner).member
            let member = try office.invite("a@example.org", to: office.workspace).member
            func change(_ role: Role, by actor: MemberID?) throws -> Accounts.Change {
                try office.accounts.setRole(role, of: member, in: office.workspace, by: actor)
            }
            try office.accounts.write { db in
                for _ in 1..<Limits.memberChangesPerHour {
                    try office.accounts.audit(
                        db, "member.invited", by: owner, workspace: office.workspace)
                }
            }
            office.clock.advance(1_000)
            // What is so already is no change.
            for _ in 0..<2 { #expect(try change(.viewer, by: owner) == .done) }
            let wait = TooManyChanges(wait: .seconds(3_599))
            #expect(throws: wait) { try change(.editor, by: owner) }
            #expect(throws: wait) {
                try office.invite("b@example.org", to: office.workspace, by: owner)
            }
            #expect(try change(.editor, by: nil) == .done)
            let bo = try office.invite("b@example.org", to: office.workspace).member
            #expect(
                try office.accounts.setRole(nil, of: bo, in: office.workspace, by: owner) == .done)
            _ = try office.invite("b@example.org", to: office.other, by: owner)
            office.clock.advance(3_599_000)
            #expect(try change(.viewer, by: owner) == .done)
        }

        @Test("what rotted throws where it is read: no restore takes the rest for all there is")
        func rot() throws {
            let office = try Office()
            let code = try office.invite("a@example.org", to: office.workspace)
            let device = try #require(try office.join(code)).caller.device
            #expect(try office.accounts.revoke(device))
            _ = try office.accounts.withdrawals()
            try Rot.happen(to: "revoked", of: "device", in: office.path)
            #expect(throws: ServerError.self) { try office.accounts.withdrawals() }
            #expect(throws: ServerError.self) { try office.accounts.deviceRows() }
            #expect(try office.accounts.memberRows().map(\.member.id) == [code.member])
            try Rot.happen(to: "name", of: "member", in: office.path)
            #expect(throws: ServerError.self) { try office.accounts.memberRows() }
            #expect(throws: ServerError.self) {
                try office.accounts.members(of: office.workspace)
            }
            #expect(throws: ServerError.self) { try office.accounts.names() }
            #expect(throws: ServerError.self) { try office.join(code) }
            #expect(try !office.accounts.problems().isEmpty)
        }

        @Test("a join code works once, in upper or lower case")
        func once() throws {
            let office = try Office()
            let code = try office.invite("a@example.org", to: office.workspace)
            #expect(code.code.count == 26)
            let upper = try office.accounts.join(
                code: code.code.uppercased(), device: "laptop", publicKey: [1])
            #expect(upper != nil)
            #expect(try office.join(code, key: 2) == nil)
        }

        @Test(
            "a join whose reply was lost is sent again by the same device, until its token is used; a late copy of it takes no token away",
            .tags(.promise5))
        func replyLost() throws {
            let office = try Office()
            let code = try office.invite("a@example.org", to: office.workspace)
            let lost = try #require(try office.join(code))
            let again = try #require(try office.join(code))
            #expect(lost.caller.device == again.caller.device)
            #expect(lost.token == again.token)
            _ = try office.join(code)
            #expect(try office.role(again, in: "team") == .editor)
            try office.accounts.noteSeen([again.caller.device: office.clock.time])
            #expect(try office.join(code) == nil)
        }

        @Test("a join code ends after 24 hours, and with the membership it was for")
        func expiry() throws {
            let office = try Office()
            let late = try office.invite("a@example.org", to: office.workspace)
            office.clock.advance(24 * 3_600_000)
            #expect(try office.join(late) == nil)
            let code = try office.invite("a@example.org", to: office.workspace)
            let removed = try office.accounts.setRole(
                nil, of: code.member, in: office.workspace, by: nil)
            #expect(removed == .done)
            #expect(try office.join(code) == nil)
            #expect(try office.accounts.join(code: "nonsense", device: "x", publicKey: [1]) == nil)
        }

        @Test("one address is one account, whatever its case; a new role replaces the old one")
        func oneAccount() throws {
            let office = try Office()
            let first = try office.invite("Søren@Example.org", to: office.workspace, as: .viewer)
            let second = try office.invite("SØREN@example.ORG", to: office.workspace, as: nil)
            #expect(first.member == second.member)
            let joined = try #require(try office.join(second))
            #expect(try office.role(joined, in: "team") == .viewer)
            _ = try office.invite("søren@example.org", to: office.workspace, as: .owner)
            #expect(try office.role(joined, in: "team") == .owner)
        }

        @Test(
            "a device invited by an owner acts in that workspace only: an owner vouches for no other"
        )
        func limited() throws {
            let office = try Office()
            let owner = try office.invite("owner@example.org", to: office.workspace, as: .owner)
            _ = try office.invite("victim@example.org", to: office.other)
            let code = try office.invite(
                "victim@example.org", to: office.workspace, by: owner.member)
            let device = try #require(try office.join(code))
            #expect(try office.role(device, in: "team") == .editor)
            #expect(try office.role(device, in: "other") == nil)
            #expect(try office.accounts.workspaces(of: device.caller).map(\.slug) == ["team"])
        }

        @Test(
            "an owner who invites an address sees the name they wrote, not that of the account, until it accepts",
            .tags(.promise8))
        func nameOfAnother() throws {
            let office = try Office()
            let owner = try office.invite("o@example.org", to: office.workspace, as: .owner).member
            func inviteElsewhere(_ name: String) throws -> JoinCode {
                try office.accounts.invite(
                    Invitation(
                        name: name, email: "Karen@Example.org", workspace: office.other, role: nil),
                    by: nil)
            }
            func seen() throws -> [String] {
                try office.accounts.members(of: office.workspace)
                    .filter { $0.id != owner }.map { "\($0.name) <\($0.email)>" }
            }
            _ = try inviteElsewhere("Karen Blixen")
            func invite(_ name: String) throws -> JoinCode {
                try office.accounts.invite(
                    Invitation(
                        name: name, email: "karen@example.org", workspace: office.workspace,
                        role: nil), by: owner)
            }
            let code = try invite("karen@example.org")
            #expect(try seen() == ["karen@example.org <karen@example.org>"])
            // Nor after the membership was taken back, or the account got another name.
            _ = try office.accounts.setRole(
                nil, of: code.member, in: office.workspace, by: owner)
            let own = try inviteElsewhere("Isak Dinesen")
            #expect(try seen() == ["karen@example.org <karen@example.org>"])
            _ = try invite("karen@example.org")
            #expect(try seen() == ["karen@example.org <karen@example.org>"])
            let version = try office.accounts.membersVersion(of: office.workspace)
            let karen = try #require(try office.join(own))
            #expect(karen.caller.name == "Isak Dinesen")
            #expect(try office.role(karen, in: "team") == .editor)
            #expect(try seen() == ["Isak Dinesen <Karen@Example.org>"])
            #expect(try office.accounts.membersVersion(of: office.workspace) > version)
        }

        @Test(
            "an owner who joins by a code made for another hears and shows the name they wrote, not the account's",
            .tags(.promise8))
        func codeOfAnother() throws {
            let office = try Office()
            let owner = try office.invite("o@example.org", to: office.workspace, as: .owner).member
            let own = try office.accounts.invite(
                Invitation(
                    name: "Karen Blixen", email: "Karen@Example.org", workspace: office.other,
                    role: nil), by: nil)
            let code = try office.accounts.invite(
                Invitation(
                    name: "K", email: "karen@example.org", workspace: office.workspace, role: nil),
                by: owner)
            func seen() throws -> [String] {
                try office.accounts.members(of: office.workspace)
                    .filter { $0.id != owner }.map { "\($0.name) <\($0.email)>" }
            }
            let version = try office.accounts.membersVersion(of: office.workspace)
            // Also when the reply was lost, and after the first visit.
            for _ in 0..<2 {
                let joined = try #require(try office.join(code))
                #expect(joined.caller.name == "K")
                #expect(joined.caller.email == "karen@example.org")
                #expect(try office.role(joined, in: "team") == .editor)
                #expect(try office.accounts.access(of: joined.caller, slug: "team") != nil)
                #expect(try seen() == ["K <karen@example.org>"])
            }
            #expect(try office.accounts.membersVersion(of: office.workspace) == version)
            // Whom the operator invited hears their own name, and accepts by going there.
            let karen = try #require(try office.join(own))
            #expect(karen.caller.name == "Karen Blixen")
            #expect(try office.role(karen, in: "team") == .editor)
            #expect(try seen() == ["Karen Blixen <Karen@Example.org>"])
        }

        @Test("who has a device of all their workspaces accepts by going there")
        func acceptsByUse() throws {
            let office = try Office()
            let owner = try office.invite("o@example.org", to: office.workspace, as: .owner).member
            let karen = try #require(
                try office.join(
                    office.accounts.invite(
                        Invitation(
                            name: "Karen", email: "k@example.org", workspace: office.other,
                            role: nil), by: nil)))
            _ = try office.invite("k@example.org", to: office.workspace, by: owner)
            func name() throws -> String? {
                try office.accounts.members(of: office.workspace).first { $0.id != owner }?.name
            }
            #expect(try name() == "k@example.org")
            #expect(try office.role(karen, in: "other") == .editor)
            #expect(try name() == "k@example.org")
            #expect(try office.role(karen, in: "team") == .editor)
            #expect(try name() == "Karen")
        }

        @Test("a revoked device is a stranger, and nobody revokes another's", .tags(.promise8))
        func revoke() throws {
            let office = try Office()
            let anna = try #require(
                try office.join(office.invite("a@example.org", to: office.workspace)))
            let bo = try #require(
                try office.join(office.invite("b@example.org", to: office.workspace)))
            #expect(try !office.accounts.revoke(anna.caller.device, by: bo.caller))
            #expect(try office.accounts.revoke(anna.caller.device, by: anna.caller))
            #expect(
                try office.accounts.authorize(token: Secret.hash(of: anna.token), slug: nil) == nil)
            #expect(try office.role(bo, in: "team") == .editor)
        }

        @Test("an owner can't leave a workspace without one; the operator can")
        func lastOwner() throws {
            let office = try Office()
            let owner = try office.invite("o@example.org", to: office.workspace, as: .owner).member
            for role in [Role.editor, nil] {
                let change = try office.accounts.setRole(
                    role, of: owner, in: office.workspace, by: owner)
                #expect(change == .lastOwner)
            }
            for role in [Role.editor, .viewer] {
                #expect(throws: InvitationRefused.lastOwner) {
                    try office.accounts.invite(
                        Invitation(
                            name: "O", email: "o@example.org", workspace: office.workspace,
                            role: role), by: owner)
                }
            }
            #expect(try office.accounts.members(of: office.workspace).map(\.role) == [.owner])
            #expect(
                try office.accounts.setRole(nil, of: owner, in: office.workspace, by: nil) == .done)
        }

        @Test("every change of the member list gives it a new version")
        func membersVersion() throws {
            let office = try Office()
            var versions = [try office.accounts.membersVersion(of: office.workspace)]
            func note() throws {
                versions.append(try office.accounts.membersVersion(of: office.workspace))
            }
            let member = try office.invite("a@example.org", to: office.workspace, as: .viewer)
                .member
            try note()
            _ = try office.accounts.setRole(.editor, of: member, in: office.workspace, by: nil)
            try note()
            _ = try office.accounts.invite(
                Invitation(name: "New name", email: "a@example.org", workspace: nil, role: nil),
                by: nil
            )
            try note()
            _ = try office.accounts.setRole(nil, of: member, in: office.workspace, by: nil)
            try note()
            #expect(versions == versions.sorted() && Set(versions).count == versions.count)
            #expect(try office.accounts.members(of: office.workspace).map(\.role) == [nil])
        }
    }
}
