// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore

/// A workspace that was made after a backup, with its people, as rows of `server.sqlite`.
struct LaterWorkspace: Sendable {
    let slug: String
    fileprivate let id: String
    fileprivate var rows: [NewRow] = []

    fileprivate struct NewRow: Sendable {
        let table: String
        let columns: [String]
        let values: [DatabaseValue]
    }
}

/// A restored backup knows nothing of workspaces that came after it: what the replaced folder has of them
/// stays.
extension Accounts {
    /// The workspaces that these accounts have and others lack.
    func workspaces(missingIn other: Accounts) throws -> [LaterWorkspace] {
        let known = try Set(other.workspaces().map(\.id))
        let members = try Set(other.read { try String.fetchAll($0, sql: "SELECT id FROM member") })
        return try workspaces().filter { !known.contains($0.id) }.map { row in
            try read { db in
                let id = row.id.description
                var later = LaterWorkspace(slug: row.slug, id: id)
                func take(_ table: String, _ condition: String) throws {
                    let rows = try Row.fetchAll(
                        db, sql: "SELECT * FROM \(table) WHERE \(condition)", arguments: [id])
                    later.rows += rows.map {
                        .init(
                            table: table, columns: Array($0.columnNames),
                            values: Array($0.databaseValues))
                    }
                }
                let new = "(SELECT member FROM membership WHERE workspace = ?1)"
                try take("workspace", "id = ?1")
                try take("member", "id IN \(new)")
                try take("membership", "workspace = ?1")
                let further = "(SELECT device FROM device_workspace WHERE workspace = ?1)"
                try take(
                    "device",
                    """
                    workspace = ?1 OR id IN \(further)
                        OR workspace IS NULL AND member IN \(new)
                    """)
                later.rows.removeAll { row in
                    // Who was there before has the devices of before: others may have been lost with the rest.
                    row.table == "device" && members.contains(row["member"])
                        && row["workspace"].isEmpty
                }
                return later
            }
        }
    }

    /// Takes a workspace in, with its people: who has an account here by the same address keeps that. Of the
    /// workspaces of a limited device this one alone is added: others may have been lost.
    /// - Throws: `DatabaseError` where its name is another's here.
    func add(_ later: LaterWorkspace) throws {
        try write { db in
            var ids: [String: String] = [:]
            for row in later.rows {
                if row.table == "member",
                    let known = try String.fetchOne(
                        db, sql: "SELECT id FROM member WHERE email_key = ?",
                        arguments: [row["email_key"]])
                {
                    ids[row["id"]] = known
                    continue
                }
                let isHere =
                    try row.table != "membership"
                    && Bool.fetchOne(
                        db, sql: "SELECT EXISTS (SELECT 1 FROM \(row.table) WHERE id = ?)",
                        arguments: [row["id"]]) == true
                if isHere {
                    if row.isLimitedDevice { try widen(db, row["id"], by: later.id) }
                    continue
                }
                let values = row.values.enumerated().map { place, value -> DatabaseValue in
                    switch row.columns[place] {
                    case "member": ids[row["member"]]?.databaseValue ?? value
                    case "workspace" where row.isLimitedDevice: later.id.databaseValue
                    default: value
                    }
                }
                try db.execute(
                    sql: """
                        INSERT INTO \(row.table) (\(row.columns.joined(separator: ", ")))
                        VALUES (\(databaseQuestionMarks(count: values.count)))
                        """, arguments: StatementArguments(values))
            }
        }
    }
}

extension LaterWorkspace.NewRow {
    fileprivate var isLimitedDevice: Bool { table == "device" && !self["workspace"].isEmpty }

    fileprivate subscript(column: String) -> String {
        columns.firstIndex(of: column).flatMap { String.fromDatabaseValue(values[$0]) } ?? ""
    }
}
