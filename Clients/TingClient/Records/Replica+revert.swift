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

    /// A field, or a whole record; the `status` of a conflict that the change set settled.
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
    /// What others have changed since then, or wrote just so without knowing of it, stays as it is, and is named: a
    /// field, or a record that was added, with all below it. A conflict that it settled stays settled, and is named,
    /// too.
    /// - Throws: `ReplicaError`.
    public func revert(_ db: Database, _ changeSet: ChangeSet) throws -> Reverted {
        var undoing = try Undoing(self, db, changeSet)
        for operation in changeSet.operations.reversed() {
            if operation.collection == CollectionSchema.conflict.name {
                try undoing.leaveSettled(operation)
            } else {
                try undoing.undo(operation)
            }
        }
        return undoing.outcome
    }
}

/// The undoing of one change set.
private struct Undoing {
    let replica: Replica
    let db: Database
    let changeSet: ChangeSet
    /// How it was accepted; `nil` while it waits in the outbox.
    let entry: Entry?
    /// The values of records that it made, or restored.
    private(set) var made: [RecordID: [String: Value]] = [:]
    private let entries: DecodedEntries
    private let epoch: Epoch
    var outcome = Reverted()

    init(_ replica: Replica, _ db: Database, _ changeSet: ChangeSet) throws {
        self.replica = replica
        self.db = db
        self.changeSet = changeSet
        entries = DecodedEntries(db)
        epoch = try replica.identity(db).base.epoch
        let entry = try replica.entry(db, changeSet.id)
        self.entry = entry
        // An edit of a deleted record brings it back, too; but it is the edit that is undone.
        let asked = Set(
            changeSet.operations.filter { [.insert, .restore].contains($0.kind) }.map(\.record))
        for effect in entry?.allEffects ?? changeSet.authoredEffects
        where asked.contains(effect.record) {
            if effect.state == .live { made[effect.record] = [:] }
            // Of fields that it wrote twice the last is what it made.
            for value in effect.values { made[effect.record]?[value.field] = value.value }
        }
    }

    mutating func undo(_ operation: TingCore.Operation) throws {
        guard let collection = replica.schema.collection(operation.collection) else { return }
        let values = try RecordTable(collection).values(db, operation.record)
        switch operation.kind {
        case .insert, .restore:
            guard values != nil else { return }
            guard try isAsMade(operation.record, collection) else {
                return leave(operation, nil)
            }
            outcome.count += try replica.delete(db, collection.name, operation.record)
        case .delete:
            guard values == nil else { return }
            guard try replica.isDeleted(db, operation.record, by: changeSet.id, entry?.version)
            else { return leave(operation, nil) }
            outcome.count += try replica.restore(db, collection.name, operation.record)
        case .update:
            // It goes, or stays, with its record.
            if made[operation.record] != nil { return }
            guard let values else { return leave(operation, nil) }
            try undoFields(operation, collection, values)
        }
    }

    /// Names a conflict that it settled: no edit opens one again.
    mutating func leaveSettled(_ operation: TingCore.Operation) throws {
        let values = try RecordTable(.conflict).values(db, operation.record)
        if values?["status"] == .text("settled") { leave(operation, "status") }
    }

    private mutating func leave(_ operation: TingCore.Operation, _ field: String?) {
        outcome.left.append(
            .init(collection: operation.collection, record: operation.record, field: field))
    }

    /// Whether a record came to be by the change set, and neither it nor what lies below it is another's work.
    private func isAsMade(_ record: RecordID, _ collection: CollectionSchema) throws -> Bool {
        var waiting = [(collection: collection, record: record)]
        var seen: Set<RecordID> = [record]
        while let next = waiting.popLast() {
            guard let made = made[next.record],
                let values = try RecordTable(next.collection).values(db, next.record)
            else { return false }
            // While a restore waits, only its author knows of it.
            let isComplete =
                entry != nil
                || changeSet.operations.contains { $0.record == next.record && $0.kind == .insert }
            let isSame = next.collection.fields.allSatisfy { field in
                values[field.name] ?? field.standard == made[field.name] ?? field.standard
            }
            guard isSame || !isComplete else { return false }
            for child in try replica.tables.children(db, of: next.record.description)
            where seen.insert(child.record).inserted {
                guard let collection = replica.schema.collection(child.collection) else {
                    return false
                }
                waiting.append((collection, child.record))
            }
        }
        return true
    }

    private mutating func undoFields(
        _ operation: TingCore.Operation, _ collection: CollectionSchema, _ values: [String: Value]
    ) throws {
        let others = try othersEdits(of: operation.record)
        var undone: [String: Value] = [:]
        for edit in operation.fields where edit.before != edit.after {
            guard let field = collection.field(edit.field) else { continue }
            let current = values[edit.field] ?? field.standard
            let same = others.filter { $0.field == edit.field }
            if let value = edit.undone(from: current, of: field, beside: same) {
                if value != current { undone[edit.field] = value }
            } else {
                leave(operation, edit.field)
            }
        }
        try replica.update(db, collection.name, operation.record, undone)
        outcome.count += undone.count
    }

    /// The edits of a record that were made without knowing of the change set, nor it of them; of another
    /// epoch's versions nothing is known here.
    private func othersEdits(of record: RecordID) throws -> [FieldEdit] {
        guard let entry, let since = version(changeSet.base) else { return [] }
        return try entries.parts(touching: record, since: since).filter { other in
            guard other.entry.version != entry.version, other.entry.author != entry.author else {
                return false
            }
            if other.entry.version < entry.version { return true }
            return version(other.entry.changeSet.base).map { $0 < entry.version } ?? false
        }.flatMap { $0.operations.filter { $0.kind != .delete }.flatMap(\.fields) }
    }

    private func version(_ base: Base) -> Version? {
        base.epoch == epoch ? base.version : nil
    }
}

extension FieldEdit {
    /// The value without the edit; `nil` where it can't be told apart from what came later.
    /// - Parameter others: Edits of the field that went their way without it: what they did, too, stays.
    package func undone(
        from current: Value, of field: Field, beside others: [FieldEdit] = []
    ) -> Value? {
        switch field.kind {
        case .set:
            var (added, removed) = (gained, lost)
            for other in others {
                added.subtract(other.gained)
                removed.subtract(other.lost)
            }
            return .set(of: Set(current.elements).subtracting(added).union(removed))
        case .counter:
            let step = (after.integer ?? 0).subtractingReportingOverflow(before.integer ?? 0)
            let result = (current.integer ?? 0).subtractingReportingOverflow(step.partialValue)
            return step.overflow || result.overflow ? nil : .integer(result.partialValue)
        default:
            func shown(_ value: Value) -> Value { value.isNull ? field.standard : value }
            if others.contains(where: { shown($0.after) == shown(after) }) { return nil }
            return [shown(after), shown(before)].contains(current) ? shown(before) : nil
        }
    }
}
