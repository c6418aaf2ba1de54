// SPDX-License-Identifier: Apache-2.0

public import GRDB
public import TingCore
public import TingStore

/// Two edits of one thing that could not be merged, with values of the field's type.
///
/// A row of the collection `conflict`, with what the record holds now beside it. `Replica.settle` settles it.
public struct Conflict: Sendable {
    public let id: RecordID
    public let collection: String
    /// The record's id, as the row has it.
    public let record: String
    /// `nil` where the conflict is about the whole record.
    public let field: Field?
    /// One of `field, text, proposal, deleted, parent, unique, rule`: `Protocol/spec/merge.md#conflicts`.
    public let kind: String
    /// The value that both began from.
    public let before: Value
    /// The field's value now; of a deleted record the last one.
    public let kept: Value
    /// The value that was not taken.
    public let other: Value
    /// The ids of the members who wrote `kept` and `other`.
    public let keptBy: String?
    public let otherBy: String?
    /// The id of the member who wrote what was kept when the conflict opened.
    public let firstKeptBy: String?
    public let openedVersion: Version?
    /// `open`, or `settled`.
    public let status: String
    /// What people call the record; of a deleted one what they called it.
    public let recordName: String
    /// Whether the record is deleted now: `Replica.restore` brings it back.
    public let isRecordDeleted: Bool

    public var isOpen: Bool { status == "open" }

    init?(
        _ row: RecordRow, _ replica: Replica, _ db: Database, _ origins: FieldOrigins
    ) throws {
        guard let id = RecordID(row.id) else { return nil }
        self.id = id
        collection = row["collection"].text ?? ""
        record = row["record"].text ?? ""
        kind = row["kind"].text ?? ""
        status = row["status"].text ?? ""
        otherBy = row["other_by"].text
        openedVersion = row["opened_version"].integer
        let schema = replica.schema.collection(collection)
        let name = row["field"].text.flatMap { $0.isEmpty ? nil : $0 }
        let field = name.flatMap { schema?.field($0) }
        self.field = field
        before = Self.value(row["before"].text, field)
        other = Self.value(row["other"].text, field)
        let about = RecordID(record)
        let table = schema.map { RecordTable($0) }
        let live = try about.flatMap { try table?.record(db, $0) }
        let last = try live == nil ? about.flatMap { try table?.lastRecord(db, $0) } : nil
        let target = live ?? last
        isRecordDeleted = last != nil
        kept = field.flatMap { target?[$0.name] } ?? .null
        firstKeptBy = row["kept_by"].text
        var author: String?
        if let field, let schema, let openedVersion, let about {
            // Whoever wrote it since is named, not who wrote what was kept then.
            switch try origins.origins(of: about, in: schema, since: openedVersion)[field.name] {
            case .accepted(let entry): author = entry.author.description
            case .waiting: author = try replica.identity(db).member?.description
            case nil: break
            }
        }
        keptBy = author ?? firstKeptBy
        recordName = target?.name ?? ""
    }

    /// A stored value in JSON; what an empty set would be written as is the empty set.
    private static func value(_ json: String?, _ field: Field?) -> Value {
        let value = json.flatMap { Value(json: $0) } ?? .null
        return value.isNull && field?.kind == .set ? .set([]) : value
    }
}

/// How a conflict is settled.
public enum Settlement: Sendable {
    /// What stands stays: an edit too, so that who had not seen it meets a new conflict.
    case keep
    /// The other value is taken; of a record's conflict, the deletion.
    case take
    /// Another value altogether, of the field's type.
    case value(Value)
}

/// Conflicts, inside `read` and `write`.
extension Replica {
    /// The open conflicts, or all: in the order in which they came, or by id.
    /// - Throws: `DatabaseError`; `StoredFormError` for one whose row rotted.
    public func conflicts(
        _ db: Database, settledToo: Bool = false, byID: Bool = false
    ) throws -> [Conflict] {
        let origins = FieldOrigins(self, db)
        return try RecordTable(.conflict)
            .records(
                db, where: settledToo ? Self.sharedConflict : Self.openConflict,
                orderBy: byID ? "id" : Self.conflictOrder
            )
            .compactMap { try Conflict($0, self, db, origins) }
    }

    /// The order in which conflicts came.
    package static let conflictOrder = "opened_version, collection, record, field, id"

    /// The conflict of this id, open or settled; `nil` where there is none.
    public func conflict(_ db: Database, _ id: RecordID) throws -> Conflict? {
        try RecordTable(.conflict)
            .records(db, where: "id = '\(id)' AND \(Self.sharedConflict)").first
            .flatMap { try Conflict($0, self, db, FieldOrigins(self, db)) }
    }

    /// Settles a conflict, once, for everyone. A record that was deleted comes back for a value.
    ///
    /// - Throws: `InputError` (`already_settled`) for one that is settled, (`whole_record`) for a value where
    ///   the conflict is about a whole record; `ReplicaError`.
    public func settle(_ db: Database, _ conflict: Conflict, by settlement: Settlement) throws {
        // As it stands now: what was read before may be another value.
        guard let conflict = try self.conflict(db, conflict.id), conflict.isOpen else {
            throw InputError(
                code: "already_settled", "The conflict \(conflict.id) is settled already.",
                remedy:
                    "Change the value with `ting set \(conflict.record) …` if it should be another."
            )
        }
        guard let record = RecordID(conflict.record) else {
            throw ReplicaError.unknownRecord(conflict.record)
        }
        let isLive =
            try schema.collection(conflict.collection).map {
                try RecordTable($0).contains(db, record)
            } ?? false
        switch settlement {
        case .keep:
            if isLive { try keep(db, conflict.collection, record, field: conflict.field?.name) }
        case .take:
            if let field = conflict.field {
                try put(db, conflict.other, conflict, field, record, isLive)
            } else if isLive {
                // The other side of a record's conflict is its deletion.
                try delete(db, conflict.collection, record)
            }
        case .value(let value):
            guard let field = conflict.field else {
                throw InputError(
                    code: "whole_record",
                    "This conflict is about a whole record: it has no one value.",
                    remedy: "Keep it or take the other; change its fields by an edit.")
            }
            try put(db, value, conflict, field, record, isLive)
        }
        try update(
            db, CollectionSchema.conflict.name, conflict.id, ["status": .text("settled")])
    }

    private func put(
        _ db: Database, _ value: Value, _ conflict: Conflict, _ field: Field, _ record: RecordID,
        _ isLive: Bool
    ) throws {
        if !isLive { try restore(db, conflict.collection, record) }
        if isLive, value == conflict.kept {
            return try keep(db, conflict.collection, record, field: field.name)
        }
        try update(db, conflict.collection, record, [field.name: value])
    }
}
