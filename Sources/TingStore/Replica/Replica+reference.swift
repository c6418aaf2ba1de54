// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore

/// Tables that belong to the product: read-only, outside change sets and digests.
extension Replica {
    /// Writes a reference table, in place of an older one of the name.
    /// - Parameters:
    ///   - columns: Names; the first is the key.
    ///   - rows: Cells by column; an empty cell becomes NULL.
    /// - Throws: `InvalidValue` for a name that is taken by something else or kept for Ting and SQLite, and
    ///   for rows that don't fit the columns; `DatabaseError`, also for two rows of one key.
    public func install(reference name: String, columns: [String], rows: [[String]]) throws {
        guard let key = columns.first, ([name] + columns).allSatisfy(Self.isPlainName) else {
            throw InvalidValue(
                "a reference table needs a name and columns of letters, digits and underscores",
                "Name them so; the first column is the key.")
        }
        if let row = rows.first(where: { $0.count != columns.count }) {
            throw InvalidValue(
                "a row of \(name) has \(row.count) cells for \(columns.count) columns",
                "Leave a cell empty instead of out.")
        }
        try quietly { db in
            guard try !isReserved(db, name) else {
                throw InvalidValue("the name \(name) is taken", "Give the reference table another.")
            }
            let list = columns.map { "\"\($0)\" TEXT" }.joined(separator: ", ")
            try db.execute(sql: "DROP TABLE IF EXISTS \"\(name)\"")
            try db.execute(
                sql: "CREATE TABLE \"\(name)\" (\(list), PRIMARY KEY (\"\(key)\")) STRICT")
            let places = columns.map { _ in "nullif(?, '')" }.joined(separator: ", ")
            let insert = try HotStatement(db, "INSERT INTO \"\(name)\" VALUES (\(places))")
            for row in rows {
                for (column, cell) in row.enumerated() { insert.bind(cell, at: Int32(column + 1)) }
                try insert.run()
            }
            for verb in ["INSERT", "UPDATE", "DELETE"] {
                try db.execute(
                    sql: """
                        CREATE TRIGGER "ting_\(name)_\(verb.lowercased())"
                        BEFORE \(verb) ON "\(name)" BEGIN
                          SELECT RAISE(ABORT, '\(Self.refusal(name))');
                        END
                        """)
            }
        }
    }

    private static func isPlainName(_ name: String) -> Bool {
        !name.isEmpty
            && name.unicodeScalars.allSatisfy {
                $0 == "_" || $0.properties.isAlphabetic
                    || $0.properties.numericType != nil
            }
    }

    /// Whether a table, view or index of another kind has the name, or only Ting's and SQLite's may.
    private func isReserved(_ db: Database, _ name: String) throws -> Bool {
        let isThere = try Bool.storedOne(
            db,
            sql: "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ? COLLATE NOCASE)",
            arguments: [name])
        return try ["ting_", "sqlite_"].contains(where: name.lowercased().hasPrefix)
            || isThere == true && !isReference(db, name)
    }

    private func isReference(_ db: Database, _ table: String) throws -> Bool {
        try Bool.storedOne(
            db,
            sql: """
                SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1
                AND name = 'ting_' || ?1 || '_insert' AND sql LIKE '%RAISE(ABORT%')
                """, arguments: [table]) ?? false
    }

    private static func refusal(_ table: String) -> String {
        "\(table) is reference data: it comes with Ting and is read-only"
    }

    /// Refuses what was written to a reference table, as its triggers do to other tools.
    func refuseReference(_ db: Database, _ table: String) throws {
        guard try isReference(db, table) else { return }
        throw DatabaseError(
            resultCode: .SQLITE_CONSTRAINT_TRIGGER, message: Self.refusal(table))
    }
}
