// SPDX-License-Identifier: Apache-2.0

/// Reads back what `storedBytes` wrote. Bytes come from a file that may have rotted: every
/// malformed input is an error, none a trap.
extension ChangeSet {
    public init(storedBytes bytes: [UInt8]) throws {
        self = try bytes.withUnsafeBytes { try ChangeSet(storedBytes: $0) }
    }

    package init(storedBytes bytes: UnsafeRawBufferPointer) throws {
        var reader = CBORReader(bytes)
        self = try ChangeSet(&reader)
        try reader.finish()
    }

    private init(_ reader: inout CBORReader) throws {
        var id: ChangeSetID?
        var seed: [UInt8]?
        var schema: Int?
        var base: Base?
        var time: Int64?
        var operations: [Operation]?
        var (seen, message): ([Hash], String) = ([], "")
        try reader.map { reader, key in
            switch key {
            case "id": id = try reader.id()
            case "base": base = try reader.base()
            case "seed": seed = Array(try reader.data())
            case "seen": seen = try reader.list { try $0.hash() }
            case "time": time = try reader.integer()
            case "schema": schema = Int(exactly: try reader.integer())
            case "message": message = try reader.text()
            case "operations":
                // The keys' order has the time before them.
                guard let time else { throw StoredFormError.malformed("change set") }
                operations = try reader.list { try Operation(&$0, time: time) }
            default: try reader.skip()
            }
        }
        guard let id, let seed, let schema, let base, let time, let operations else {
            throw StoredFormError.malformed("change set")
        }
        self.init(
            id: id, seed: seed, schema: schema, base: base, seen: seen, message: message,
            time: time, operations: operations)
    }
}

extension Operation {
    fileprivate init(_ reader: inout CBORReader, time: Int64) throws {
        var kind: Kind?
        var collection: String?
        var record: RecordID?
        var base: Base?
        var own = time
        var fields: [FieldEdit] = []
        try reader.map { reader, key in
            switch key {
            case "base": base = try reader.base()
            case "kind": kind = Kind(rawValue: try reader.text())
            case "time": own = try reader.integer()
            case "fields": fields = try reader.fields { try FieldEdit($0, &$1, time: own) }
            case "record": record = try reader.id()
            case "collection": collection = try reader.text()
            default: try reader.skip()
            }
        }
        guard let kind, let collection, let record else {
            throw StoredFormError.malformed("operation")
        }
        self.init(
            kind, collection, record, base: base, time: own,
            fields: fields.sorted { $0.field.precedesInBytes($1.field) })
    }
}

extension FieldEdit {
    fileprivate init(_ field: String, _ reader: inout CBORReader, time: Int64) throws {
        self.init(field, before: .null, after: .null, time: time)
        try reader.map { reader, key in
            switch key {
            case "base": base = try reader.base()
            case "time": self.time = try reader.integer()
            case "after": after = try reader.value()
            case "before": before = try reader.value()
            default: try reader.skip()
            }
        }
    }
}

extension Effect {
    public static func read(storedBytes bytes: [UInt8]) throws -> [Effect] {
        try bytes.withUnsafeBytes { try read(storedBytes: $0) }
    }

    package static func read(storedBytes bytes: UnsafeRawBufferPointer) throws -> [Effect] {
        var reader = CBORReader(bytes)
        let effects = try reader.list { try Effect(&$0) }
        try reader.finish()
        return effects
    }

    private init(_ reader: inout CBORReader) throws {
        var collection: String?
        var record: RecordID?
        var state: State?
        var values: [FieldValue] = []
        try reader.map { reader, key in
            switch key {
            case "state": state = State(rawValue: try reader.text())
            case "record": record = try reader.id()
            case "values": values = try reader.fields { FieldValue($0, try $1.value()) }
            case "collection": collection = try reader.text()
            default: try reader.skip()
            }
        }
        guard let collection, let record, let state else {
            throw StoredFormError.malformed("effect")
        }
        self.init(
            collection, record, state, values.sorted { $0.field.precedesInBytes($1.field) })
    }
}

extension CBORReader {
    fileprivate mutating func id<Kind>() throws -> ID<Kind> {
        guard let id = ID<Kind>(bytes: try data()) else { throw StoredFormError.malformed("id") }
        return id
    }

    fileprivate mutating func hash() throws -> Hash {
        guard let hash = Hash(bytes: try data()) else { throw StoredFormError.malformed("hash") }
        return hash
    }

    fileprivate mutating func base() throws -> Base {
        guard try array() == 2 else { throw StoredFormError.malformed("base") }
        return Base(epoch: try id(), version: try integer())
    }

    fileprivate mutating func value() throws -> Value {
        switch kind {
        case 0, 1: return .integer(try integer())
        case 3: return .text(try text())
        case 4: return .set(try list { try $0.text() })
        default:
            guard null() else { throw StoredFormError.malformed("value") }
            return .null
        }
    }

    fileprivate mutating func list<Item>(
        _ item: (inout CBORReader) throws -> Item
    ) throws -> [Item] {
        let count = try array()
        var items: [Item] = []
        for _ in 0..<count { items.append(try item(&self)) }
        return items
    }

    /// What stands under field names, in the map's order.
    fileprivate mutating func fields<Item>(
        _ item: (String, inout CBORReader) throws -> Item
    ) throws -> [Item] {
        var items: [Item] = []
        try map { reader, key in items.append(try item(key, &reader)) }
        return items
    }

    /// Passes what stands under a key that this program doesn't know.
    fileprivate mutating func skip() throws { _ = try item(depth: 1) }
}

extension Value {
    package init(_ item: CBORItem?) throws {
        switch item {
        case nil, .null: self = .null
        case .integer(let integer): self = .integer(integer)
        case .text(let text): self = .text(text)
        case .array(let items):
            self = .set(
                try items.map { item in
                    guard let text = item.text else { throw StoredFormError.malformed("set") }
                    return text
                })
        case .bytes, .map: throw StoredFormError.malformed("value")
        }
    }
}

/// Stored bytes that don't hold what they should.
public enum StoredFormError: Error, Equatable {
    case malformed(String)
}
