// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingClient
import TingCore
import TingStore

/// A conflict as a person settles it: the values as the field's type, and who wrote them.
struct ConflictView {
    let id: String
    let collection: String
    let record: String
    /// `nil` where the conflict is about the whole record.
    let field: Field?
    let kind: String
    let before: Value
    /// The field's value now.
    let kept: Value
    let other: Value
    let keptBy: String?
    let otherBy: String?
    let openedVersion: Int64?
    let status: String
    /// What people call the record.
    let recordName: String

    /// The open conflicts, or all: in the order in which they came for people, by id for programs.
    static func all(
        _ replica: Replica, _ db: Database, open: Bool, byID: Bool = false
    ) throws -> [ConflictView] {
        let order = byID ? "id" : "opened_version, collection, record, field, id"
        return try RecordTable(.conflict)
            .records(db, where: open ? "status = 'open'" : nil, orderBy: order)
            .map { try ConflictView($0, replica, db) }
    }

    static func one(_ id: RecordID, _ replica: Replica, _ db: Database) throws -> ConflictView? {
        try RecordTable(.conflict).record(db, id).map { try ConflictView($0, replica, db) }
    }

    private init(_ row: RecordRow, _ replica: Replica, _ db: Database) throws {
        id = row.id
        collection = row["collection"].text ?? ""
        record = row["record"].text ?? ""
        kind = row["kind"].text ?? ""
        status = row["status"].text ?? ""
        keptBy = row["kept_by"].text
        otherBy = row["other_by"].text
        openedVersion = row["opened_version"].integer
        let schema = replica.schema.collection(collection)
        let name = row["field"].text.flatMap { $0.isEmpty ? nil : $0 }
        let field = name.flatMap { schema?.field($0) }
        self.field = field
        before = Self.value(row["before"].text, field)
        other = Self.value(row["other"].text, field)
        let target = try RecordID(record).flatMap { id in
            try schema.flatMap { try RecordTable($0).record(db, id) }
        }
        kept = field.flatMap { target?[$0.name] } ?? .null
        recordName = target?.name ?? ""
    }

    /// A stored value in JSON; what an empty set would be written as is the empty set.
    private static func value(_ json: String?, _ field: Field?) -> Value {
        let value = json.flatMap { Value(json: $0) } ?? .null
        return value.isNull && field?.kind == .set ? .set([]) : value
    }

    func json(_ names: RecordText) -> JSONValue {
        .object([
            ("id", .text(id)), ("collection", .text(collection)), ("record", .text(record)),
            ("field", .text(field?.name)), ("kind", .text(kind)), ("before", JSONValue(before)),
            ("kept", JSONValue(kept)), ("other", JSONValue(other)),
            ("kept_by", .text(names.member(keptBy))), ("other_by", .text(names.member(otherBy))),
            ("opened_version", openedVersion.map { .integer($0) } ?? .null),
            ("status", .text(status)),
        ])
    }

    /// What happened, in one sentence without values.
    func sentence(_ names: RecordText) -> String {
        let one = names.member(keptBy) ?? "somebody"
        let two = names.member(otherBy) ?? "somebody"
        let what = "\(collection) \(recordName.isEmpty ? record : recordName)"
        let place = field.map { "\($0.name) of \(what)" } ?? what
        return switch kind {
        case "proposal": "\(two) proposes another \(place), which \(one) wrote"
        case "deleted": "\(two) deleted \(place), \(one) edited it: it stays"
        case "parent": "\(two) deleted \(place): it came back for what \(one) wrote below it"
        case "unique": "\(place) was taken already: \(two)'s got a suffix"
        case "text": "\(one) and \(two) changed the same words in \(place)"
        case "rule": "\(place) breaks a rule since the merge (\(one), \(two))"
        default: "\(one) and \(two) changed \(place)"
        }
    }
}
