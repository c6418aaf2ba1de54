// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore

/// The record tables as integrating uses them: rows are values in the order of the collection's
/// fields, and statements are at hand, where `RecordTables` looks them up for each record.
///
/// Lives no longer than one transaction.
final class RowTables {
    private let db: Database
    private let tables: RecordTables
    private var known: [String: RowTable] = [:]
    private var last: RowTable?

    init(_ db: Database, _ tables: RecordTables) {
        self.db = db
        self.tables = tables
    }

    /// `nil` for a collection that the schema doesn't have.
    func of(_ name: String) throws -> RowTable? {
        // One record is mostly followed by another of its collection.
        if let last, last.collection.name == name { return last }
        if let found = known[name] {
            last = found
            return found
        }
        guard let collection = tables.schema.collection(name) else { return nil }
        let table = try RowTable(db, collection, tables.texts.of(collection))
        known[name] = table
        last = table
        return table
    }
}

/// A row as it was read.
struct HeldRow {
    /// In the order of the collection's fields.
    var values: [Value]
    /// Where it lies in its table: it is written there without its index being asked again.
    fileprivate let place: Int64?
}

/// One collection's table.
final class RowTable {
    let collection: CollectionSchema
    private let defaults: [Value]
    private let exists: HotStatement
    private let select: HotStatement
    private let insert: HotStatement
    private let update: HotStatement
    private let updateUnindexed: HotStatement
    private let unindexed: [Int]
    private let indexed: Set<String>
    private let hasPlaces: Bool
    private let remove: HotStatement
    private let room = TextRoom()

    init(_ db: Database, _ collection: CollectionSchema, _ texts: StatementTexts.Texts) throws {
        self.collection = collection
        defaults = collection.fields.map(\.standard)
        exists = try HotStatement(db, texts.exists)
        select = try HotStatement(db, texts.select)
        insert = try HotStatement(db, texts.insertNew)
        update = try HotStatement(db, texts.update)
        updateUnindexed = try HotStatement(db, texts.updateUnindexed)
        unindexed = texts.unindexed
        indexed = collection.indexedFields
        hasPlaces = texts.place != nil
        remove = try HotStatement(db, texts.remove)
    }

    deinit {
        // Their texts lie in the room, which goes now.
        insert.unbind()
        update.unbind()
        updateUnindexed.unbind()
    }

    /// The record's row; `nil` if it isn't in the table.
    func read(_ record: RecordID) throws -> HeldRow? {
        select.bind(record, at: 1)
        guard try select.step() else { return nil }
        defer { select.reset() }
        guard select.id(Int32(collection.fields.count)) == record else {
            throw ReplicaError.rottenIndex
        }
        let values = collection.fields.enumerated().map { select.value(Int32($0), of: $1) }
        let place = Int32(collection.fields.count + 1)
        return HeldRow(values: values, place: hasPlaces ? select.integer(place) : nil)
    }

    func contains(_ record: RecordID) throws -> Bool {
        exists.bind(record, at: 1)
        defer { exists.reset() }
        guard try exists.step() else { return false }
        guard exists.id(0) == record else { throw ReplicaError.rottenIndex }
        return true
    }

    /// Adds a record; `false`, and nothing done, if the table holds its id.
    func insert(_ record: RecordID, _ row: [Value]) throws -> Bool {
        insert.bind(record, at: 1)
        insert.bind(row, from: 2, in: room)
        try insert.run()
        return insert.changes > 0
    }

    /// Writes the row of a record that was read in this transaction, and not written since.
    /// - Parameter fields: Those that differ, by name; `nil` for all.
    func update(
        _ record: RecordID, _ held: HeldRow, to row: [Value], setting fields: [FieldValue]? = nil
    ) throws {
        let isIndexed = fields?.contains { indexed.contains($0.field) } ?? true
        let isWhole = isIndexed || unindexed.isEmpty
        let statement = isWhole ? update : updateUnindexed
        let values = isWhole ? row : unindexed.map { row[$0] }
        statement.bind(values, from: 1, in: room)
        let last = Int32(values.count + 1)
        if let place = held.place {
            statement.bind(place, at: last)
        } else {
            statement.bind(record, at: last)
        }
        try statement.run()
        guard statement.changes == 1 else { throw ReplicaError.rottenIndex }
    }

    func remove(_ record: RecordID) throws {
        remove.bind(record, at: 1)
        try remove.run()
    }

    // MARK: Rows and values

    /// A row with an effect's values set; a null stands for the field's default.
    /// - Parameter row: The row before; the defaults where `nil`.
    /// - Returns: `nil` if the collection lacks a field that the effect names.
    func row(_ row: [Value]?, setting values: [FieldValue]) -> [Value]? {
        var row = row ?? defaults
        // Both ascend by name: they are gone through side by side.
        let byName = collection.nameOrder
        var at = 0
        for pair in values {
            while at < byName.count, collection.fields[byName[at]].name != pair.field { at += 1 }
            let found = at < byName.count ? byName[at] : collection.position(of: pair.field)
            guard let position = found else { return nil }
            row[position] = pair.value.isNull ? defaults[position] : pair.value
        }
        return row
    }

    /// The values unlike their default, by name.
    func values(_ row: [Value]) -> [String: Value] {
        var values: [String: Value] = [:]
        for (position, value) in row.enumerated() where value != defaults[position] {
            values[collection.fields[position].name] = value
        }
        return values
    }

    /// The row that `values` gives.
    func row(_ values: [String: Value]) -> [Value] {
        collection.fields.map { values[$0.name] ?? $0.standard }
    }
}
