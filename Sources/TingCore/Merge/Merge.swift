// SPDX-License-Identifier: Apache-2.0

/// What accepting a change set does to a workspace: pure, decided once, by the server.
///
/// The same state and change set give the same effects and conflicts. `Protocol/spec/merge.md`.
public struct Merge: Sendable {
    /// What every replica sets, conflicts included, in the order of first touch.
    public private(set) var effects: [Effect] = []
    /// The edits of this version, for those who come later.
    public private(set) var edits: [NewEdit] = []
    /// The additions that stand in each set that was touched.
    public private(set) var additions: [SetAdditions] = []
    /// Conflicts that this change set opened.
    public private(set) var opened: [RecordID] = []
    /// The latest edit time in it, by the server's clock.
    public private(set) var editTime: Int64
    /// Whether the effects are other than what its author wrote.
    public var isMerged: Bool { effects != changeSet.authoredEffects }

    /// One edit of this version.
    public struct NewEdit: Equatable, Sendable {
        public var record: RecordID
        public var field: String?
        public var time: Int64
        public var writer: FieldMerge.Writer
        public var deletes: Bool
        /// Whether it is a writer of the field's value, for policies that ask who wrote it.
        public var stands: Bool
    }

    public struct SetAdditions: Equatable, Sendable {
        public var record: RecordID
        public var field: String
        public var elements: [String: Set<Version>]
    }

    private let changeSet: ChangeSet
    private let acceptance: Acceptance
    private let schema: Schema
    private var records: [RecordID: Draft] = [:]
    private var order: [RecordID] = []

    /// A record while the change set goes through it.
    private struct Draft {
        var collection: String
        var before: RecordState?
        var now: RecordState
        /// Fields to send, whatever their value.
        var touched: Set<String> = []
        var edits: [AcceptedEdit]
        var additions: [String: [String: Set<Version>]] = [:]
        var deletedHere = false
    }

    /// Merges `changeSet` into `state`. Throws only what `state` throws.
    public init(
        _ changeSet: ChangeSet, into state: some MergeState, _ acceptance: Acceptance,
        schema: Schema
    ) throws {
        self.changeSet = changeSet
        self.acceptance = acceptance
        self.schema = schema
        editTime = acceptance.previousEditTime
        for operation in changeSet.operations { try apply(operation, state) }
        try bringParentsBack(state)
        try makeUnique(state)
        collect()
    }

    // MARK: Operations

    private mutating func apply(_ operation: Operation, _ state: some MergeState) throws {
        let base = operation.base ?? changeSet.base
        try load(operation.collection, operation.record, state)
        let time = acceptance.editTime(operation.time, base)
        editTime = max(editTime, time)
        if operation.collection == CollectionSchema.conflict.name {
            return settle(operation.record)
        }
        if operation.kind == .delete { return try delete(operation, base, time, state) }
        try revive(operation, base, state)
        if operation.kind != .update || operation.fields.isEmpty {
            note(operation.record, nil, time, .joins)
        }
        for edit in operation.fields { try apply(edit, operation, base, state) }
    }

    private mutating func settle(_ conflict: RecordID) {
        records[conflict]?.now.values["status"] = .text("settled")
        records[conflict]?.touched.insert("status")
    }

