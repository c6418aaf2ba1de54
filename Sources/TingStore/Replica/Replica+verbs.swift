// SPDX-License-Identifier: Apache-2.0

public import GRDB
public import TingCore

/// Editing inside `write`: what `insert` and `update` wrote is sealed without being read back.
extension Replica {
    /// Inserts a record; fields that `values` doesn't name hold their default.
    /// - Throws: `ReplicaError.unknownField`, or `DatabaseError` if the id is taken.
    public func insert(
        _ db: Database, _ collection: String, _ id: RecordID, _ values: [String: Value]
    ) throws {
        let (collection, statement) = try inserting(db, collection)
        var written: [WrittenValue] = []
        written.reserveCapacity(values.count)
        let count = watch.rows.count
        statement.bind(id, at: 1)
        for position in collection.nameOrder {
            let field = collection.fields[position]
            let given = values.isEmpty ? nil : values[field.name]
            if let given { written.append((position, given.isNull ? field.standard : given)) }
            statement.bind(
                given.map { $0.isNull ? field.standard : $0 } ?? field.standard,
                at: Int32(position + 2))
        }
        guard written.count == values.count else { throw unknownField(values, collection) }
        try statement.run()
        note(written, to: id, of: collection, after: count)
    }

    /// Sets fields of a record.
    /// - Throws: `ReplicaError.unknownRecord` where it isn't there, `ReplicaError.unknownField`, or
    ///   `DatabaseError`.
    public func update(
        _ db: Database, _ collection: String, _ id: RecordID, _ values: [String: Value]
    ) throws {
        let last = watch.verbs.update
        let collection =
            if let last, last.collection.name == collection {
                last.collection
            } else {
                try tables.known(collection)
            }
        guard !values.isEmpty else { return }
        var written: [WrittenValue] = []
        written.reserveCapacity(values.count)
        for (name, value) in values {
            guard let position = collection.position(of: name) else {
                throw unknownField(values, collection)
            }
            written.append((position, value.isNull ? collection.fields[position].standard : value))
        }
        let fields = collection.fields
        written.sort { fields[$0.position].name.precedesInBytes(fields[$1.position].name) }
        let count = watch.rows.count
        let statement = try updating(db, collection, written)
        for (place, pair) in written.enumerated() {
            statement.bind(pair.value, at: Int32(place + 1))
        }
        statement.bind(id, at: Int32(written.count + 1))
        try statement.run()
        guard statement.changes > 0 else { throw ReplicaError.unknownRecord(id.description) }
        note(written, to: id, of: collection, after: count)
    }

    /// Notes a *keep*: an edit of a field (or of the whole record) to what it is.
    /// - Throws: `ReplicaError.unknownCollection`, `.unknownField`.
    public func keep(
        _ db: Database, _ collection: String, _ record: RecordID, field: String?
    ) throws {
        let known = try tables.known(collection)
        if let field, known.field(field) == nil {
            throw ReplicaError.unknownField("\(collection).\(field)")
        }
        try db.execute(
            sql: "INSERT INTO ting_note (kind, collection, record, field) VALUES ('k', ?, ?, ?)",
            arguments: [collection, record.description, field ?? ""])
    }

    /// The statement that inserts into a collection, and that.
    private func inserting(_ db: Database, _ name: String) throws -> (
        CollectionSchema, HotStatement
    ) {
        if let last = watch.verbs.insert, last.collection.name == name {
            last.statement.reset()
            return last
        }
        let collection = try tables.known(name)
        let statement = try tables.inserting(db, collection)
        if watch.isNoting { watch.verbs.insert = (collection, statement) }
        return (collection, statement)
    }

    private func updating(
        _ db: Database, _ collection: CollectionSchema, _ written: [WrittenValue]
    ) throws -> HotStatement {
        if let last = watch.verbs.update, last.collection === collection,
            last.positions.elementsEqual(written.lazy.map(\.position))
        {
            last.statement.reset()
            return last.statement
        }
        let positions = written.map(\.position)
        let statement = try tables.updating(db, collection, positions)
        if watch.isNoting { watch.verbs.update = (collection, positions, statement) }
        return statement
    }

    /// SQLite may have stored a value of another type as one of the column's: then the row is read.
    private func note(
        _ written: [WrittenValue], to id: RecordID, of collection: CollectionSchema,
        after count: Int
    ) {
        guard written.allSatisfy({ collection.fields[$0.position].stores($0.value) }) else {
            return
        }
        watch.written(written, to: id, after: count)
    }

    private func unknownField(_ values: [String: Value], _ collection: CollectionSchema)
        -> ReplicaError
    {
        let name = values.keys.sorted().first { collection.field($0) == nil } ?? ""
        return .unknownField("\(collection.name).\(name)")
    }
}

/// What one writing's verbs keep: the statements that ran last, since mostly they run again, and what they
/// read of deletions.
struct VerbMemory {
    var insert: (collection: CollectionSchema, statement: HotStatement)?
    var update: (collection: CollectionSchema, positions: [Int], statement: HotStatement)?
    var deletions: Deletions?
}

extension RecordTables {
    /// - Throws: `ReplicaError.unknownCollection`.
    func known(_ name: String) throws -> CollectionSchema {
        guard let collection = schema.collection(name) else {
            throw ReplicaError.unknownCollection(name)
        }
        return collection
    }
}

extension Field {
    /// Whether the column gives the value back as it is.
    fileprivate func stores(_ value: Value) -> Bool {
        switch (kind, value) {
        case (_, .null): standard.isNull
        case (.integer, .integer), (.counter, .integer), (.money, .integer), (.set, .set): true
        case (.text, .text(let text)), (.date, .text(let text)), (.time, .text(let text)),
            (.enum, .text(let text)), (.reference, .text(let text)):
            !text.hasNUL
        default: false
        }
    }
}

extension String {
    fileprivate var hasNUL: Bool {
        var text = self
        return text.withUTF8 { $0.contains(0) }
    }
}
