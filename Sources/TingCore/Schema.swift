// SPDX-License-Identifier: Apache-2.0

/// What an application keeps: its collections, their fields, and how each field merges.
///
/// Read from JSON (`Protocol/schema/*.json`). The collection `conflict` belongs to every schema
/// and is not written in it.
public struct Schema: Codable, Equatable, Sendable {
    public var name: String
    /// Grows with every released change; a released default never changes.
    public var version: Int
    public let collections: [CollectionSchema]
    private let index: [String: Int]

    public init(name: String, version: Int, collections: [CollectionSchema]) {
        self.name = name
        self.version = version
        self.collections = collections + [.conflict]
        index = Dictionary(
            zip(self.collections.map(\.name), self.collections.indices),
            uniquingKeysWith: { a, _ in a })
    }

    public func collection(_ name: String) -> CollectionSchema? {
        index[name].map { collections[$0] }
    }

    /// The collections that people write: all but `conflict`.
    public var written: [CollectionSchema] {
        collections.filter { $0.name != CollectionSchema.conflict.name }
    }

    private enum Key: String, CodingKey { case name, version, collections }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        self.init(
            name: try values.decode(String.self, forKey: .name),
            version: try values.decode(Int.self, forKey: .version),
            collections: try values.decode([CollectionSchema].self, forKey: .collections))
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(name, forKey: .name)
        try values.encode(version, forKey: .version)
        try values.encode(written, forKey: .collections)
    }
}

/// A kind of record: one SQLite table.
///
/// An object that never changes, as `Field` is: they are handed on with each record and each value.
public final class CollectionSchema: Codable, Equatable, Sendable {
    public let name: String
    /// Names for people, by language (`en`, `da`, `zh`).
    public let label: [String: String]
    public let fields: [Field]
    /// Positions of the fields in the order that their names have as keys of a map.
    package let mapOrder: [Int]
    /// Those ascending by name, by bytes.
    package let nameOrder: [Int]
    private let index: [String: Int]

    public init(_ name: String, label: [String: String] = [:], fields: [Field]) {
        self.name = name
        self.label = label
        self.fields = fields
        mapOrder = fields.indices.sorted {
            CBOREncoder.precedes(fields[$0].name, fields[$1].name)
        }
        nameOrder = fields.indices.sorted { fields[$0].name.precedesInBytes(fields[$1].name) }
        index = Dictionary(
            zip(fields.map(\.name), fields.indices), uniquingKeysWith: { a, _ in a })
    }

    public static func == (one: CollectionSchema, other: CollectionSchema) -> Bool {
        one === other
            || one.name == other.name && one.label == other.label && one.fields == other.fields
    }

    public func field(_ name: String) -> Field? { index[name].map { fields[$0] } }

    /// Where the field stands in `fields`.
    package func position(of name: String) -> Int? { index[name] }

    /// The reference to the record that this one is a part of, if it is a child.
    public var parent: Field? { fields.first(where: \.parent) }

    private enum Key: String, CodingKey { case name, label, fields }

    public convenience init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        self.init(
            try values.decode(String.self, forKey: .name),
            label: try values.decodeIfPresent([String: String].self, forKey: .label) ?? [:],
            fields: try values.decode([Field].self, forKey: .fields))
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(name, forKey: .name)
        try values.encode(label, forKey: .label)
        try values.encode(fields, forKey: .fields)
    }
}

/// One column of a collection.
public final class Field: Codable, Equatable, Sendable {
    public enum Kind: String, Codable, CaseIterable, Sendable {
        case text
        /// `YYYY`, `YYYY-MM` or `YYYY-MM-DD` (ISO 8601, reduced precision allowed).
        case date
        /// Wall time `YYYY-MM-DDTHH:MM`; the zone stands in a field of its own.
        case time
        case `enum`
        /// The id of another record.
        case reference
        /// Texts, ids or enum values, none twice.
        case set
        case integer
        /// An integer to which concurrent increments add up.
        case counter
        /// Minor units (øre, fen, cent) of the record's currency.
        case money
    }

    /// How two concurrent edits of the field merge: `Protocol/spec/merge.md#fields`.
    public enum Policy: String, Codable, CaseIterable, Sendable {
        case latest, text, set, counter, max, min, review
    }

    public let name: String
    public let kind: Kind
    public let policy: Policy
    /// What a record holds that doesn't say otherwise; the empty set for sets, 0 for counters.
    public let standard: Value
    /// The values of an enum (or of a set of enum values), in ascending order.
    public let values: [String]
    /// The collections a reference (or a set of references) may name; any, when empty.
    public let to: [String]
    /// Whether a deleted target takes this record with it.
    public let parent: Bool
    /// Whether two live records of the collection may not hold the same text.
    public let unique: Bool
    /// Whether a set's elements are ids of records.
    public let references: Bool
    /// The least and greatest integer allowed.
    public let least: Int64?
    public let greatest: Int64?
    public let label: [String: String]

