// SPDX-License-Identifier: Apache-2.0

import Foundation
public import GRDB
public import TingCore

/// Making rejected edits again, put right.
extension Replica {
    /// Writes the edits of a change set in quarantine again, on top of what is shown now, as one new
    /// change set; it leaves the quarantine with that. Counters and sets take what it did to them; a counter that
    /// others began, or of which a conflict was settled, must be named where it differs. What settles
    /// a conflict that is not here, as after a restore, is left out.
    /// - Parameter change: Gives values to write in place of its own, for one of its operations; it
    ///   sees what is shown then. It calls no other method of this replica, as in `write`.
    /// - Throws: `InvalidEdit` where the schema doesn't allow what was written,
    ///   `ReplicaError.unknownRecord` for an edit of what is not here, `notInQuarantine` where another
    ///   program was faster; all stays as it was then.
    public func redoQuarantine(
        _ id: ChangeSetID, message: String,
        change: (Database, TingCore.Operation) throws -> [String: Value]
    ) throws {
        let message = try message.isEmpty ? read { try rejected($0, id).message } : message
        try write(message: message) { db in
            // Here, and not before: of two programs that do this at once, one finds nothing any more.
            let operations = try rejected(db, id).operations
            let choices = try counterChoices(db, operations)
            for operation in operations {
                try redo(db, operation, try change(db, operation), choices)
            }
            try db.execute(
                sql: "DELETE FROM ting_quarantine WHERE change_set = ?",
                arguments: [id.description])
        }
    }

    private func rejected(_ db: Database, _ id: ChangeSetID) throws -> ChangeSet {
        guard let item = try quarantine(db).first(where: { $0.changeSet.id == id }) else {
            throw ReplicaError.notInQuarantine(id)
        }
        guard !item.isDamaged else { throw ReplicaError.damaged("the rejected change set \(id)") }
        return item.changeSet
    }

    private func redo(
        _ db: Database, _ operation: TingCore.Operation, _ changes: [String: Value],
        _ choices: Set<EditPlace>
    ) throws {
        let (collection, record) = (operation.collection, operation.record)
        let shown = try tables.read(db, collection, record)
        if shown == nil, collection == CollectionSchema.conflict.name { return }
        switch operation.kind {
        case .delete:
            if shown != nil { try delete(db, collection, record) }
            return
        case .restore:
            if shown == nil { try restore(db, collection, record) }
        case .insert where shown == nil:
            try db.execute(
                sql: "INSERT INTO \"\(collection)\" (id) VALUES (?)",
                arguments: [record.description])
        case .insert, .update: break
        }
        guard let now = try tables.read(db, collection, record) else {
            throw ReplicaError.unknownRecord(record.description)
        }
        let edits = try operation.fields.compactMap { edit -> FieldValue? in
            guard let field = schema.collection(collection)?.field(edit.field) else { return nil }
            // What was there first has its own start, or choice, and the steps of all since.
            let isStart = operation.kind == .insert && shown != nil && field.policy == .counter
            if isStart || choices.contains(EditPlace(record, field.name)),
                changes[field.name] == nil
            {
                try mustStand(edit, now[field.name] ?? field.standard, operation)
                return nil
            }
            let value = changes[field.name] ?? Self.again(edit, field, now)
            return FieldValue(field.name, value)
        }
        try tables.update(db, collection, record, edits)
        guard operation.kind == .update else { return }
        // A keep is an edit, too, as long as what it keeps is there.
        if operation.fields.isEmpty { try keep(db, collection, record, field: nil) }
        for edit in operation.fields
        where edit.keeps && changes[edit.field] == nil
            && edits.contains(FieldValue(edit.field, edit.after))
        {
            try keep(db, collection, record, field: edit.field)
        }
    }

    /// The counters of which these operations settle a conflict: what they write there is a choice, not a step.
    private func counterChoices(
        _ db: Database, _ operations: [TingCore.Operation]
    ) throws -> Set<EditPlace> {
        let settled = operations.filter { $0.collection == CollectionSchema.conflict.name }
        return try settled.reduce(into: []) { found, operation in
            let values = try tables.read(db, CollectionSchema.conflict.name, operation.record)
            guard let values, values["kind"]?.text == ConflictKind.field.rawValue,
                let record = values["record"]?.text.flatMap({ RecordID($0) }),
                let collection = values["collection"]?.text, let name = values["field"]?.text,
                schema.collection(collection)?.field(name)?.policy == .counter
            else { return }
            found.insert(EditPlace(record, name))
        }
    }

    /// A counter can be two things here, and only its author knows which.
    private func mustStand(
        _ edit: FieldEdit, _ now: Value, _ operation: TingCore.Operation
    ) throws {
        guard edit.after != now else { return }
        let (was, stands) = (edit.after.integer ?? 0, now.integer ?? 0)
        throw InvalidEdit(
            collection: operation.collection, record: operation.record.description,
            field: edit.field, problem: "it was \(was) in what was rejected, and is \(stands) here",
            remedy: "Name it: `\(edit.field)=\(was)`, or `\(edit.field)+=0` to leave it.")
    }

    /// What the edit comes to on the value shown now.
    private static func again(_ edit: FieldEdit, _ field: Field, _ now: [String: Value]) -> Value {
        let current = now[field.name] ?? field.standard
        switch (field.policy, edit.before, edit.after, current) {
        case (.counter, .integer(let before), .integer(let after), .integer(let current)):
            let (step, first) = after.subtractingReportingOverflow(before)
            let (sum, second) = current.addingReportingOverflow(step)
            return first || second ? edit.after : .integer(sum)
        case (.set, _, _, _):
            return .set(of: Set(current.elements).subtracting(edit.lost).union(edit.gained))
        default: return edit.after
        }
    }
}
