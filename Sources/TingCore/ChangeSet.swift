// SPDX-License-Identifier: Apache-2.0

/// An atomic, immutable, sealed group of edits by one author on one replica.
///
/// Its replica and number are not part of it: they belong to a delivery, and change when a
/// replica takes a new name. See `Protocol/spec/model.md#change-sets`.
public struct ChangeSet: Equatable, Sendable {
    /// Random; made with the first noted edit.
    public var id: ChangeSetID
    /// 16 random bytes, from which the salts of all values derive.
    public var seed: [UInt8]
    /// The version of the schema it was written under.
    public var schema: Int
    /// The version that the author's replica had integrated.
    public var base: Base
    /// Hashes of the change sets in the author's outbox that no other of them lists. What they
    /// list in turn had been seen too.
    public var seen: [Hash]
    /// What the author says of it; may be empty.
    public var message: String
    /// The replica's clock at the latest edit, in milliseconds since 1970.
    public var time: Int64
    public var operations: [Operation]

    public init(
        id: ChangeSetID, seed: [UInt8], schema: Int, base: Base, seen: [Hash] = [],
        message: String = "", time: Int64, operations: [Operation]
    ) {
        self.id = id
        self.seed = seed
        self.schema = schema
        self.base = base
        self.seen = seen
        self.message = message
        self.time = time
        self.operations = operations
    }
}

extension ChangeSet {
    /// Every base that stands in it.
    package var bases: [Base] {
        [base] + operations.flatMap { [$0.base].compactMap { $0 } + $0.fields.compactMap(\.base) }
    }

    /// The oldest version that stands in it as a base; 0 where one is of another epoch.
    package func oldestBase(in epoch: Epoch) -> Version {
        bases.map { $0.epoch == epoch ? $0.version : 0 }.min() ?? 0
    }
}

/// One edit in a change set: insert, update, delete or restore of one record.
public struct Operation: Equatable, Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        case insert, update, delete, restore
    }

    public var kind: Kind
    public var collection: String
    public var record: RecordID
    /// What the author had seen of the record, where it is less than the change set's base.
    public var base: Base?
    /// The replica's clock at the edit, in milliseconds since 1970.
    public var time: Int64
    /// Ascending by field name, none twice. A *keep* has equal values before and after.
    public var fields: [FieldEdit]

    public init(
        _ kind: Kind, _ collection: String, _ record: RecordID, base: Base? = nil, time: Int64,
        fields: [FieldEdit] = []
    ) {
        self.kind = kind
        self.collection = collection
        self.record = record
        self.base = base
        self.time = time
        self.fields = fields
    }
}

/// What one operation does to one field.
public struct FieldEdit: Equatable, Sendable {
    public var field: String
    /// The value that the author saw; for an insert the schema's default, left out as `null`.
    public var before: Value
    public var after: Value
    /// What the author had seen of the field, where it is less than the operation's base.
    public var base: Base?
    /// The replica's clock at the edit, in milliseconds since 1970.
    public var time: Int64

    public init(_ field: String, before: Value, after: Value, base: Base? = nil, time: Int64) {
        self.field = field
        self.before = before
        self.after = after
        self.base = base
        self.time = time
    }

    /// The elements that it puts into a set.
    package var gained: Set<String> { Set(after.elements).subtracting(before.elements) }

    /// Those that it takes out.
    package var lost: Set<String> { Set(before.elements).subtracting(after.elements) }
}