    public init(
        _ name: String, _ kind: Kind, _ policy: Policy, standard: Value? = nil,
        values: [String] = [], to: [String] = [], parent: Bool = false, unique: Bool = false,
        references: Bool = false, least: Int64? = nil, greatest: Int64? = nil,
        label: [String: String] = [:]
    ) {
        self.name = name
        self.kind = kind
        self.policy = policy
        self.standard =
            switch kind {
            case .set: .set([])
            case .counter: .integer(0)
            default: standard ?? .null
            }
        self.values = values
        self.to = to
        self.parent = parent
        self.unique = unique
        self.references = references
        self.least = least
        self.greatest = greatest
        self.label = label
    }

    public static func == (one: Field, other: Field) -> Bool {
        one === other
            || one.name == other.name && one.kind == other.kind && one.policy == other.policy
                && one.standard == other.standard && one.values == other.values
                && one.to == other.to && one.parent == other.parent && one.unique == other.unique
                && one.references == other.references && one.least == other.least
                && one.greatest == other.greatest && one.label == other.label
    }

    private enum Key: String, CodingKey {
        case name, type, policy, `default`, values, to, parent, unique, references, least, greatest
        case label
    }

    public convenience init(from decoder: any Decoder) throws {
        let keyed = try decoder.container(keyedBy: Key.self)
        let kind = try keyed.decode(Kind.self, forKey: .type)
        var standard: Value?
        if keyed.contains(.default) {
            standard =
                if let integer = try? keyed.decode(Int64.self, forKey: .default) {
                    .integer(integer)
                } else if let text = try? keyed.decode(String.self, forKey: .default) {
                    .text(text)
                } else {
                    .set(of: try keyed.decode([String].self, forKey: .default))
                }
        }
        self.init(
            try keyed.decode(String.self, forKey: .name), kind,
            try keyed.decode(Policy.self, forKey: .policy), standard: standard,
            values: try keyed.decodeIfPresent([String].self, forKey: .values) ?? [],
            to: try keyed.decodeIfPresent([String].self, forKey: .to) ?? [],
            parent: try keyed.decodeIfPresent(Bool.self, forKey: .parent) ?? false,
            unique: try keyed.decodeIfPresent(Bool.self, forKey: .unique) ?? false,
            references: try keyed.decodeIfPresent(Bool.self, forKey: .references) ?? false,
            least: try keyed.decodeIfPresent(Int64.self, forKey: .least),
            greatest: try keyed.decodeIfPresent(Int64.self, forKey: .greatest),
            label: try keyed.decodeIfPresent([String: String].self, forKey: .label) ?? [:])
    }

    public func encode(to encoder: any Encoder) throws {
        var keyed = encoder.container(keyedBy: Key.self)
        try keyed.encode(name, forKey: .name)
        try keyed.encode(kind, forKey: .type)
        try keyed.encode(policy, forKey: .policy)
        switch standard {
        case .null: break
        case .integer(let integer): try keyed.encode(integer, forKey: .default)
        case .text(let text): try keyed.encode(text, forKey: .default)
        case .set(let elements): try keyed.encode(elements, forKey: .default)
        }
        if !values.isEmpty { try keyed.encode(values, forKey: .values) }
        if !to.isEmpty { try keyed.encode(to, forKey: .to) }
        if parent { try keyed.encode(parent, forKey: .parent) }
        if unique { try keyed.encode(unique, forKey: .unique) }
        if references { try keyed.encode(references, forKey: .references) }
        try keyed.encodeIfPresent(least, forKey: .least)
        try keyed.encodeIfPresent(greatest, forKey: .greatest)
        if !label.isEmpty { try keyed.encode(label, forKey: .label) }
    }
}

extension CollectionSchema {
    /// Conflicts: written by the merge alone; people move `status` from open to settled.
    ///
    /// `before` and `other` hold JSON text, since a conflict may be of a field of any type.
    public static let conflict = CollectionSchema(
        "conflict",
        label: ["en": "Conflict", "da": "Konflikt", "zh": "冲突"],
        fields: [
            Field("collection", .text, .latest),
            Field("record", .text, .latest),
            Field("field", .text, .latest),
            Field("kind", .enum, .latest, values: ConflictKind.allCases.map(\.rawValue)),
            Field("before", .text, .latest),
            Field("other", .text, .latest),
            Field("kept_by", .text, .latest),
            Field("other_by", .text, .latest),
            Field("opened_version", .integer, .latest),
            Field("other_version", .integer, .latest),
            Field(
                "status", .enum, .latest, standard: .text("open"), values: ["open", "settled"]),
        ])
}

/// What a conflict is about: `Protocol/spec/merge.md#conflicts`.
public enum ConflictKind: String, CaseIterable, Sendable {
    /// Two values of one field.
    case field
    /// Two texts whose words overlap.
    case text
    /// A value that waits under the policy `review`.
    case proposal
    /// A record deleted by one and edited by another.
    case deleted
    /// A parent that came back for a child.
    case parent
    /// A unique value taken twice.
    case unique
    /// A rule across fields that the merged record breaks.
    case rule
}
