// SPDX-License-Identifier: Apache-2.0

import GRDB
package import TingCore
import TingStore

/// Owners have changed a workspace's members as often as they may within an hour.
package struct TooManyChanges: Error, Equatable {
    /// Until the next change is taken.
    package let wait: Duration
}

extension Accounts {
    /// All members of a workspace, past ones too, by id. Whom an owner invited, and who has not been
    /// there with a device of all their workspaces, is called what that owner wrote: an address gives no
    /// account's name away, nor does the code for it.
    package func members(of workspace: WorkspaceID) throws -> [Member] {
        try read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT member.id, coalesce(invited_name, name),
                            coalesce(invited_email, email), role, removed FROM membership
                        JOIN member ON member.id = membership.member
                        WHERE workspace = ? ORDER BY member.id
                    """)
            return try Row.fetchAll(statement, arguments: [workspace.description]).map { row in
                Member(
                    id: try MemberID(column: row.stored(atIndex: 0)),
                    name: try row.stored(String.self, atIndex: 1),
                    email: try row.stored(String.self, atIndex: 2),
                    role: row.hasNull(atIndex: 4)
                        ? try Role(column: row.stored(atIndex: 3)) : nil)
            }
        }
    }

    /// A number that grows with every change of the list.
    package func membersVersion(of workspace: WorkspaceID) throws -> Int64 {
        try read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT members_version FROM workspace WHERE id = ?")
            return try Int64.storedOne(statement, arguments: [workspace.description]) ?? 0
        }
    }

    /// How a change of the member list ended.
    package enum Change: Equatable, Sendable {
        case done
        case notFound
        /// It would leave the workspace without an owner.
        case lastOwner
    }

    /// Gives a member another role, or takes it away (`nil`).
    ///
    /// - Parameters:
    ///   - actor: the owner who asks; `nil` for the operator, who may also take the last owner away, and
    ///     as often as they like.
    /// - Throws: `TooManyChanges` for an owner who gives a role.
    package func setRole(
        _ role: Role?, of member: MemberID, in workspace: WorkspaceID, by actor: MemberID?
    ) throws -> Change {
        try write { db in
            let before = try String.fetchOne(
                db,
                sql: """
                    SELECT role FROM membership
                    WHERE workspace = ? AND member = ? AND removed IS NULL
                    """, arguments: [workspace.description, member.description])
            guard let before else { return .notFound }
            if before == role?.rawValue { return .done }
            if actor != nil, role != .owner, try isLastOwner(db, member, of: workspace) {
                return .lastOwner
            }
            // Who must go goes at once: there are no more removals than invitations, which are bounded.
            if actor != nil, role != nil { try checkPace(db, in: workspace) }
            try change(db, role, of: member, in: workspace)
            try audit(
                db, role.map { "member.role.\($0.rawValue)" } ?? "member.removed", by: actor,
                subject: member.description, workspace: workspace)
            return .done
        }
    }

    /// Bounds what owners add to the audit log, out of which nothing is taken.
    /// - Throws: `TooManyChanges`.
    func checkPace(_ db: Database, in workspace: WorkspaceID) throws {
        let hour: Int64 = 3_600_000
        let oldest = try Int64.storedOne(
            db,
            sql: """
                SELECT time FROM audit
                    WHERE workspace = ? AND actor <> 'operator' AND time > ?
                    ORDER BY time DESC LIMIT 1 OFFSET ?
                """,
            arguments: [workspace.description, now() - hour, Limits.memberChangesPerHour - 1])
        guard let oldest else { return }
        throw TooManyChanges(wait: .milliseconds(oldest + hour - now()))
    }

    /// Whether a workspace has this owner and no other.
    func isLastOwner(
        _ db: Database, _ member: MemberID, of workspace: WorkspaceID
    ) throws -> Bool {
        let owners = try String.fetchAll(
            db,
            sql: """
                SELECT member FROM membership
                    WHERE workspace = ? AND role = 'owner' AND removed IS NULL LIMIT 2
                """, arguments: [workspace.description])
        return owners == [member.description]
    }

    private func change(
        _ db: Database, _ role: Role?, of member: MemberID, in workspace: WorkspaceID
    ) throws {
        if let role {
            try db.execute(
                sql: "UPDATE membership SET role = ? WHERE workspace = ? AND member = ?",
                arguments: [role.rawValue, workspace.description, member.description])
            return
        }
        try db.execute(
            sql: "UPDATE membership SET removed = ? WHERE workspace = ? AND member = ?",
            arguments: [now(), workspace.description, member.description])
        // A code given out before would let the member back in.
        try db.execute(
            sql: "DELETE FROM invitation WHERE workspace = ? AND member = ? AND used IS NULL",
            arguments: [workspace.description, member.description])
    }

    /// Whether an owner may invite one more: the member list, past ones too, goes to every replica, and
    /// what an owner can make must not fill the disk.
    func hasRoom(_ db: Database, for email: String, in workspace: WorkspaceID) throws -> Bool {
        let isListed = try Bool.fetchOne(
            db,
            sql: """
                SELECT EXISTS (SELECT 1 FROM membership JOIN member ON member.id = membership.member
                    WHERE workspace = ? AND email_key = ?)
                """, arguments: [workspace.description, Self.key(of: email)])
        let members = try Int.fetchOne(
            db, sql: "SELECT count(*) FROM membership WHERE workspace = ?",
            arguments: [workspace.description])
        let open = try Int.fetchOne(
            db,
            sql: """
                SELECT count(*) FROM invitation
                    WHERE workspace = ? AND used IS NULL AND expires > ?
                """, arguments: [workspace.description, now()])
        let limit = Limits.workspaceMemberLimit
        return (isListed == true || members ?? 0 < limit) && open ?? 0 < limit
    }

    /// A member as the operator sees them.
    package struct MemberRow: Equatable, Sendable {
        package let workspace: String
        package let member: Member
        /// Devices that may act in the workspace; none before the member has joined.
        package let devices: Int
        /// Milliseconds since 1970.
        package let lastSeen: Int64?
    }

    /// The members of every workspace that are there now, by workspace and e-mail address.
    package func memberRows() throws -> [MemberRow] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT slug, member.id, member.name, email, role, count(device.id),
                            max(last_seen)
                        FROM membership
                        JOIN workspace ON workspace.id = membership.workspace
                        JOIN member ON member.id = membership.member
                        LEFT JOIN device ON device.member = member.id AND revoked IS NULL
                            AND \(Self.deviceActsThere)
                        WHERE removed IS NULL
                        GROUP BY slug, member.id ORDER BY slug, email_key
                    """
            ).map { row in
                MemberRow(
                    workspace: try row.stored(String.self, atIndex: 0),
                    member: Member(
                        id: try MemberID(column: row.stored(atIndex: 1)),
                        name: try row.stored(String.self, atIndex: 2),
                        email: try row.stored(String.self, atIndex: 3),
                        role: try Role(column: row.stored(atIndex: 4))),
                    devices: try row.stored(Int.self, atIndex: 5),
                    lastSeen: try row.storedIfAny(Int64.self, atIndex: 6))
            }
        }
    }

    /// The name of every account, also of those whose last membership is removed.
    package func names() throws -> [MemberID: String] {
        try read { db in
            let rows = try Row.fetchAll(db, sql: "SELECT id, name FROM member")
            return Dictionary(
                try rows.map { row in
                    (
                        try MemberID(column: row.stored(atIndex: 0)),
                        try row.stored(String.self, atIndex: 1)
                    )
                },
                uniquingKeysWith: { a, _ in a })
        }
    }

    /// The account with an e-mail address, in upper or lower case.
    package func member(email: String) throws -> MemberID? {
        try read { try member($0, email: email) }
    }

    func member(_ db: Database, email: String) throws -> MemberID? {
        try String.storedOne(
            db, sql: "SELECT id FROM member WHERE email_key = ?", arguments: [Self.key(of: email)]
        ).map { try MemberID(column: $0) }
    }

    /// Addresses that differ in case, or in their form of Unicode, are one account's.
    static func key(of email: String) -> String { email.normalized.lowercased() }
}
