// SPDX-License-Identifier: Apache-2.0

import GRDB
import Synchronization
import TingCore

/// What other tools took away of the file's definition, made anew: without its triggers their edits
/// are nobody's, and without a table nothing goes on.
extension Replica {
    /// What this process found missing of the file's definition and made anew, as `trigger NAME` or
    /// `table NAME`.
    public var remade: [String] { watch.remade.withLock { $0 } }

    /// Seals what other tools wrote, once the file has what it takes to note and keep that.
    /// - Parameter isThorough: Whether texts are compared, too, not names alone.
    @discardableResult
    func sealForeign(_ db: Database, message: String = "", isThorough: Bool = false) throws
        -> [InvalidEdit]
    {
        let found = try remake(db, isThorough: isThorough)
        let invalid = try Sealer(self, db).seal(message: message)
        guard !found.isEmpty else { return invalid }
        // What stands beside its table is shown in the new one; the rest comes from the server.
        let records = try String.storedAll(db, sql: "SELECT record FROM ting_shared")
        try materialize(db, Set(records.compactMap { RecordID($0) }))
        if try !HistoryTables.isStored(db, recomputedDigest(db)) {
            try db.execute(
                sql: "UPDATE ting_replica SET suspect = max(suspect, ?)",
                arguments: [Doubt.records.rawValue])
        }
        watch.remade.withLock { known in known += found.filter { !known.contains($0) } }
        return invalid
    }

    /// Makes anew what is missing; gives its names.
    private func remake(_ db: Database, isThorough: Bool) throws -> [String] {
        let version = try definitionVersion(db)
        guard isThorough || version != watch.complete else { return [] }
        // Of a file that is no replica nothing is made.
        _ = try identity(db)
        guard try isThorough || !isDefinitionComplete(db) else { return [] }
        // A program of a later layout made the file: what it left out is its own affair.
        guard try layout(db) <= SchemaTable.layout else { return [] }
        let growth = try TableGrowth.to(Self.definition(schema))
        let differences = try growth.differences(from: db)
        let keyless = try schema.collections.filter { try isKeyless(db, $0) }
        if !keyless.isEmpty {
            do {
                try db.inSavepoint {
                    let own = try keyless.map { try whatWasAdded(db, to: $0) }
                    for collection in keyless { try takeApart(db, collection) }
                    try growth.apply(db)
                    for column in own.flatMap(\.columns) { try db.execute(sql: column.sql) }
                    for (collection, own) in zip(keyless, own) {
                        try fill(db, collection, own.columns.map(\.name))
                        for sql in own.others { try db.execute(sql: sql) }
                    }
                    return .commit
                }
            } catch let error as DatabaseError
                where [.SQLITE_CONSTRAINT, .SQLITE_ERROR].contains(error.resultCode)
            {
                // Rows that don't fit the table are left as they are: the server's come with a start-over.
            }
        }
        try growth.apply(db)
        // What rotted in a table's definition stays: nobody took it away.
        let left = try growth.differences(from: db)
        let filled = try keyless.filter { try !isKeyless(db, $0) }.map { "table \($0.name)" }
        let found = differences.filter { !left.contains($0) && !filled.contains($0) } + filled
        guard !found.isEmpty else {
            watch.complete = version
            return []
        }
        // Held-back notes may be of rows that are gone.
        try db.execute(sql: "UPDATE ting_replica SET sealed_note = -1")
        tables.forgetColumns()
        // Not `complete` before this transaction is on disk: the next one looks again.
        watch.complete = nil
        return found
    }

    /// Whether the file has all that it takes to note and keep edits, by names.
    func isDefinitionComplete(_ db: Database) throws -> Bool {
        let version = try definitionVersion(db)
        if version == watch.complete { return true }
        guard try layout(db) > SchemaTable.layout || isComplete(db) else { return false }
        watch.complete = version
        return true
    }

    /// Grows with every change of the file's definition, by any program.
    func definitionVersion(_ db: Database) throws -> Int64 {
        let statement = try HotStatement(db, "PRAGMA schema_version")
        defer { statement.reset() }
        return try statement.step() ? statement.integer(0) : 0
    }

    private func layout(_ db: Database) throws -> Int {
        let statement = try HotStatement(db, "SELECT layout FROM ting_schema")
        defer { statement.reset() }
        return try statement.step() ? Int(statement.integer(0)) : 0
    }

