// SPDX-License-Identifier: Apache-2.0

/// One operation after another: records that go and come back, and their fields.
extension Merge {
    mutating func apply(_ operation: Operation, _ state: some MergeState) throws {
        let base = operation.base ?? changeSet.base
        let time = acceptance.editTime(operation.time, base)
        editTime = max(editTime, time)
        if operation.collection == CollectionSchema.conflict.name {
            return try settle(operation.record, state)
        }
        try load(operation.collection, operation.record, state)
        if operation.kind == .delete { return try delete(operation, base, time, state) }
        try revive(operation, base, state)
        if operation.kind != .update || operation.fields.isEmpty {
            note(operation.record, nil, time, .joins)
        }
        for edit in operation.fields { try apply(edit, operation, base, state) }
    }

    /// A conflict that this history does not have, as another had, is settled by nobody.
    private mutating func settle(_ conflict: RecordID, _ state: some MergeState) throws {
        if records[conflict] == nil {
            guard try state.record(CollectionSchema.conflict.name, conflict) != nil else { return }
            try load(CollectionSchema.conflict.name, conflict, state)
        }
        records[conflict]?.now.values["status"] = .text("settled")
        records[conflict]?.touched.insert("status")
    }

    private mutating func delete(
        _ operation: Operation, _ base: Base, _ time: Int64, _ state: some MergeState
    ) throws {
        guard let draft = records[operation.record] else { return }
        let hidden = Dictionary(
            operation.fields.map { ($0.field, $0.base ?? base) }, uniquingKeysWith: { a, _ in a })
        let unseen = draft.edits.values.joined().filter { edit in
            !edit.deletes && edit.version != acceptance.version
                && !acceptance.hasSeen(edit.version, edit.field.flatMap { hidden[$0] } ?? base)
        }.map(\.version).max()
        note(operation.record, nil, time, .joins, deletes: true)
        guard draft.now.isLive else { return }
        if let unseen {
            try open(
                .deleted, operation.record, field: nil, before: .null, other: .null,
                keptBy: state.author(of: unseen), otherBy: acceptance.author, state)
        } else {
            records[operation.record]?.now.isLive = false
            records[operation.record]?.now.deleted = acceptance.version
            records[operation.record]?.deletedHere = true
        }
    }

    /// Any edit of a deleted record brings it back with its last values.
    private mutating func revive(
        _ operation: Operation, _ base: Base, _ state: some MergeState
    ) throws {
        guard let draft = records[operation.record], !draft.now.isLive else { return }
        records[operation.record]?.now.isLive = true
        guard draft.before != nil || draft.deletedHere, let deleted = draft.now.deleted else {
            return
        }
        let knew =
            deleted == acceptance.version
            || (operation.kind != .update && acceptance.hasSeen(deleted, base))
        if !knew {
            try open(
                .deleted, operation.record, field: nil, before: .null, other: .null,
                keptBy: acceptance.author, otherBy: state.author(of: deleted), state)
        }
    }

    private mutating func apply(
        _ edit: FieldEdit, _ operation: Operation, _ recordBase: Base, _ state: some MergeState
    ) throws {
        guard let field = schema.collection(operation.collection)?.field(edit.field),
            let draft = records[operation.record]
        else { return }
        let base = edit.base ?? recordBase
        let time = acceptance.editTime(edit.time, base)
        editTime = max(editTime, time)
        records[operation.record]?.touched.insert(field.name)
        let before = operation.kind == .insert ? field.standard : edit.before
        if field.policy == .set {
            return try mergeSet(field, operation.record, before, edit.after, base, time, state)
        }
        if field.policy == .counter, operation.kind == .insert, draft.before != nil {
            return try mergeStart(field, operation.record, edit.after, time, state)
        }
        let own = draft.edits[field.name] ?? []
        let writers = own.filter(\.standing)
        let unseen = { (edit: AcceptedEdit) in
            edit.version != acceptance.version && !acceptance.hasSeen(edit.version, base)
        }
        let continues = try closeContinued(field, operation.record, before, state)
        let current = draft.now.values[field.name] ?? field.standard
        let merge = FieldMerge(
            .init(
                field: field, before: before, current: current, after: edit.after,
                writerUnseen: writers.contains(where: unseen),
                editUnseen: own.contains(where: unseen),
                currentTime: writers.map(\.time).max() ?? 0, time: time, continuesOther: continues),
            steps: &stepsLeft)
        set(operation.record, field, merge.value)
        note(
            operation.record, field.name, time, merge.writer,
            standing: merge.writer != .none && field.policy != .counter)
        try checkSize()
        guard let conflict = merge.conflict else { return }
        let writer = try writers.last.flatMap { try state.author(of: $0.version) }
        try open(
            conflict.kind, operation.record, field: field.name, before: before,
            other: conflict.other, keptBy: conflict.otherIsIncoming ? writer : acceptance.author,
            otherBy: conflict.otherIsIncoming ? acceptance.author : writer, state,
            otherVersion: conflict.otherIsIncoming ? acceptance.version : writers.last?.version)
    }

    private mutating func mergeSet(
        _ field: Field, _ record: RecordID, _ before: Value, _ after: Value, _ base: Base,
        _ time: Int64, _ state: some MergeState
    ) throws {
        let standing = try additions(record, field, state)
        let merge = SetMerge(
            additions: standing, before: before, after: after, version: acceptance.version
        ) { $0 == acceptance.version || acceptance.hasSeen($0, base) }
        records[record]?.additions[field.name] = merge.additions
        set(record, field, merge.value)
        note(record, field.name, time, .joins)
    }

    /// The additions that stand in a set; none in that of a record that never was.
    private mutating func additions(
        _ record: RecordID, _ field: Field, _ state: some MergeState
    ) throws -> [String: Set<Version>] {
        guard let draft = records[record] else { return [:] }
        if let here = draft.additions[field.name] { return here }
        guard draft.before != nil else { return [:] }
        let found = try state.additions(record, field.name)
        records[record]?.additionsBefore[field.name] = found
        return found
    }

    /// Two inserts of one id: a counter's first start stays, a different one opens a conflict.
    private mutating func mergeStart(
        _ field: Field, _ record: RecordID, _ start: Value, _ time: Int64,
        _ state: some MergeState
    ) throws {
        note(record, field.name, time, .joins)
        let first = try state.start(record, field.name)
        guard first != start else { return }
        try open(
            .field, record, field: field.name, before: field.standard, other: start,
            keptBy: state.firstAuthor(of: record), otherBy: acceptance.author, state,
            otherVersion: acceptance.version)
    }

    /// An edit that goes on from the other value of an open conflict, which its author had in the
    /// outbox, closes that conflict first.
    private mutating func closeContinued(
        _ field: Field, _ record: RecordID, _ before: Value, _ state: some MergeState
    ) throws -> Bool {
        // Of a record that never was there is no conflict; a counter adds what was added to either start.
        guard !acceptance.seen.isEmpty, field.policy != .counter, records[record]?.before != nil
        else { return false }
        var closed = false
        for conflict in try state.openConflicts(record, field.name, other: before)
        where acceptance.seen.contains(conflict.otherVersion) {
            try settle(conflict.id, state)
            closed = true
        }
        return closed
    }
}
