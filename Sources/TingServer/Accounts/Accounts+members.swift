// SPDX-License-Identifier: Apache-2.0

import GRDB
package import TingCore

extension Accounts {
    /// All members of a workspace, past ones too, by id.
    package func members(of workspace: WorkspaceID) throws -> [Member] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT member.id, name, email, role, removed FROM membership
                        JOIN member ON member.id = membership.member
                        WHERE workspace = ? ORDER BY member.id
                    """, arguments: [workspace.description]
            ).map { row in
                Member(
                    id: try MemberID(column: row[0]), name: row[1], email: row[2],
                    role: row[4] == nil ? try Role(column: row[3]) : nil)
            }
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
    ///   - actor: the owner who asks; `nil` for the operator, who may also take the last owner away.
    package func setRole(
        _ role: Role?, of member: MemberID, in workspace: WorkspaceID, by actor: MemberID?
    ) throws -> Change {
        try write { db in
            let current = try String.fetchOne(
                db,
                sql: """
                    SELECT role FROM membership WHERE workspace = ? AND member = ? AND removed IS NULL
                    """, arguments: [workspace.description, member.description])
            guard let current else { return .notFound }
            if actor != nil, current == Role.owner.rawValue, role != .owner {
                let owners = try Int.fetchOne(
                    db,
                    sql: """
                        SELECT count(*) FROM membership
                            WHERE workspace = ? AND role = 'owner' AND removed IS NULL
                        """, arguments: [workspace.description])
                if owners == 1 { return .lastOwner }
            }
            try change(db, role, of: member, in: workspace)
            try audit(
                db, role.map { "member.role.\($0.rawValue)" } ?? "member.removed", by: actor,
                subject: member.description, workspace: workspace)
            return .done
        }
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

    /// The account with an e-mail address, in upper or lower case.
    package func member(email: String) throws -> MemberID? {
        try read { try member($0, email: email) }
    }

    func member(_ db: Database, email: String) throws -> MemberID? {
        try String.fetchOne(
            db, sql: "SELECT id FROM member WHERE email_key = ?", arguments: [Self.key(of: email)]
        ).map { try MemberID(column: $0) }
    }

    /// Addresses that differ in case, or in their form of Unicode, are one account's.
    static func key(of email: String) -> String { email.normalized.lowercased() }
}
