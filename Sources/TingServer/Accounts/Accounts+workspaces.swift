// SPDX-License-Identifier: Apache-2.0

import GRDB
package import TingCore
import TingStore

extension Accounts {
    /// A workspace as the operator sees it.
    package struct WorkspaceRow: Equatable, Sendable {
        package let id: WorkspaceID
        package let slug: String
        /// The most bytes that it may take; `nil` for any number.
        package let quota: Int64?
    }

    /// Whether somebody belongs to the workspace: not, where what made it was killed before its first member.
    func hasMembers(_ workspace: WorkspaceID) throws -> Bool {
        try read { db in
            try Bool.fetchOne(
                db,
                sql: """
                    SELECT EXISTS (SELECT 1 FROM membership
                    WHERE workspace = ? AND removed IS NULL)
                    """, arguments: [workspace.description]) ?? false
        }
    }

    /// Every workspace of this server, by slug.
    package func workspaces() throws -> [WorkspaceRow] {
        try read { db in
            try Row.fetchAll(
                db, sql: "SELECT id, slug, quota FROM workspace ORDER BY slug"
            ).map { row in
                WorkspaceRow(
                    id: try WorkspaceID(column: row.stored(atIndex: 0)),
                    slug: try row.stored(String.self, atIndex: 1),
                    quota: try row.storedIfAny(Int64.self, atIndex: 2))
            }
        }
    }

    package func workspace(slug: String) throws -> WorkspaceID? {
        try read { db in
            try String.storedOne(
                db, sql: "SELECT id FROM workspace WHERE slug = ?", arguments: [slug]
            ).map { try WorkspaceID(column: $0) }
        }
    }

    /// Enters a workspace whose file has been made. `false` if another took the slug meanwhile.
    package func add(workspace id: WorkspaceID, slug: String) throws -> Bool {
        try write { db in
            try db.execute(
                sql: """
                    INSERT INTO workspace (id, slug, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
                    """, arguments: [id.description, slug, now()])
            guard db.changesCount == 1 else { return false }
            try audit(db, "workspace.created", by: nil, subject: slug, workspace: id)
            return true
        }
    }

    /// Bounds the bytes that a workspace may take, from its next sync on. `false` if there is none.
    package func setQuota(_ quota: Int64?, of workspace: WorkspaceID) throws -> Bool {
        try write { db in
            try db.execute(
                sql: "UPDATE workspace SET quota = ? WHERE id = ?",
                arguments: [quota, workspace.description])
            guard db.changesCount == 1 else { return false }
            try audit(
                db, "workspace.quota", by: nil, subject: quota.map(String.init) ?? "none",
                workspace: workspace)
            return true
        }
    }
}

/// The name of a workspace in addresses: lower-case letters, digits and hyphens, 1-63 characters.
package enum Slug {
    package static func isValid(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard (1...63).contains(bytes.count), bytes.first != 0x2d, bytes.last != 0x2d else {
            return false
        }
        return bytes.allSatisfy {
            (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d
        }
    }
}
