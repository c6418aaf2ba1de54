// SPDX-License-Identifier: Apache-2.0

import GRDB

/// Tables that belong to the product: read-only, outside change sets and digests.
extension Replica {
    /// Writes a reference table, in place of an older one of the name.
    /// - Parameters:
    ///   - columns: Names; the first is the key.
    ///   - rows: Cells by column; an empty cell becomes NULL.
    public func install(reference name: String, columns: [String], rows: [[String]]) throws {
        guard let key = columns.first else { return }
        try quietly { db in
            let list = columns.map { "\"\($0)\" TEXT" }.joined(separator: ", ")
            try db.execute(sql: "DROP TABLE IF EXISTS \"\(name)\"")
            try db.execute(
                sql: "CREATE TABLE \"\(name)\" (\(list), PRIMARY KEY (\"\(key)\")) STRICT")
            let places = columns.map { _ in "nullif(?, '')" }.joined(separator: ", ")
            let insert = try db.cachedStatement(
                sql: "INSERT INTO \"\(name)\" VALUES (\(places))")
            for row in rows where row.count == columns.count {
                try insert.execute(arguments: StatementArguments(row))
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

    private static func refusal(_ table: String) -> String {
        "\(table) is reference data: it comes with Ting and is read-only"
    }

    /// Refuses what was written to a reference table, as its triggers do to other tools.
    func refuseReference(_ db: Database, _ table: String) throws {
        let isReference = try Bool.storedOne(
            db,
            sql: """
                SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1
                AND name = 'ting_' || ?1 || '_insert' AND sql LIKE '%RAISE(ABORT%')
                """, arguments: [table])
        guard isReference == true else { return }
        throw DatabaseError(
            resultCode: .SQLITE_CONSTRAINT_TRIGGER, message: Self.refusal(table))
    }
}
