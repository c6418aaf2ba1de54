// SPDX-License-Identifier: Apache-2.0

import Foundation
package import GRDB
import Synchronization
import TingCore

/// One row of a record table, as it stands.
package struct StoredRow {
    let collection: CollectionSchema
    /// The columns in the order of the collection's fields.
    let columns: [DatabaseValue]
    /// Fields whose text is not what was read of it.
    let flaws: [String: TextFlaw]
    /// The bytes of these.
    private let flawed: [String: Data]

    init(_ collection: CollectionSchema, _ statement: HotStatement) {
        self.collection = collection
        var columns: [DatabaseValue] = []
        columns.reserveCapacity(collection.fields.count)
        var flaws: [String: TextFlaw] = [:]
        var flawed: [String: Data] = [:]
        for position in collection.fields.indices {
            let (value, flaw) = statement.value(Int32(position))
            columns.append(value)
            guard let flaw else { continue }
            let name = collection.fields[position].name
            flaws[name] = flaw
            flawed[name] = Data(statement.blob(Int32(position)))
        }
        self.columns = columns
        self.flaws = flaws
        self.flawed = flawed
    }

    /// What the field's column holds; `nil` without such a field.
    package subscript(_ field: String) -> DatabaseValue? {
        collection.position(of: field).map { columns[$0] }
    }

    /// The columns by name; a text with a flaw as its bytes, which no column holds otherwise.
    var byField: [String: DatabaseValue] {
        Dictionary(
            zip(collection.fields.map(\.name), columns), uniquingKeysWith: { a, _ in a }
        ).merging(flawed.mapValues(\.databaseValue)) { _, bytes in bytes }
    }
}

/// What keeps a text of an SQLite file from being one.
enum TextFlaw {
    /// A NUL, where SQLite's C strings end.
    case nul
    /// Bytes that are not UTF-8.
    case encoding
}

/// The statements of each record table, put together when first needed: a command uses few.
final class StatementTexts: Sendable {
    final class Texts: Sendable {
        let select: String
        let exists: String
        /// Sets every field of the record with an id.
        let overwrite: String
        let insert: String
        /// Inserts nothing where the record is there.
        let insertNew: String
        /// Of a row that was read: its place comes last where the table has a name for it, else its id.
        let update: String
        /// The same without the fields at which indexes hold the row: setting one, to what it was
        /// even, takes the row out of its index and puts it in again.
        let updateUnindexed: String
        /// The places of those fields' columns among the collection's.
        let unindexed: [Int]
        let remove: String
        /// What names a row's place in its table; `nil` where fields have all such names.
        let place: String?

        init(_ collection: CollectionSchema) {
            let table = "\"\(collection.name)\""
            let columns = collection.fields.map { "\"\($0.name)\"" }
            let list = columns.joined(separator: ", ")
            let marks = Array(repeating: "?", count: columns.count + 1).joined(separator: ", ")
            let place = ["_rowid_", "rowid", "oid"].first { collection.field($0) == nil }
            self.place = place
            // With the id: where an index rotted, SQLite may give the row of another.
            select = "SELECT \(list), id, \(place ?? "NULL") FROM \(table) WHERE id = ?"
            exists = "SELECT id FROM \(table) WHERE id = ?"
            let sets = columns.map { "\($0) = ?" }.joined(separator: ", ")
            overwrite = "UPDATE \(table) SET \(sets) WHERE id = ?"
            insert = "INSERT INTO \(table) (\"id\", \(list)) VALUES (\(marks))"
            insertNew = """
                INSERT INTO \(table) ("id", \(list)) VALUES (\(marks)) ON CONFLICT (id) DO NOTHING
                """
            let indexed = collection.indexedFields
            unindexed = collection.fields.indices.filter { position in
                !indexed.contains(collection.fields[position].name)
            }
            func update(_ columns: [String]) -> String {
                let sets = columns.map { "\($0) = ?" }.joined(separator: ", ")
                return "UPDATE \(table) SET \(sets) WHERE \(place ?? "id") = ?"
            }
            self.update = update(columns)
            updateUnindexed = update(unindexed.isEmpty ? columns : unindexed.map { columns[$0] })
            remove = "DELETE FROM \(table) WHERE id = ?"
        }
    }

    private let texts = Mutex<[String: Texts]>([:])
    private let columns = Mutex<[String: [Int]]>([:])

    /// Where a collection's fields stand in its table, found out once.
    func columns(of collection: CollectionSchema, _ found: () throws -> [Int]) throws -> [Int] {
        try columns.withLock { columns in
            if let known = columns[collection.name] { return known }
            let made = try found()
            columns[collection.name] = made
            return made
        }
    }

    func forgetColumns() { columns.withLock { $0.removeAll() } }

    private let updates = Mutex<[Update: String]>([:])

    private struct Update: Hashable {
        let collection: String
        let positions: [Int]
    }

    /// The statement that sets the fields at these positions.
    func update(_ collection: CollectionSchema, _ positions: [Int]) -> String {
        updates.withLock { updates in
            let key = Update(collection: collection.name, positions: positions)
            if let known = updates[key] { return known }
            let sets = positions.map { "\"\(collection.fields[$0].name)\" = ?" }
            let made =
                "UPDATE \"\(collection.name)\" SET \(sets.joined(separator: ", ")) WHERE id = ?"
            updates[key] = made
            return made
        }
    }

    func of(_ collection: CollectionSchema) -> Texts {
        texts.withLock { texts in
            if let known = texts[collection.name] { return known }
            let made = Texts(collection)
            texts[collection.name] = made
            return made
        }
    }
}