    /// Whether every collection has its table, the key in its first column, and its triggers, by their names.
    private func isComplete(_ db: Database) throws -> Bool {
        let names = schema.collections.flatMap { collection in
            [collection.name, Self.key(collection)] + CaptureTriggers.names(collection)
        }
        let list = names.map { "'\($0)'" }.joined(separator: ",")
        let count = try Int.storedOne(
            db, sql: "SELECT count(*) FROM sqlite_schema WHERE name IN (\(list))")
        guard count == names.count else { return false }
        let tables = schema.collections.map { "('\($0.name)')" }.joined(separator: ",")
        return try Int.storedOne(
            db,
            sql: """
                WITH wanted (name) AS (VALUES \(tables))
                SELECT count(*) FROM wanted, pragma_table_info(wanted.name) AS place
                WHERE \(Self.isKey)
                """) == schema.collections.count
    }

    /// The index that SQLite makes for a table's key.
    private static func key(_ collection: CollectionSchema) -> String {
        "sqlite_autoindex_\(collection.name)_1"
    }

    // MARK: Tables that were put together otherwise

    /// Of a column: what this process writes is noted by the place of columns.
    private static let isKey = "place.cid = 0 AND place.pk > 0 AND place.name = 'id'"

    /// Whether the table is there without a key in its first column: a tool put it together from a query, or
    /// with the columns in another order.
    private func isKeyless(_ db: Database, _ collection: CollectionSchema) throws -> Bool {
        let keys = try Int.storedOne(
            db, sql: "SELECT sum(\(Self.isKey)) FROM pragma_table_info(?) AS place",
            arguments: [collection.name])
        return keys == 0
    }

    /// What somebody added to a table: columns with the statements that add them, and those that make its
    /// indexes and triggers.
    private func whatWasAdded(
        _ db: Database, to collection: CollectionSchema
    ) throws -> (columns: [(name: String, sql: String)], others: [String]) {
        let known = Set(collection.fields.map(\.name) + ["id"])
        let rows = try Row.fetchAll(
            db, sql: "SELECT name, type, dflt_value FROM pragma_table_info(?)",
            arguments: [collection.name])
        let columns = try rows.compactMap { row -> (String, String)? in
            let (name, type): (String, String) = try (
                row.stored(atIndex: 0), row.stored(atIndex: 1)
            )
            guard !known.contains(name) else { return nil }
            // A STRICT table takes these types alone (sqlite.org/stricttables.html).
            let isStrict = ["INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY"].contains(
                type.uppercased())
            let standard = try row.decode(String?.self, atIndex: 2).map { " DEFAULT \($0)" }
            return (
                name,
                """
                ALTER TABLE main."\(collection.name)" ADD COLUMN \(name.quotedDatabaseIdentifier) \
                \(isStrict ? type : "ANY")\(standard ?? "")
                """
            )
        }
        let others = try String.storedAll(
            db,
            sql: """
                SELECT sql FROM sqlite_schema WHERE tbl_name = ? AND type IN ('index', 'trigger')
                AND sql IS NOT NULL AND name NOT LIKE 'ting\\_%' ESCAPE '\\'
                """, arguments: [collection.name])
        return (columns.map { (name: $0.0, sql: $0.1) }, others)
    }

    private func takeApart(_ db: Database, _ collection: CollectionSchema) throws {
        let name = collection.name
        try db.execute(
            sql: """
                CREATE TEMP TABLE "ting_was_\(name)" AS
                SELECT rowid AS ting_place, * FROM main."\(name)";
                DROP TABLE main."\(name)";
                """)
    }

    /// Puts the rows into the new table, the first of each id; others are kept aside in `ting_mended`.
    private func fill(
        _ db: Database, _ collection: CollectionSchema, _ added: [String]
    ) throws {
        let name = collection.name
        let old = "temp.\"ting_was_\(name)\""
        let there = try Set(
            String.storedAll(
                db, sql: "SELECT name FROM pragma_table_info(?)", arguments: ["ting_was_\(name)"]))
        let columns = (["id"] + collection.fields.map(\.name)).filter { there.contains($0) }
        let list = (columns + added).map(\.quotedDatabaseIdentifier).joined(separator: ", ")
        let pairs = columns.map { "'\($0)', \"\($0)\"" }.joined(separator: ", ")
        let first =
            "ting_place IN (SELECT min(ting_place) FROM \(old) WHERE id IS NOT NULL GROUP BY id)"
        try db.execute(
            sql: """
                INSERT INTO main."\(name)" (\(list)) SELECT \(list) FROM \(old) WHERE \(first);
                INSERT INTO ting_mended (record, collection, was, time)
                SELECT coalesce(id, ''), '\(name)', json_object(\(pairs)), \(clock()) FROM \(old)
                WHERE NOT \(first);
                DROP TABLE \(old);
                """)
    }
}
