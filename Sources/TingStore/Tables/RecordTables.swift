// SPDX-License-Identifier: Apache-2.0

import CSQLite
import Foundation
package import GRDB
package import TingCore

/// The records of a workspace in ordinary tables, one a collection: read, write, remove.
///
/// Values go in and out in canonical form; a field that holds its default is left out.
package struct RecordTables: Sendable {
    package let schema: Schema

    /// One statement that asks every table.
    private let locating: String
    let texts = StatementTexts()

    package init(schema: Schema) {
        self.schema = schema
        let cases = schema.collections.map { collection in
            """
            WHEN ?2 <> '\(collection.name)'
            AND EXISTS (SELECT 1 FROM "\(collection.name)" WHERE id = ?1) THEN '\(collection.name)'
            """
        }
        locating = "SELECT CASE \(cases.joined(separator: " ")) END"
    }

    // MARK: Definition

    /// The statements that make the tables and what they need to be found by.
    package func definition() -> [String] {
        schema.collections.flatMap { collection in
            let columns = collection.fields.map { field in
                "  \"\(field.name)\" \(field.columnType)\(field.columnDefault)"
            }
            let table = """
                CREATE TABLE "\(collection.name)" (
                  id TEXT PRIMARY KEY NOT NULL DEFAULT \(Self.newID),
                \(columns.joined(separator: ",\n"))
                ) STRICT
                """
            let indexed = collection.fields.filter { $0.parent || $0.unique }.map { field in
                """
                CREATE INDEX "ting_\(collection.name)_\(field.name)"
                ON "\(collection.name)"("\(field.name)") WHERE "\(field.name)" IS NOT NULL
                """
            }
            return [table] + indexed
        } + [
            "CREATE INDEX ting_conflict_open ON conflict(record) WHERE status = 'open'"
        ]
    }

    /// A UUID of version 7 in one expression of built-in functions, for any SQLite tool.
    private static let newID = """
        (printf('%s-%s-7%s-%s%s-%s',
            substr(printf('%012x', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)), 1, 8),
            substr(printf('%012x', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)), 9, 4),
            substr(lower(hex(randomblob(2))), 2), substr('89ab', 1 + abs(random() % 4), 1),
            substr(lower(hex(randomblob(2))), 2), lower(hex(randomblob(6)))))
        """

    /// Whether a row's id has as many bytes as one has: a text with a NUL passes for what is before it.
    static let isWholeID = "length(CAST(id AS BLOB)) = 36"

    // MARK: Rows

    /// The row as it stands; `nil` without such a row.
    package func raw(_ db: Database, _ collection: CollectionSchema, _ id: String) throws
        -> StoredRow?
    {
        let statement = try HotStatement(db, texts.of(collection).select)
        statement.bind(id, at: 1)
        guard try statement.step() else { return nil }
        defer { statement.reset() }
        try statement.mustHold(id, at: Int32(collection.fields.count))
        return StoredRow(collection, statement)
    }

    /// Whether the table holds the id.
    func contains(_ db: Database, _ collection: CollectionSchema, _ id: String) throws -> Bool {
        let statement = try HotStatement(db, texts.of(collection).exists)
        statement.bind(id, at: 1)
        defer { statement.reset() }
        guard try statement.step() else { return false }
        try statement.mustHold(id, at: 0)
        return true
    }

    /// Has a row be gone that no index finds and nobody took away: a look at every row.
    func mustLack(_ db: Database, _ collection: CollectionSchema, _ id: String) throws {
        let statement = try HotStatement(
            db, "SELECT 1 FROM \"\(collection.name)\" NOT INDEXED WHERE id = ?")
        statement.bind(id, at: 1)
        guard try !statement.isThere() else { throw ReplicaError.rottenIndex }
    }

    /// Whether the record's row is what writing these values would make of it, byte for byte.
    func holds(_ db: Database, _ collection: String, _ id: RecordID, _ values: [String: Value])
        throws -> Bool
    {
        guard let collection = schema.collection(collection),
            let raw = try raw(db, collection, id.description), raw.flaws.isEmpty
        else { return false }
        return zip(collection.fields, raw.columns).allSatisfy { field, column in
            (values[field.name] ?? field.standard).column.isIdentical(to: column)
        }
    }

    /// The record's values unlike their defaults; `nil` if it isn't in its table.
    package func read(_ db: Database, _ collection: String, _ id: RecordID) throws
        -> [String: Value]?
    {
        guard let collection = schema.collection(collection),
            let raw = try raw(db, collection, id.description)
        else { return nil }
        var values: [String: Value] = [:]
        for (position, field) in collection.fields.enumerated() {
            let value = field.value(raw.columns[position])
            if !value.isNull, value != field.standard { values[field.name] = value }
        }
        return values
    }

    /// Writes the whole record: what `values` doesn't name holds its default.
    package func write(
        _ db: Database, _ collection: String, _ id: RecordID, _ values: [String: Value]
    ) throws {
        guard let collection = schema.collection(collection) else { return }
        let texts = texts.of(collection)
        let (key, whole) = (
            Value.text(id.description), collection.fields.map { values[$0.name] ?? $0.standard }
        )
        func run(_ sql: String, _ values: [Value]) throws {
            let statement = try HotStatement(db, sql)
            for (position, value) in values.enumerated() {
                statement.bind(value, at: Int32(position + 1))
            }
            try statement.run()
        }
        // Not OR REPLACE, which takes away whatever else holds what a person's own index allows once.
        try run(texts.overwrite, whole + [key])
        if db.changesCount == 0 { try run(texts.insert, [key] + whole) }
    }

    /// Sets some fields of a record that is in its table.
    package func update(
        _ db: Database, _ collection: String, _ id: RecordID, _ values: [FieldValue]
    ) throws {
        guard !values.isEmpty else { return }
        let assignments = values.map { "\"\($0.field)\" = ?" }.joined(separator: ", ")
        let statement = try HotStatement(
            db, "UPDATE \"\(collection)\" SET \(assignments) WHERE id = ?")
        for (position, pair) in values.enumerated() {
            statement.bind(pair.value, at: Int32(position + 1))
        }
        statement.bind(id.description, at: Int32(values.count + 1))
        try statement.run()
    }

    package func remove(_ db: Database, _ collection: String, _ id: RecordID) throws {
        let statement = try db.cachedStatement(sql: "DELETE FROM \"\(collection)\" WHERE id = ?")
        try statement.execute(arguments: [id.description])
    }

    /// Binds the id, then every field in order.
    func inserting(_ db: Database, _ collection: CollectionSchema) throws -> HotStatement {
        try HotStatement(db, texts.of(collection).insert)
    }

    /// Binds the fields at these positions, then the id.
    func updating(
        _ db: Database, _ collection: CollectionSchema, _ positions: [Int]
    ) throws -> HotStatement {
        try HotStatement(db, texts.update(collection, positions))
    }

    /// Deletes the records whose field holds a text, but for some; gives their ids.
    func removeAll(
        _ db: Database, _ collection: CollectionSchema, where field: String, is value: String,
        except stays: (Data) -> Bool
    ) throws -> [String] {
        let (ids, kept) = try Self.ids(
            db, of: collection, where: field, is: value, except: stays)
        guard !ids.isEmpty else { return [] }
        try db.cachedStatement(
            sql: """
                DELETE FROM "\(collection.name)"
                WHERE "\(field)" = ? AND _rowid_ NOT IN (SELECT value FROM json_each(?))
                """
        ).execute(arguments: [value, kept])
        return ids
    }

    /// The ids of the records whose field holds a text, and the places of those that stay, as JSON: ids
    /// that no text can hold are told apart by their bytes.
    static func ids(
        _ db: Database, of collection: CollectionSchema, where field: String, is value: String,
        except stays: (Data) -> Bool
    ) throws -> (ids: [String], kept: String) {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT _rowid_, CAST(id AS BLOB) FROM "\(collection.name)"
                    WHERE "\(field)" = ? ORDER BY id
                    """), arguments: [value])
        var (ids, kept): ([String], [String]) = ([], [])
        for row in rows {
            let id: Data = try row.stored(atIndex: 1)
            if stays(id) {
                kept.append(String(try row.stored(Int64.self, atIndex: 0)))
            } else {
                ids.append(String(decoding: id, as: UTF8.self))
            }
        }
        return (ids, "[\(kept.joined(separator: ","))]")
    }

    /// Has them found anew: the file's definition changed.
    func forgetColumns() { texts.forgetColumns() }

    /// Where the collection's fields stand in its table: files grew in different orders.
    /// - Throws: `ReplicaError.damaged` for a default that rotted: of a row that leaves its column out,
    ///   it would pass for what somebody wrote.
    func columns(_ db: Database, _ collection: CollectionSchema) throws -> [Int] {
        try texts.columns(of: collection) {
            let columns = try Row.fetchAll(
                db, sql: "SELECT name, dflt_value FROM pragma_table_info(?) ORDER BY cid",
                arguments: [collection.name]
            ).map { row in
                try (
                    name: row.stored(String.self, atIndex: 0),
                    standard: row.decode(String?.self, atIndex: 1)
                )
            }
            return try collection.fields.map { field in
                guard let column = columns.firstIndex(where: { $0.name == field.name }) else {
                    throw StoredFormError.malformed(collection.name)
                }
                let standard = columns[column].standard.map { " DEFAULT \($0)" } ?? ""
                guard standard == field.columnDefault else {
                    throw ReplicaError.damaged("the definition of table \(collection.name)")
                }
                return column
            }
        }
    }

    /// The collection whose table holds the id, other than `except`.
    package func locate(_ db: Database, _ id: String, except: String = "") throws -> String? {
        let statement = try HotStatement(db, locating)
        statement.bind(id, at: 1)
        statement.bind(except, at: 2)
        defer { statement.reset() }
        return try statement.step() && !statement.isNull(0) ? statement.text(0) : nil
    }

    /// Every row, as it is shown.
    package func contents(_ db: Database) throws -> [RecordContent] {
        try schema.collections.flatMap { collection in
            try String.storedAll(
                db,
                sql: """
                    SELECT id FROM "\(collection.name)" WHERE \(Self.isWholeID) ORDER BY id
                    """
            )
            .compactMap { text in
                try RecordID(text).flatMap { id in
                    try read(db, collection.name, id).map {
                        RecordContent(collection.name, id, $0)
                    }
                }
            }
        }
    }

    /// Live records whose parent is `id`.
    package func children(_ db: Database, of id: String) throws
        -> [(collection: String, record: RecordID)]
    {
        var found: [(collection: String, record: RecordID)] = []
        for collection in schema.collections {
            guard let parent = collection.parent else { continue }
            let statement = try db.cachedStatement(
                sql:
                    "SELECT id FROM \"\(collection.name)\" WHERE \"\(parent.name)\" = ? ORDER BY id"
            )
            for child in try String.storedAll(statement, arguments: [id]) {
                if let record = RecordID(child) { found.append((collection.name, record)) }
            }
        }
        return found
    }
}

extension CollectionSchema {
    /// The fields by which indexes of its table hold a row, or leave it out.
    var indexedFields: Set<String> {
        let written = fields.lazy.filter { $0.parent || $0.unique }.map(\.name)
        return name == CollectionSchema.conflict.name
            ? ["record", "status"] : Set(written)
    }
}

extension HotStatement {
    /// Has a row be the one that was asked for. The binary search in an index whose keys are out of
    /// order may pass the key, end at another, and take that for it.
    /// Source: `OPFLAG_SEEKEQ` in SQLite's `vdbe.c`.
    fileprivate func mustHold(_ id: String, at column: Int32) throws {
        var id = id
        let isIt = withText(column) { held in id.withUTF8 { $0.elementsEqual(held) } }
        guard isIt else { throw ReplicaError.rottenIndex }
    }
}

/// Random bits of SQLite's own generator, which its VFS seeds.
struct SQLiteRandomness: RandomNumberGenerator {
    let db: Database

    mutating func next() -> UInt64 {
        var drawn: UInt64 = 0
        sqlite3_randomness(8, &drawn)
        return drawn
    }
}

extension Field {
    fileprivate var columnType: String {
        switch kind {
        case .integer, .counter, .money: "INTEGER"
        case .text, .date, .time, .enum, .reference, .set: "TEXT"
        }
    }

    fileprivate var columnDefault: String {
        switch standard {
        case .null: ""
        case .integer(let integer): " DEFAULT \(integer)"
        case .text(let text): " DEFAULT '\(text.replacing("'", with: "''"))'"
        case .set: " DEFAULT '\(standard.json.replacing("'", with: "''"))'"
        }
    }
}
