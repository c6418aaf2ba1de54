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
    /// - Parameter owner: the owner who invites, and who vouches for their own workspace only: by the
    ///   code a device acts nowhere else. `nil` for the operator, who vouches for the whole server.
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
    /// - Parameter shown: The token of a device that the account has already: that one may act where the
    ///   code is for as well, keeps its token, and may send the request again for as long as the code is
    ///   good. Any other token counts for nothing, and only a right code has it looked at.
    package func join(
        code: String, device name: String, publicKey: [UInt8], showing shown: String? = nil
    ) throws -> Joined? {
        let hash = Secret.hash(of: code.lowercased())
        return try write { db in
            guard let open = try openInvitation(db, hash) else { return nil }
            if let shown, let present = try presentDevice(db, shown, open) {
                if open.device == nil { try widen(db, present, open, code: hash) }
                return try joined(db, open, present, shown)
            }
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
            return try joined(db, open, device, token)
        }
    }

    /// What the device that took the code in hears. One of all its member's workspaces is the member's
    /// own: it accepts by joining, and hears their own name.
    private func joined(
        _ db: Database, _ open: OpenInvitation, _ device: DeviceID, _ token: String
    ) throws -> Joined {
        let first = try String.storedOne(
            db, sql: "SELECT workspace FROM device WHERE id = ?", arguments: [device.description])
        let limits = try limits(db, of: device.description, first: first)
        if limits == nil, let workspace = open.workspace {
            try accept(db, open.member, workspace: workspace)
        }
        let name = limits == nil ? open.own : open.invited
        return Joined(
            token: token,
            caller: Caller(
                member: open.member, device: device, name: name.name, email: name.email,
                limits: limits))
    }

    /// The device whose token was shown, where it may take the code in, or has done so before.
    private func presentDevice(
        _ db: Database, _ token: String, _ open: OpenInvitation
    ) throws -> DeviceID? {
        let found = try String.storedOne(
            db,
            sql: """
                SELECT id FROM device WHERE token_hash = ? AND member = ? AND revoked IS NULL
                """,
            arguments: [Secret.hash(of: token).data, open.member.description])
        guard let device = try found.map({ try DeviceID(column: $0) }) else { return nil }
        // A code with a salt has made a device: it is good once, whatever token comes with it.
        return open.device == nil || open.device == device && open.salt == nil ? device : nil
    }

    /// A device may act where a code is for, too: in one workspace more, or by the operator's in all.
    private func widen(
        _ db: Database, _ device: DeviceID, _ open: OpenInvitation, code: Hash
    ) throws {
        if let workspace = open.limit {
            try widen(db, device.description, by: workspace.description)
        } else {
            try db.execute(
                sql: "DELETE FROM device_workspace WHERE device = ?",
                arguments: [device.description])
            try db.execute(
                sql: "UPDATE device SET workspace = NULL WHERE id = ?",
                arguments: [device.description])
        }
        try db.execute(
            sql: "UPDATE invitation SET used = ?, device = ? WHERE code_hash = ?",
            arguments: [now(), device.description, code.data])
        // Its token is in use: nobody gets it any more by the code that made the device.
        try db.execute(
            sql: "UPDATE device SET last_seen = ? WHERE id = ?",
            arguments: [now(), device.description])
        try audit(db, "device.widened", by: open.member, subject: device.description)
    }

    /// A device that is limited to workspaces may act in one more.
    func widen(_ db: Database, _ device: String, by workspace: String) throws {
        try db.execute(
            sql: """
                INSERT OR IGNORE INTO device_workspace (device, workspace)
                    SELECT id, ?1 FROM device
                    WHERE id = ?2 AND workspace IS NOT NULL AND workspace <> ?1
                """, arguments: [workspace, device])
    }

    private func openInvitation(_ db: Database, _ code: Hash) throws -> OpenInvitation? {
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT invitation.member, name, email, coalesce(invited_name, name),
                        coalesce(invited_email, email), invitation.workspace, limited, device, salt
                    FROM invitation
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
    /// What the account is called.
    let own: (name: String, email: String)
    /// What the workspace's members call it.
    let invited: (name: String, email: String)
    let workspace: WorkspaceID?
    /// The only workspace that the code is for.
    let limit: WorkspaceID?
    let device: DeviceID?
    let salt: [UInt8]?

    init(_ row: Row) throws {
        member = try MemberID(column: row.stored(atIndex: 0))
        own = try (row.stored(String.self, atIndex: 1), row.stored(String.self, atIndex: 2))
        invited = try (row.stored(String.self, atIndex: 3), row.stored(String.self, atIndex: 4))
        workspace = try row.storedIfAny(String.self, atIndex: 5).map {
            try WorkspaceID(column: $0)
        }
        limit = try row.stored(Bool.self, atIndex: 6) ? workspace : nil
        device = try row.storedIfAny(String.self, atIndex: 7).map { try DeviceID(column: $0) }
        salt = try row.storedIfAny(Data.self, atIndex: 8).map { Array($0) }
    }
}
