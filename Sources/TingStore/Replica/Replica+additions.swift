// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore

/// What people add to the tables of a replica: an index or a column may refuse what comes in.
extension Replica {
    /// Takes in what came; where something that was added refuses it, the error names that.
    func naming<T>(_ body: () throws -> T) throws -> T {
        do { return try body() } catch let error as DatabaseError
            where [.SQLITE_CONSTRAINT, .SQLITE_ERROR].contains(error.resultCode)
        {
            // A table or a column that somebody took away is another matter: `verify` makes it anew.
            let isMissing = ["no such table", "no such column"].contains { missing in
                error.message?.hasPrefix(missing) == true
            }
            guard !isMissing else { throw error }
            let added = (try? read(additions)) ?? []
            guard !added.isEmpty else { throw error }
            throw ReplicaError.refused(error.message ?? "\(error.resultCode)", by: added)
        }
    }

    /// Indexes and columns that are not Ting's, by name.
    private func additions(_ db: Database) throws -> [String] {
        let indexes = try Row.fetchAll(
            db,
            sql: """
                SELECT name, tbl_name FROM sqlite_schema
                WHERE type = 'index' AND sql IS NOT NULL AND name NOT LIKE 'ting\\_%' ESCAPE '\\'
                """)
        return try indexes.compactMap { row in
            let (name, table): (String, String) = try (
                row.stored(atIndex: 0), row.stored(atIndex: 1)
            )
            return schema.collection(table) == nil ? nil : "index \(name)"
        }
            + schema.collections.flatMap { collection in
                let known = Set(collection.fields.map(\.name) + ["id"])
                return try String.storedAll(
                    db, sql: "SELECT name FROM pragma_table_info(?)", arguments: [collection.name]
                ).filter { !known.contains($0) }.map { "column \(collection.name).\($0)" }
            }
    }
}
