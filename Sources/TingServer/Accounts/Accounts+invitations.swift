// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import TingCore
import TingStore

/// What someone is invited to.
package struct Invitation: Sendable {
    package var name: String
    package var email: String
    package var workspace: WorkspaceID?
    /// `nil` leaves a member's role as it is, and makes a new one an editor.
    package var role: Role?

    package init(name: String, email: String, workspace: WorkspaceID?, role: Role?) {
        self.name = name
        self.email = email
        self.workspace = workspace
        self.role = role
    }

    /// The sentence that says what is wrong with the name or the address, if anything.
    package var problem: String? {
        if !Self.isLine(name) { return "A name is one line of 1-\(Limits.nameByteLimit) bytes." }
        let parts = email.split(separator: "@", omittingEmptySubsequences: false)
        guard Self.isLine(email), parts.count == 2, parts.allSatisfy({ !$0.isEmpty }),
            !email.contains(where: \.isWhitespace)
        else { return "An e-mail address reads like name@example.org." }
        return nil
    }

    static func isLine(_ text: String) -> Bool {
        (1...Limits.nameByteLimit).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
            && text.contains { !$0.isWhitespace }
    }
}

/// Why an owner may not invite someone.
package enum InvitationRefused: Error {
    /// Another role for its last owner would leave the workspace without one.
    case lastOwner
    /// The workspace lists as many members, or has as many open invitations, as owners may make.
    case full
}

/// A join code, for the one person it is for.
package struct JoinCode: Sendable {
    package let code: String
    package let member: MemberID
    /// Milliseconds since 1970.
    package let expires: Int64
}

/// What a device gets when it joins.
package struct Joined: Sendable {
    package let token: String
    package let caller: Caller
}