    private mutating func delete(
        _ operation: Operation, _ base: Base, _ time: Int64, _ state: some MergeState
    ) throws {
        guard let draft = records[operation.record] else { return }
        let hidden = Dictionary(
            operation.fields.map { ($0.field, $0.base ?? base) }, uniquingKeysWith: { a, _ in a })
        let unseen = draft.edits.last { edit in
            !edit.deletes && edit.version != acceptance.version
                && !acceptance.hasSeen(edit.version, edit.field.flatMap { hidden[$0] } ?? base)
        }
        note(operation.record, nil, time, .joins, deletes: true)
        guard draft.now.isLive else { return }
        if let unseen {
            try open(
                .deleted, operation.record, field: nil, before: .null, other: .null,
                keptBy: state.author(of: unseen.version), otherBy: acceptance.author, state)
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
        let own = draft.edits.filter { $0.field == field.name }
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
                currentTime: writers.map(\.time).max() ?? 0, time: time, continuesOther: continues))
        set(operation.record, field, merge.value)
        note(
            operation.record, field.name, time, merge.writer,
            stands: merge.writer != .none && field.policy != .counter)
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
        let standing =
            try records[record]?.additions[field.name] ?? state.additions(record, field.name)
        let merge = SetMerge(
            additions: standing, before: before, after: after, version: acceptance.version
        ) { $0 == acceptance.version || acceptance.hasSeen($0, base) }
        records[record]?.additions[field.name] = merge.additions
        set(record, field, merge.value)
        note(record, field.name, time, .joins)
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
        var closed = false
        for conflict in try state.openConflicts(record, field.name)
        where conflict.other == before && acceptance.seen.contains(conflict.otherVersion) {
            try load(CollectionSchema.conflict.name, conflict.id, state)
            settle(conflict.id)
            closed = true
        }
        return closed
    }

    // MARK: The state after the whole change set

    private mutating func bringParentsBack(_ state: some MergeState) throws {
        for record in order where records[record]?.deletedHere == true {
            guard records[record]?.now.isLive == false else { continue }
            for child in try state.liveChildren(of: record) {
                try load(child.collection, child.record, state)
            }
        }
        var waiting = order
        while let record = waiting.popLast() {
            guard let draft = records[record], draft.now.isLive,
                let parent = schema.collection(draft.collection)?.parent,
                let id = draft.now.values[parent.name]?.text.flatMap({ RecordID($0) })
            else { continue }
            if records[id] == nil {
                guard let collection = try state.collection(of: id) else { continue }
                guard try state.record(collection, id)?.isLive == false else { continue }
                try load(collection, id, state)
            }
            guard let found = records[id], !found.now.isLive, found.now.deleted != nil else {
                continue
            }
            records[id]?.now.isLive = true
            let deleter =
                found.deletedHere
                ? acceptance.author : try found.now.deleted.flatMap { try state.author(of: $0) }
            let writer = draft.edits.last { !$0.deletes }?.version ?? acceptance.version
            try open(
                .parent, id, field: nil, before: .null, other: .null,
                keptBy: writer == acceptance.version
                    ? acceptance.author : state.author(of: writer),
                otherBy: deleter, state)
            waiting.append(id)
        }
    }

    private mutating func makeUnique(_ state: some MergeState) throws {
        var taken = takenHere()
        let here = Set(order)
        for record in order {
            guard let draft = records[record], draft.now.isLive else { continue }
            for field in schema.collection(draft.collection)?.fields ?? [] where field.unique {
                guard let wanted = draft.now.values[field.name]?.text,
                    draft.touched.contains(field.name) || draft.before?.isLive != true
                else { continue }
                let place = Place(collection: draft.collection, field: field.name)
                var free = wanted
                var suffix = 1
                while try taken[place]?[free, default: record] ?? record != record
                    || state.holder(draft.collection, field.name, free, excluding: here) != nil
                {
                    suffix += 1
                    free = "\(wanted)~\(suffix)"
                }
                taken[place, default: [:]][free] = record
                guard free != wanted else { continue }
                records[record]?.touched.insert(field.name)
                set(record, field, .text(free))
                try open(
                    .unique, record, field: field.name, before: .null, other: .text(wanted),
                    keptBy: acceptance.author, otherBy: acceptance.author, state)
            }
        }
    }

    private struct Place: Hashable {
        var collection: String
        var field: String
    }

    /// Who of this change set's records holds which unique text: who held it before, else the first.
    private func takenHere() -> [Place: [String: RecordID]] {
        var taken: [Place: [String: RecordID]] = [:]
        for record in order {
            guard let draft = records[record], draft.now.isLive else { continue }
            for field in schema.collection(draft.collection)?.fields ?? [] where field.unique {
                guard let text = draft.now.values[field.name]?.text else { continue }
                let place = Place(collection: draft.collection, field: field.name)
                let held = draft.before?.isLive == true && !draft.touched.contains(field.name)
                if held || taken[place]?[text] == nil { taken[place, default: [:]][text] = record }
            }
        }
        return taken
    }

    // MARK: Bookkeeping

    private mutating func load(
        _ collection: String, _ record: RecordID, _ state: some MergeState
    ) throws {
        guard records[record] == nil else { return }
        let found = try state.record(collection, record)
        records[record] = Draft(
            collection: collection, before: found,
            now: found ?? RecordState(isLive: false, values: [:]),
            edits: found == nil
                ? []
                : try state.edits(
                    of: record, unseenAfter: changeSet.oldestBase(in: acceptance.epoch)))
        order.append(record)
    }

    private mutating func set(_ record: RecordID, _ field: Field, _ value: Value) {
        records[record]?.now.values[field.name] = value == field.standard ? nil : value
    }

    private mutating func note(
        _ record: RecordID, _ field: String?, _ time: Int64, _ writer: FieldMerge.Writer,
        deletes: Bool = false, stands: Bool = false
    ) {
        edits.append(
            NewEdit(
                record: record, field: field, time: time, writer: writer, deletes: deletes,
                stands: stands))
        if writer == .alone {
            for index in records[record]?.edits.indices ?? 0..<0
            where records[record]?.edits[index].field == field {
                records[record]?.edits[index].standing = false
            }
        }
        records[record]?.edits.append(
            AcceptedEdit(
                version: acceptance.version, field: field, time: time,
                standing: writer != .none, deletes: deletes))
    }

    private mutating func open(
        _ kind: ConflictKind, _ record: RecordID, field: String?, before: Value, other: Value,
        keptBy: MemberID?, otherBy: MemberID?, _ state: some MergeState,
        otherVersion: Version? = nil
    ) throws {
        let id = Self.conflictID(changeSet.id, record, field, kind)
        try load(CollectionSchema.conflict.name, id, state)
        guard let collection = records[record]?.collection, records[id]?.before == nil else {
            return
        }
        var values: [String: Value] = [
            "collection": .text(collection), "record": .text(record.description),
            "kind": .text(kind.rawValue), "opened_version": .integer(acceptance.version),
        ]
        values["field"] = field.map { .text($0) }
        values["before"] = before.isNull ? nil : .text(before.json)
        values["other"] = other.isNull ? nil : .text(other.json)
        values["kept_by"] = keptBy.map { .text($0.description) }
        values["other_by"] = otherBy.map { .text($0.description) }
        values["other_version"] = otherVersion.map { .integer($0) }
        records[id]?.now = RecordState(isLive: true, values: values)
        opened.append(id)
    }

    /// The id of a conflict follows from change set, record, field and kind.
    public static func conflictID(
        _ changeSet: ChangeSetID, _ record: RecordID, _ field: String?, _ kind: ConflictKind
    ) -> RecordID {
        var encoder = CBOREncoder()
        encoder.encodeArray(count: 5)
        encoder.encode("ting conflict")
        encoder.encode(bytes: changeSet.bytes)
        encoder.encode(bytes: record.bytes)
        if let field { encoder.encode(field) } else { encoder.encodeNull() }
        encoder.encode(kind.rawValue)
        return .named(encoder.bytes)
    }

    /// Turns the drafts into effects.
    private mutating func collect() {
        let asked = Set(changeSet.operations.map(\.record))
        for record in order {
            guard let draft = records[record] else { continue }
            for (field, elements) in draft.additions.sorted(by: { $0.key < $1.key }) {
                additions.append(SetAdditions(record: record, field: field, elements: elements))
            }
            if let effect = effect(record, draft, asked) { effects.append(effect) }
        }
    }

    private func effect(
        _ record: RecordID, _ draft: Draft, _ asked: Set<RecordID>
    ) -> Effect? {
        let wasLive = draft.before?.isLive == true
        guard draft.now.isLive else {
            return wasLive || asked.contains(record)
                ? Effect(draft.collection, record, .deleted) : nil
        }
        if wasLive {
            guard asked.contains(record) || !draft.touched.isEmpty else { return nil }
            let fields = schema.collection(draft.collection)
            return Effect(
                draft.collection, record, .updated,
                draft.touched.sortedByBytes.map { name in
                    FieldValue(
                        name, draft.now.values[name] ?? fields?.field(name)?.standard ?? .null)
                })
        }
        return Effect(
            draft.collection, record, .live,
            draft.now.values.keys.sortedByBytes.compactMap { name in
                draft.now.values[name].map { FieldValue(name, $0) }
            })
    }
}

extension Sequence<String> {
    /// Ascending by UTF-8 bytes, the order of every list of names in canonical form.
    package var sortedByBytes: [String] {
        sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
