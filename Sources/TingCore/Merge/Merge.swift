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
    public internal(set) var editTime: Int64
    /// What aligning its texts could still have cost.
    public internal(set) var stepsLeft: Int
    /// The last suffix that a record of this change set got, of each text that others held: all before it
    /// are held, too.
    public internal(set) var heldSuffixes: [UniqueText: Int] = [:]
    /// What a conflict comes to at least, stored: its id, the names of its fields, and what they hold.
    private static let conflictBytes = 200
    /// UTF-8 bytes of the values set, and of the conflicts opened, so far.
    private var valueBytes = 0
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
        public var standing: Bool
        /// The versions whose edits of the field are writers of its value no more.
        public var fallen: [Version] = []
    }

    public struct SetAdditions: Equatable, Sendable {
        public var record: RecordID
        public var field: String
        public var elements: [String: Set<Version>]
        /// Those that stood before.
        public var before: [String: Set<Version>]
    }

    let changeSet: ChangeSet
    let acceptance: Acceptance
    private let oldestBase: Version
    let schema: Schema
    /// The counters of which it settles a conflict: what it writes there is a choice.
    private(set) var choices: Set<EditPlace> = []
    var records: [RecordID: Draft] = [:]
    var order: [RecordID] = []

    /// A record while the change set goes through it.
    struct Draft {
        var collection: String
        var before: RecordState?
        var now: RecordState
        /// Fields to send, whatever their value.
        var touched: Set<String> = []
        /// By field, those of the record as a whole under `nil`; each in the order of versions.
        var edits: [String?: [AcceptedEdit]]
        var additions: [String: [String: Set<Version>]] = [:]
        /// The additions that stood in each set before the change set.
        var additionsBefore: [String: [String: Set<Version>]] = [:]
        var deletedHere = false
    }

    /// Its effects are larger than `Limits.effectsByteLimit`, for what others wrote meanwhile.
    public struct TooLarge: Error, Equatable {
        public init() {}
    }

    /// Merges `changeSet` into `state`.
    /// - Throws: `TooLarge`, as soon as that is certain; `InvalidValue` where a record of it has the id of a
    ///   conflict that it opens; and what `state` throws.
    public init(
        _ changeSet: ChangeSet, into state: some MergeState, _ acceptance: Acceptance,
        schema: Schema
    ) throws {
        self.changeSet = changeSet
        self.acceptance = acceptance
        self.schema = schema
        editTime = acceptance.previousEditTime
        stepsLeft = acceptance.mergeSteps
        // What was seen in an unbroken row after it is of no more use than what it covers.
        var oldest = changeSet.oldestBase(in: acceptance.epoch)
        while acceptance.seen.contains(oldest + 1) { oldest += 1 }
        oldestBase = oldest
        choices = try counterChoices(state)
        for operation in changeSet.operations { try apply(operation, state) }
        try bringParentsBack(state)
        try makeUnique(state)
        collect()
    }

    // MARK: Bookkeeping

    mutating func load(
        _ collection: String, _ record: RecordID, _ state: some MergeState
    ) throws {
        guard records[record] == nil else { return }
        let found = try state.record(collection, record)
        records[record] = Draft(
            collection: collection, before: found,
            now: found ?? RecordState(isLive: false, values: [:]),
            edits: found == nil
                ? [:]
                : Dictionary(
                    grouping: try state.edits(of: record, unseenAfter: oldestBase), by: \.field))
        order.append(record)
    }

    mutating func set(_ record: RecordID, _ field: Field, _ value: Value) {
        records[record]?.now.values[field.name] = value == field.standard ? nil : value
        valueBytes += value.text?.utf8.count ?? value.elements.reduce(0) { $0 + $1.utf8.count }
    }

    /// A field is set twice at most, so that twice the limit can't come to less than the limit in the end.
    func checkSize() throws {
        guard valueBytes <= 2 * Limits.effectsByteLimit else { throw TooLarge() }
    }

    mutating func note(
        _ record: RecordID, _ field: String?, _ time: Int64, _ writer: FieldMerge.Writer,
        deletes: Bool = false, standing: Bool = false
    ) {
        var fallen: [Version] = []
        if writer == .alone {
            for (index, edit) in (records[record]?.edits[field] ?? []).enumerated()
            where edit.standing {
                records[record]?.edits[field]?[index].standing = false
                // This version's own edit of the field is replaced by the new one.
                if edit.version != acceptance.version { fallen.append(edit.version) }
            }
        }
        edits.append(
            NewEdit(
                record: record, field: field, time: time, writer: writer, deletes: deletes,
                standing: standing, fallen: fallen))
        records[record]?.edits[field, default: []].append(
            AcceptedEdit(
                version: acceptance.version, field: field, time: time,
                standing: standing, deletes: deletes))
    }

    mutating func open(
        _ kind: ConflictKind, _ record: RecordID, field: String?, before: Value, other: Value,
        keptBy: MemberID?, otherBy: MemberID?, _ state: some MergeState,
        otherVersion: Version? = nil
    ) throws {
        let id = Self.conflictID(changeSet.id, record, field, kind)
        // Its author can tell the id beforehand, and so can whoever sees the change set wait.
        let home = try records[id]?.collection ?? state.collection(of: id)
        guard home == nil || home == CollectionSchema.conflict.name else { throw Self.taken(id) }
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
        valueBytes += Self.conflictBytes
        for name in ["before", "other"] { valueBytes += values[name]?.text?.utf8.count ?? 0 }
        try checkSize()
    }

    static func taken(_ id: RecordID) -> InvalidValue {
        InvalidValue(
            "\(id) is the id of a conflict that this change set opens",
            "Make its edits again, which gives them other ids.")
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
                additions.append(
                    SetAdditions(
                        record: record, field: field, elements: elements,
                        before: draft.additionsBefore[field] ?? [:]))
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
        sorted { $0.precedesInBytes($1) }
    }
}
