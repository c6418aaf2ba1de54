// SPDX-License-Identifier: Apache-2.0

public import GRDB
public import TingCore
public import TingStore

/// What undoing a change set did, and what it left.
public struct Reverted: Sendable {
    /// Fields that were put back, and records that came back or went.
    public internal(set) var count = 0
    /// What has changed since, and stays as it is.
    public internal(set) var left: [Place] = []

    /// A field, or a whole record.
    public struct Place: Sendable {
        public let collection: String
        public let record: RecordID
        public let field: String?
    }
}

extension Replica {
    /// Undoes a change set by edits of its own, inside `write`: each field holds what it held before, what was
    /// added to sets and counters is taken back, what was added is deleted, what was deleted comes back.
    ///
    /// A field that has changed since then stays as it is, and is named.
    /// - Throws: `ReplicaError`.
    public func revert(_ db: Database, _ changeSet: ChangeSet) throws -> Reverted {
        var outcome = Reverted()
        for operation in changeSet.operations.reversed() { try undo(db, operation, &outcome) }
        return outcome
    }

    private func undo(
        _ db: Database, _ operation: TingCore.Operation, _ outcome: inout Reverted
    ) throws {
        guard let collection = schema.collection(operation.collection) else { return }
        let values = try RecordTable(collection).values(db, operation.record)
        switch operation.kind {
        case .insert, .restore:
            guard values != nil else { return }
            outcome.count += try delete(db, collection.name, operation.record)
        case .delete:
            guard values == nil else { return }
            outcome.count += try restore(db, collection.name, operation.record)
        case .update:
            func leave(_ field: String?) {
                outcome.left.append(
                    .init(collection: collection.name, record: operation.record, field: field))
            }
            guard let values else { return leave(nil) }
            var undone: [String: Value] = [:]
            for edit in operation.fields where edit.before != edit.after {
                guard let field = collection.field(edit.field) else { continue }
                let current = values[edit.field] ?? field.standard
                if let value = edit.undone(from: current, of: field) {
                    if value != current { undone[edit.field] = value }
                } else {
                    leave(edit.field)
                }
            }
            try update(db, collection.name, operation.record, undone)
            outcome.count += undone.count
        }
    }
}

extension FieldEdit {
    /// The value without the edit; `nil` where it can't be told apart from what came later.
    package func undone(from current: Value, of field: Field) -> Value? {
        switch field.kind {
        case .set:
            let (before, after) = (Set(before.elements), Set(after.elements))
            return .set(
                of: Set(current.elements).subtracting(after.subtracting(before))
                    .union(before.subtracting(after)))
        case .counter:
            let step = (after.integer ?? 0).subtractingReportingOverflow(before.integer ?? 0)
            let result = (current.integer ?? 0).subtractingReportingOverflow(step.partialValue)
            return step.overflow || result.overflow ? nil : .integer(result.partialValue)
        default:
            func shown(_ value: Value) -> Value { value.isNull ? field.standard : value }
            return [shown(after), shown(before)].contains(current) ? shown(before) : nil
        }
    }
}
