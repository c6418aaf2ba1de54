// SPDX-License-Identifier: Apache-2.0

public import GRDB
public import TingCore
import TingStore

/// One collection as the SQLite table it is: rows to values. `Replica` has the verbs that write.
public struct RecordTable: Sendable {
    public let collection: CollectionSchema

    public init(_ collection: CollectionSchema) { self.collection = collection }

    /// The table's name, quoted for SQL.
    public var quotedName: String { Self.quoted(collection.name) }

    /// The columns of a query for whole records: `id` first, then the fields in order.
    public var quotedColumns: String {
        (["id"] + collection.fields.map(\.name)).map(Self.quoted).joined(separator: ", ")
    }

    public static func quoted(_ name: String) -> String {
        "\"" + name.replacing("\"", with: "\"\"") + "\""
    }

    public func contains(_ db: Database, _ id: RecordID) throws -> Bool {
        let statement = try db.cachedStatement(sql: "SELECT 1 FROM \(quotedName) WHERE id = ?")
        return try Bool.fetchOne(statement, arguments: [id.description]) ?? false
    }

    /// The unique fields among these whose value another live record has.
    package func taken(
        _ db: Database, _ values: [String: Value], by id: RecordID
    ) throws -> [Field] {
        try collection.fields.filter { field in
            guard field.unique, let text = values[field.name]?.text, !text.isEmpty else {
                return false
            }
            return try Int.fetchOne(
                db,
                sql: """
                    SELECT 1 FROM \(Self.quoted(collection.name))
                    WHERE \(Self.quoted(field.name)) = ? AND id <> ? LIMIT 1
                    """, arguments: [text.normalized, id.description]) != nil
        }
    }

    public func count(_ db: Database) throws -> Int {
        try Int.fetchOne(db, sql: "SELECT count(*) FROM \(quotedName)") ?? 0
    }

    /// The values of a record; `nil` when it is not there.
    public func values(_ db: Database, _ id: RecordID) throws -> [String: Value]? {
        try record(db, id)?.values
    }

    public func record(_ db: Database, _ id: RecordID) throws -> RecordRow? {
        let sql = "SELECT \(quotedColumns) FROM \(quotedName) WHERE id = ?"
        return try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [id.description])
            .map(record)
    }

    /// The record, or what it was last where it is deleted; `nil` where there is nothing of it.
    package func recordOrLast(_ db: Database, _ id: RecordID) throws -> RecordRow? {
        try record(db, id) ?? lastRecord(db, id)
    }

    /// What a record that is deleted was last: with edits on top that wait here, as it would come back.
    func lastRecord(_ db: Database, _ id: RecordID) throws -> RecordRow? {
        guard let shared = try SharedRecords.read(db, id), shared.collection == collection.name
        else { return nil }
        var values = shared.values
        for (_, operations) in try DecodedOutbox().edits(db, of: id) {
            for operation in operations where operation.kind != .delete {
                for edit in operation.fields { values[edit.field] = edit.after }
            }
        }
        let fields = collection.fields.map { ($0.name, values[$0.name] ?? $0.standard) }
        return RecordRow(
            collection: collection, id: id.description,
            values: Dictionary(fields, uniquingKeysWith: { _, last in last }))
    }

    /// Records that a condition in SQL picks, in the order and number asked for.
    public func records(
        _ db: Database, where condition: String? = nil, orderBy: String = "id", limit: Int? = nil
    ) throws -> [RecordRow] {
        var sql = "SELECT \(quotedColumns) FROM \(quotedName)"
        if let condition {
            // Alone first: `1) OR (1` would otherwise change the statement around it.
            _ = try db.makeStatement(sql: "SELECT 1 FROM \(quotedName) WHERE \(condition)")
            sql += " WHERE (\(condition)\n)"
        }
        sql += " ORDER BY \(orderBy)"
        if let limit { sql += " LIMIT \(limit)" }
        let rows = try Row.fetchCursor(db.makeStatement(sql: sql))
        var records: [RecordRow] = []
        while let row = try rows.next() { records.append(record(row)) }
        return records
    }

    private func record(_ row: Row) -> RecordRow {
        var values: [String: Value] = [:]
        for (index, field) in collection.fields.enumerated() {
            values[field.name] = field.value(row[index + 1])
        }
        return RecordRow(
            collection: collection, id: row[0] as String? ?? "", values: values)
    }
}

/// A record as it stands in a replica's table.
public struct RecordRow: Sendable {
    public let collection: CollectionSchema
    /// As the table has it: another tool may have written one that is no id.
    public let id: String
    public let values: [String: Value]

    public subscript(_ field: String) -> Value { values[field] ?? .null }

    /// What people call the record: its code and title, or the first text that it has.
    public var name: String {
        let title = [
            "title_en", "title_da", "title_zh", "title", "name_en", "name_da", "name_zh", "name",
            "subject",
        ]
        .lazy.compactMap { self[$0].text }.first
        let code = collection.fields.first(where: \.unique).flatMap { self[$0.name].text }
        let person = [self["given"].text, self["family"].text].compactMap { $0 }
        let parts = [code, title ?? (person.isEmpty ? nil : person.joined(separator: " "))]
            .compactMap { $0 }
        return parts.isEmpty ? firstText : parts.joined(separator: " ")
    }

    private var firstText: String {
        collection.fields.lazy.filter { $0.kind == .text }.compactMap { self[$0.name].text }
            .first.map { String($0.prefix(60)) } ?? ""
    }

    /// The record in JSON: `id` and every field, in the order of the schema.
    public var json: JSONValue { .object([identity] + members) }

    /// The same with its collection, behind `id`.
    package var jsonWithCollection: JSONValue {
        .object([identity, ("collection", .text(collection.name))] + members)
    }

    private var identity: (String, JSONValue) { ("id", .text(id)) }
    private var members: [(String, JSONValue)] {
        collection.fields.map { ($0.name, JSONValue(self[$0.name])) }
    }
}
