// SPDX-License-Identifier: Apache-2.0

import GRDB
import Synchronization
import TingCore

/// Brings a file to what a new file would have: missing tables, columns, indexes and triggers are
/// added, an index that is not used any more is dropped, and a table that got another key is made anew
/// with its rows. Nothing else is taken away, no row is touched, and what belongs to others is left alone.
///
/// A new column's default stands in the table's definition, so its cost doesn't grow with the rows.
struct TableGrowth: Sendable {
    private struct Table: Sendable {
        var name: String
        var form: Form
        var definition: String
        var columns: [(name: String, definition: String)]
    }

    /// What SQLite can't alter of a table.
    private struct Form: Equatable, Sendable {
        var key: [String]
        var isStrict: Bool
    }

    /// Indexes that files of earlier layouts have.
    private static let formerIndexes = [
        "ting_note_record", "ting_edit_standing", "ting_delivery_hash",
    ]
    /// Tables that have another form in files of earlier layouts.
    private static let formerForms = ["ting_invalid", "ting_note"]

    private let tables: [Table]
    private let indexes: [(name: String, definition: String)]
    private let triggers: [(name: String, definition: String)]

    /// What files were compared with last, by the statements that make a new one.
    private static let known = Mutex<[[String]: TableGrowth]>([:])

    /// - Parameter statements: Those that make a new file. They are played in memory, once a process.
    static func to(_ statements: [String]) throws -> TableGrowth {
        if let growth = known.withLock({ $0[statements] }) { return growth }
        let growth = try TableGrowth(statements)
        known.withLock { known in
            if known.count == 8 { known.removeAll() }
            known[statements] = growth
        }
        return growth
    }

    private init(_ statements: [String]) throws {
        var configuration = Configuration()
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA journal_mode = OFF") }
        let model = try DatabaseQueue(configuration: configuration)
        (tables, indexes, triggers) = try model.write { db in
            for statement in statements { try db.execute(sql: statement) }
            let tables = try Row.fetchAll(
                db,
                sql: """
                    SELECT s.name, s.sql FROM sqlite_schema s JOIN pragma_table_list l
                    ON l.name = s.name WHERE l.type IN ('table', 'virtual')
                    AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY s.rowid
                    """)
            return (
                try tables.map { row in
                    try Table(
                        name: row.decode(atIndex: 0), form: Self.form(db, row.decode(atIndex: 0)),
                        definition: row.decode(atIndex: 1),
                        columns: try Self.columns(db, row.decode(atIndex: 0)))
                },
                try Self.definitions(db, "index"), try Self.definitions(db, "trigger")
            )
        }
    }

    private static func definitions(_ db: Database, _ type: String) throws
        -> [(name: String, definition: String)]
    {
        try Row.fetchAll(
            db,
            sql: """
                SELECT name, sql FROM sqlite_schema WHERE type = ? AND sql IS NOT NULL
                ORDER BY rowid
                """, arguments: [type]
        ).map { try ($0.decode(atIndex: 0), $0.decode(atIndex: 1)) }
    }

    /// - Parameter isWhole: Whether those count, too, that are computed from others.
    private static func columns(_ db: Database, _ table: String, isWhole: Bool = false) throws
        -> [(name: String, definition: String)]
    {
        let source = isWhole ? "hidden FROM pragma_table_xinfo(?)" : "0 FROM pragma_table_info(?)"
        let rows = try Row.fetchAll(
            db, sql: "SELECT name, type, \"notnull\", dflt_value, \(source)", arguments: [table])
        return try rows.map { row in
            let name: String = try row.decode(atIndex: 0)
            let type: String = try row.decode(atIndex: 1)
            let standard = try row.decode(String?.self, atIndex: 3).map { " DEFAULT \($0)" } ?? ""
            let isRequired: Bool = try row.decode(atIndex: 2)
            let computed = try row.decode(Int.self, atIndex: 4) != 0 ? " AS" : ""
            return (
                name, "\"\(name)\" \(type)\(isRequired ? " NOT NULL" : "")\(standard)\(computed)"
            )
        }
    }

    private static func form(_ db: Database, _ table: String) throws -> Form {
        let key = try String.storedAll(
            db, sql: "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk",
            arguments: [table])
        let isStrict = try Bool.storedOne(
            db, sql: "SELECT strict FROM pragma_table_list WHERE schema = 'main' AND name = ?",
            arguments: [table])
        return Form(key: key, isStrict: isStrict ?? false)
    }

    /// Makes a table anew, with its rows.
    private static func rebuild(_ db: Database, _ table: Table) throws {
        let name = table.name
        let columns = try columns(db, name).map(\.name)
            .filter { column in table.columns.contains { $0.name == column } }
            .map { "\"\($0)\"" }.joined(separator: ", ")
        try db.execute(
            sql: """
                CREATE TEMP TABLE "ting_was_\(name)" AS SELECT \(columns) FROM main."\(name)";
                DROP TABLE main."\(name)";
                \(table.definition);
                INSERT INTO main."\(name)" (\(columns))
                SELECT \(columns) FROM temp."ting_was_\(name)";
                DROP TABLE temp."ting_was_\(name)";
                """)
    }

