// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingTesting

@testable import TingServer

/// Accounts on a file, with a clock of the test's own.
private struct Office {
    let accounts: Accounts
    let clock = ManualClock()
    let workspace: WorkspaceID
    let other: WorkspaceID

    init() throws {
        accounts = try Accounts(path: TestFolder.new(), now: { [clock] in clock.time })
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

    func join(_ code: JoinCode, key: UInt8 = 1) throws -> Joined? {
        try accounts.join(code: code.code, device: "laptop", publicKey: [key])
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
            _ = try office.accounts.invite(
                Invitation(
                    name: "Karen Blixen", email: "Karen@Example.org", workspace: office.other,
                    role: nil), by: nil)
            func seen() throws -> [String] {
                try office.accounts.members(of: office.workspace)
                    .filter { $0.id != owner }.map { "\($0.name) <\($0.email)>" }
            }
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
            _ = try office.accounts.invite(
                Invitation(
                    name: "Isak Dinesen", email: "karen@example.org", workspace: office.other,
                    role: nil), by: nil)
            #expect(try seen() == ["karen@example.org <karen@example.org>"])
            let again = try invite("karen@example.org")
            #expect(try seen() == ["karen@example.org <karen@example.org>"])
            let version = try office.accounts.membersVersion(of: office.workspace)
            #expect(try office.join(again) != nil)
            #expect(try seen() == ["Isak Dinesen <Karen@Example.org>"])
            #expect(try office.accounts.membersVersion(of: office.workspace) > version)
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
