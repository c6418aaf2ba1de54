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
        guard records[operation.record]?.collection == operation.collection else {
            throw Self.taken(operation.record)
        }
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
        // One that this change set opens is nobody's to settle yet.
        guard records[conflict]?.before != nil else { return }
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
        let isChoice =
            operation.kind == .update && choices.contains(EditPlace(operation.record, field.name))
        if isChoice, writers.contains(where: unseen) {
            return try chooseAgain(
                field, operation.record, before, edit.after, time, writers.last, state)
        }
        let merge = FieldMerge(
            .init(
                field: field, before: before, current: current, after: edit.after,
                writerUnseen: writers.contains(where: unseen),
                editUnseen: own.contains(where: unseen),
                currentTime: writers.map(\.time).max() ?? 0, time: time, continuesOther: continues),
            steps: &stepsLeft)
        set(operation.record, field, merge.value)
        note(
            operation.record, field.name, time, isChoice ? .alone : merge.writer,
            standing: isChoice || merge.writer != .none && field.policy != .counter)
        try checkSize()
        guard let conflict = merge.conflict else { return }
        let writer = try writers.last.flatMap { try state.author(of: $0.version) }
        try open(
            conflict.kind, operation.record, field: field.name, before: before,
            other: conflict.other, keptBy: conflict.otherIsIncoming ? writer : acceptance.author,
            otherBy: conflict.otherIsIncoming ? acceptance.author : writer, state,
            otherVersion: conflict.otherIsIncoming ? acceptance.version : writers.last?.version)
    }

    // MARK: Counters

    /// The counters of which a conflict is settled here.
    func counterChoices(_ state: some MergeState) throws -> Set<EditPlace> {
        var found: Set<EditPlace> = []
        for operation in changeSet.operations
        where operation.collection == CollectionSchema.conflict.name {
            guard let values = try state.record(operation.collection, operation.record)?.values,
                values["kind"]?.text == ConflictKind.field.rawValue,
                let record = values["record"]?.text.flatMap({ RecordID($0) }),
                let collection = values["collection"]?.text, let name = values["field"]?.text,
                schema.collection(collection)?.field(name)?.policy == .counter
            else { continue }
            found.insert(EditPlace(record, name))
        }
        return found
    }

    /// Two who settled a counter's conflict without knowing of each other: what the first chose stays, and is
    /// not counted twice.
    private mutating func chooseAgain(
        _ field: Field, _ record: RecordID, _ before: Value, _ choice: Value, _ time: Int64,
        _ last: AcceptedEdit?, _ state: some MergeState
    ) throws {
        let current = records[record]?.now.values[field.name] ?? field.standard
        note(record, field.name, time, .joins, standing: choice == current)
        guard choice != current else { return }
        try open(
            .field, record, field: field.name, before: before, other: choice,
            keptBy: last.flatMap { try state.author(of: $0.version) }, otherBy: acceptance.author,
            state, otherVersion: acceptance.version)
    }

    // MARK: Sets, starts and conflicts

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