    /// Copies a table's rows from an attached file, column by name: files grew in different orders. What
    /// the other file lacks keeps its default.
    static func copy(_ db: Database, _ table: String, from file: String) throws {
        let columns = try String.storedAll(
            db,
            sql: """
                SELECT '"' || a.name || '"' FROM pragma_table_info(?1, 'main') a
                JOIN pragma_table_info(?1, ?2) b ON a.name = b.name ORDER BY a.cid
                """, arguments: [table, file]
        ).joined(separator: ", ")
        guard !columns.isEmpty else { return }
        try db.execute(
            sql: """
                INSERT INTO main."\(table)" (\(columns)) SELECT \(columns) FROM \(file)."\(table)"
                """)
    }

    /// The tables, indexes and triggers that the file defines otherwise, or not at all: one that rotted
    /// there holds its rows well, and fails the next write.
    func differences(from db: Database) throws -> [String] {
        var found: [String] = []
        let inFile = Dictionary(
            try Self.definitions(db, "table").map { ($0.name, $0.definition) },
            uniquingKeysWith: { a, _ in a })
        for table in tables where inFile[table.name] != table.definition {
            // A table that grew has its columns in another order.
            let present = Dictionary(
                try Self.columns(db, table.name).map { ($0.name, $0.definition) },
                uniquingKeysWith: { a, _ in a })
            if table.columns.contains(where: { present[$0.name] != $0.definition }) {
                found.append("table \(table.name)")
            }
        }
        for (kind, wanted) in [("index", indexes), ("trigger", triggers)] {
            let present = try Self.definitions(db, kind)
            found += wanted.filter { one in !present.contains { $0 == one } }
                .map { "\(kind) \($0.name)" }
        }
        return found
    }

    // MARK: What others made

    /// Has the names free that a schema gives to what is new in it.
    /// - Parameter held: The schema that the file has until now.
    /// - Throws: `SchemaError.taken` where a person's own table, view, index or column has one: what
    ///   has to be added finds no place there.
    func mustHaveRoom(_ db: Database, for schema: Schema, after held: Schema) throws {
        for collection in schema.collections {
            guard let table = tables.first(where: { $0.name == collection.name }) else { continue }
            guard let before = held.collection(collection.name) else {
                if let taken = try Self.taken(db, by: table) { throw SchemaError.taken(taken) }
                continue
            }
            let added = table.columns.filter { $0.name != "id" && before.field($0.name) == nil }
            if let name = try Self.clash(db, table.name, with: added) {
                throw SchemaError.taken(.column(name, of: table.name))
            }
        }
    }

    /// What lies in a new table's place; `nil` for nothing, or a table that is as Ting makes it.
    private static func taken(_ db: Database, by table: Table) throws -> SchemaError.Taken? {
        let found = try Row.fetchOne(
            db,
            sql: """
                SELECT type, name FROM sqlite_schema
                WHERE name = ? COLLATE NOCASE AND type IN ('table', 'view', 'index')
                """, arguments: [table.name])
        guard let found else { return nil }
        let name: String = try found.decode(atIndex: 1)
        switch try found.decode(String.self, atIndex: 0) {
        case "view": return .view(name)
        case "index": return .index(name)
        default:
            let isOurs =
                try name == table.name && form(db, name) == table.form
                && clash(db, name, with: table.columns) == nil
            return isOurs ? nil : .table(name)
        }
    }

    /// The first column of a table that has the name of one of these, to SQLite, and another form.
    private static func clash(
        _ db: Database, _ table: String, with columns: [(name: String, definition: String)]
    ) throws -> String? {
        guard !columns.isEmpty else { return nil }
        return try self.columns(db, table, isWhole: true).first { present in
            columns.contains {
                $0.name == present.name.lowercased() && $0.definition != present.definition
            }
        }?.name
    }

    /// Adds what the file lacks.
    func apply(_ db: Database) throws {
        for table in tables {
            let present = Set(try Self.columns(db, table.name).map(\.name))
            guard !present.isEmpty else {
                try db.execute(sql: table.definition)
                continue
            }
            if Self.formerForms.contains(table.name),
                try Self.form(db, table.name) != table.form
            {
                try Self.rebuild(db, table)
                continue
            }
            for column in table.columns where !present.contains(column.name) {
                try db.execute(
                    sql: "ALTER TABLE \"\(table.name)\" ADD COLUMN \(column.definition)")
            }
        }
        for (kind, wanted) in [("index", indexes), ("trigger", triggers)] {
            let present = Dictionary(
                try Self.definitions(db, kind).map { ($0.name, $0.definition) },
                uniquingKeysWith: { a, _ in a })
            for (name, definition) in wanted where present[name] != definition {
                try db.execute(sql: "DROP \(kind) IF EXISTS \"\(name)\"; \(definition)")
            }
        }
        for name in Self.formerIndexes {
            try db.execute(sql: "DROP INDEX IF EXISTS \"\(name)\"")
        }
    }
}