extension Accounts {
    /// Makes the account and the membership, and a code that a device joins with.
    ///
    /// - Parameter owner: the owner who invites, and who vouches for their own workspace only: the
    ///   device acts nowhere else. `nil` for the operator, who vouches for the whole server.
    /// - Throws: `InvitationRefused` for what an owner may not do, and `TooManyChanges`.
    package func invite(_ invitation: Invitation, by owner: MemberID?) throws -> JoinCode {
        let code = Secret.joinCode()
        let created = now()
        let expires = created + Int64(Limits.invitationHours) * 3_600_000
        return try write { db in
            if owner != nil, let workspace = invitation.workspace {
                try checkPace(db, in: workspace)
                guard try hasRoom(db, for: invitation.email, in: workspace) else {
                    throw InvitationRefused.full
                }
            }
            let member = try account(db, for: invitation, renames: owner == nil)
            if let workspace = invitation.workspace {
                try admit(db, member, to: workspace, invitation, by: owner)
            }
            // Those that have expired are of no use to anyone.
            try db.execute(sql: "DELETE FROM invitation WHERE expires <= ?", arguments: [created])
            try db.execute(
                sql: """
                    INSERT INTO invitation
                        (code_hash, member, workspace, role, limited, created, expires)
                        VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    Secret.hash(of: code).data, member.description,
                    invitation.workspace?.description, invitation.role?.rawValue, owner != nil,
                    created, expires,
                ])
            try audit(
                db, "member.invited", by: owner, subject: member.description,
                workspace: invitation.workspace)
            return JoinCode(code: code, member: member, expires: expires)
        }
    }

    /// Takes a code in for a new device. `nil` if it is wrong, used, expired or withdrawn.
    ///
    /// The device whose reply was lost may send the same request again, as long as it has not used
    /// its token: it gets the same one (promise 5). For any other device a used code stays used.
    ///
    /// The owner who made a code may use it too: they hear the name and the address that they wrote.
    package func join(code: String, device name: String, publicKey: [UInt8]) throws -> Joined? {
        let hash = Secret.hash(of: code.lowercased())
        return try write { db in
            guard let open = try openInvitation(db, hash) else { return nil }
            let salt = open.salt ?? Secret.randomBytes(32)
            let token = Secret.token(code: code.lowercased(), publicKey: publicKey, salt: salt)
            let device: DeviceID
            if let used = open.device {
                guard try mayJoinAgain(db, used, publicKey, token) else { return nil }
                device = used
            } else {
                device = try register(
                    db, open.member, workspace: open.limit, name: name, publicKey, token)
                try db.execute(
                    sql: "UPDATE invitation SET used = ?, device = ?, salt = ? WHERE code_hash = ?",
                    arguments: [now(), device.description, salt.data, hash.data])
                try audit(db, "device.joined", by: open.member, subject: device.description)
            }
            if open.limit == nil, let workspace = open.workspace {
                try accept(db, open.member, workspace: workspace)
            }
            return Joined(
                token: token,
                caller: Caller(
                    member: open.member, device: device, name: open.name, email: open.email,
                    limit: open.limit))
        }
    }

    private func openInvitation(_ db: Database, _ code: Hash) throws -> OpenInvitation? {
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT invitation.member, iif(limited, coalesce(invited_name, name), name),
                        iif(limited, coalesce(invited_email, email), email),
                        invitation.workspace, limited, device, salt FROM invitation
                    JOIN member ON member.id = invitation.member
                    LEFT JOIN membership ON membership.workspace = invitation.workspace
                        AND membership.member = invitation.member AND removed IS NULL
                    WHERE code_hash = ? AND expires > ?
                        AND (invitation.workspace IS NULL OR membership.member IS NOT NULL)
                """, arguments: [code.data, now()])
        return try row.map { try OpenInvitation($0) }
    }

    private func mayJoinAgain(
        _ db: Database, _ device: DeviceID, _ publicKey: [UInt8], _ token: String
    ) throws -> Bool {
        try Bool.fetchOne(
            db,
            sql: """
                SELECT EXISTS (SELECT 1 FROM device WHERE id = ? AND public_key = ?
                    AND token_hash = ? AND last_seen IS NULL AND revoked IS NULL)
                """,
            arguments: [device.description, publicKey.data, Secret.hash(of: token).data]) ?? false
    }

    private func register(
        _ db: Database, _ member: MemberID, workspace: WorkspaceID?, name: String,
        _ publicKey: [UInt8], _ token: String
    ) throws -> DeviceID {
        var generator = SystemRandomNumberGenerator()
        let device = DeviceID.random(using: &generator)
        try db.execute(
            sql: """
                INSERT INTO device (id, member, workspace, name, public_key, token_hash, created)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                device.description, member.description, workspace?.description, name,
                publicKey.data, Secret.hash(of: token).data, now(),
            ])
        return device
    }

    private func account(
        _ db: Database, for invitation: Invitation, renames: Bool
    ) throws -> MemberID {
        if let member = try member(db, email: invitation.email) {
            if renames {
                try db.execute(
                    sql: "UPDATE member SET name = ? WHERE id = ? AND name <> ?",
                    arguments: [
                        invitation.name.normalized, member.description, invitation.name.normalized,
                    ])
            }
            return member
        }
        var generator = SystemRandomNumberGenerator()
        let member = MemberID.random(using: &generator)
        try db.execute(
            sql: "INSERT INTO member (id, name, email, email_key, created) VALUES (?, ?, ?, ?, ?)",
            arguments: [
                member.description, invitation.name.normalized, invitation.email.normalized,
                Self.key(of: invitation.email), now(),
            ])
        return member
    }

    private func admit(
        _ db: Database, _ member: MemberID, to workspace: WorkspaceID, _ invitation: Invitation,
        by owner: MemberID?
    ) throws {
        let role = invitation.role
        if owner != nil, let role, role != .owner, try isLastOwner(db, member, of: workspace) {
            throw InvitationRefused.lastOwner
        }
        try db.execute(
            sql: """
                INSERT INTO membership (workspace, member, role, added, invited_name, invited_email)
                    VALUES (?1, ?2, ?3, ?5, ?6, ?7)
                    ON CONFLICT DO UPDATE SET removed = NULL,
                        role = coalesce(?4, iif(removed IS NULL, role, excluded.role)),
                        invited_name = iif(invited_name IS NULL, NULL, excluded.invited_name),
                        invited_email = iif(invited_email IS NULL, NULL, excluded.invited_email)
                """,
            arguments: [
                workspace.description, member.description, (role ?? .editor).rawValue,
                role?.rawValue, now(), owner.map { _ in invitation.name.normalized },
                owner.map { _ in invitation.email.normalized },
            ])
    }

    /// From now on the member is called there what their account is called.
    func accept(_ db: Database, _ member: MemberID, workspace: WorkspaceID) throws {
        try db.execute(
            sql: """
                UPDATE membership SET invited_name = NULL, invited_email = NULL
                    WHERE workspace = ? AND member = ? AND invited_name IS NOT NULL
                """, arguments: [workspace.description, member.description])
    }
}

/// What a code that may be used is for, and which device used it.
private struct OpenInvitation {
    let member: MemberID
    /// Of the account, or where an owner invited what the workspace's members see.
    let name: String
    let email: String
    let workspace: WorkspaceID?
    /// The only workspace that the device may act in.
    let limit: WorkspaceID?
    let device: DeviceID?
    let salt: [UInt8]?

    init(_ row: Row) throws {
        member = try MemberID(column: row.stored(atIndex: 0))
        name = try row.stored(String.self, atIndex: 1)
        email = try row.stored(String.self, atIndex: 2)
        workspace = try row.storedIfAny(String.self, atIndex: 3).map {
            try WorkspaceID(column: $0)
        }
        limit = try row.stored(Bool.self, atIndex: 4) ? workspace : nil
        device = try row.storedIfAny(String.self, atIndex: 5).map { try DeviceID(column: $0) }
        salt = try row.storedIfAny(Data.self, atIndex: 6).map { Array($0) }
    }
}
