// SPDX-License-Identifier: Apache-2.0

/// Reads back what `storedBytes` wrote. Bytes come from a file that may have rotted: every
/// malformed input is an error, none a trap.
extension ChangeSet {
    public init(storedBytes bytes: [UInt8]) throws {
        let item = try CBORDecoder.decode(bytes)
        guard let id = item["id"]?.bytes.flatMap({ ChangeSetID(bytes: $0) }),
            let seed = item["seed"]?.bytes,
            let schema = item["schema"]?.integer.flatMap({ Int(exactly: $0) }),
            let base = Base(item["base"]),
            let time = item["time"]?.integer,
            let operations = item["operations"]?.array
        else { throw StoredFormError.malformed("change set") }
        self.init(
            id: id, seed: seed, schema: schema, base: base,
            seen: try (item["seen"]?.array ?? []).map { item in
                guard let hash = item.bytes.flatMap({ Hash(bytes: $0) }) else {
                    throw StoredFormError.malformed("hash")
                }
                return hash
            },
            message: item["message"]?.text ?? "", time: time,
            operations: try operations.map { try Operation($0, time: time) })
    }
}

extension Operation {
    fileprivate init(_ item: CBORItem, time: Int64) throws {
        guard let kind = item["kind"]?.text.flatMap(Kind.init(rawValue:)),
            let collection = item["collection"]?.text,
            let record = item["record"]?.bytes.flatMap({ RecordID(bytes: $0) })
        else { throw StoredFormError.malformed("operation") }
        let own = item["time"]?.integer ?? time
        let fields = try (item["fields"]?.map ?? []).map { key, value in
            FieldEdit(
                key, before: try Value(value["before"]), after: try Value(value["after"]),
                base: Base(value["base"]), time: value["time"]?.integer ?? own)
        }
        self.init(
            kind, collection, record, base: Base(item["base"]), time: own,
            fields: fields.sorted { $0.field.utf8.lexicographicallyPrecedes($1.field.utf8) })
    }
}

extension Effect {
    public static func read(storedBytes bytes: [UInt8]) throws -> [Effect] {
        guard let items = try CBORDecoder.decode(bytes).array else {
            throw StoredFormError.malformed("effects")
        }
        return try items.map { item in
            guard let collection = item["collection"]?.text,
                let record = item["record"]?.bytes.flatMap({ RecordID(bytes: $0) }),
                let state = item["state"]?.text.flatMap(State.init(rawValue:))
            else { throw StoredFormError.malformed("effect") }
            let values = try (item["values"]?.map ?? []).map {
                FieldValue($0.key, try Value($0.value))
            }
            return Effect(
                collection, record, state,
                values.sorted { $0.field.utf8.lexicographicallyPrecedes($1.field.utf8) })
        }
    }
}

extension Base {
    fileprivate init?(_ item: CBORItem?) {
        guard let pair = item?.array, pair.count == 2,
            let epoch = pair[0].bytes.flatMap({ Epoch(bytes: $0) }), let version = pair[1].integer
        else { return nil }
        self.init(epoch: epoch, version: version)
    }
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
