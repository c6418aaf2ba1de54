// SPDX-License-Identifier: Apache-2.0

import TingCore

/// The exact model: what every accepted change set must have done, by the rules read anew.
///
/// Written apart from `Merge`, without its economies: it keeps every edit ever accepted and asks of
/// each one whether it had been seen. Slow, and simple enough to check by reading it beside
/// `Protocol/spec/merge.md`. It shares with the engine the three-way text merge, the order of
/// values, and the naming of conflicts.
struct Oracle {
    /// One accepted edit: of a field, or of the record as a whole.
    struct Edit {
        var version: Version
        var field: String?
        var time: Int64
        var deletes = false
    }

    struct Record {
        var collection: String
        var isLive = false
        /// Unlike their defaults; of a deleted record the last ones.
        var values: [String: Value] = [:]
        var deleted: Version?
        var edits: [Edit] = []
        /// Who put each field's value there or agreed with it.
        var writers: [String: [Edit]] = [:]
        var additions: [String: [String: Set<Version>]] = [:]
        /// What counters began with.
        var starts: [String: Value] = [:]
    }

    struct Conflict: Equatable {
        var kind: ConflictKind
        var record: RecordID
        var field: String?
        var other: Value
        var otherVersion: Version?
        var opened: Version
        var isOpen = true
    }

    /// Records and conflicts, without what is drawn at random, as ids of conflicts (which come of those of
    /// change sets) and budgets: how many random bytes SQLite draws for itself depends on how full its
    /// files are, and so on the lengths of times.
    var decisions: [String] {
        records.map { id, record in
            let values = record.values.filter { $0.key != "budget" }.sorted { $0.key < $1.key }
            return "\(id) \(record.isLive) \(values)"
        }.sorted()
            + conflicts.values.map { "\($0)" }.sorted()
    }

    private(set) var version: Version = 0
    /// The history digest at the version: it names the state.
    private(set) var digest = Hash.zero
    var records: [RecordID: Record] = [:]
    var conflicts: [RecordID: Conflict] = [:]
    /// The change sets of the history, in order.
    private(set) var history: [ChangeSetID] = []
    private(set) var places: [ChangeSetID: (version: Version, hash: Hash)] = [:]
    let schema: Schema
    /// What aligning the texts of a change set may cost.
    let mergeSteps: Int
    private var accepted: [Version: Int64] = [0: 0]
    private var versions: [Hash: Version] = [:]
    /// What change sets list that were sealed, and that this server was told of.
    var sealed: [Hash: [Hash]] = [:]
    private var told: [Hash: [Hash]] = [:]
    private var lastEditTime: [ReplicaID: Int64] = [:]

    // MARK: Epochs
    var epoch: Epoch
    /// The last version that this history has in common with earlier epochs.
    var lineage: [Epoch: Version] = [:]
    /// What was given back, by the name it had: two that claim one name have none.
    var names: [Epoch: [Version: Version?]] = [:]
    /// Whether the server's file was an older one once: it forgot what lists it was told then.
    var isOlder = false

    init(schema: Schema, epoch: Epoch, mergeSteps: Int) {
        self.schema = schema
        self.mergeSteps = mergeSteps
        self.epoch = epoch
    }

    /// Learns what a change set lists that the server did not accept.
    mutating func tell(_ hash: Hash, _ seen: [Hash]) { told[hash] = seen }

    // MARK: One acceptance

    /// The circumstances of one change set.
    struct Case {
        var entry: Entry
        /// When it was accepted first: a given-back entry keeps its time.
        var firstAccepted: Int64
        var seen: Set<Version>
        var touched: [RecordID] = []
        var changed: [RecordID: Set<String>] = [:]
        var wasLive: [RecordID: Bool] = [:]
        /// What each held before.
        var held: [RecordID: [String: Value]] = [:]
        var earliest: Int64
        var editTime: Int64
        /// What aligning texts may still cost.
        var steps: Int
        /// The counters of which it settles a conflict.
        var choices: Set<EditPlace> = []

        func isChoice(
            _ record: RecordID, _ field: Field, _ kind: TingCore.Operation.Kind
        ) -> Bool { kind == .update && choices.contains(EditPlace(record, field.name)) }
    }

    func hasSeen(_ version: Version, _ base: Base, _ now: Case) -> Bool {
        if version == now.entry.version || now.seen.contains(version) { return true }
        if base.epoch == epoch { return version <= base.version }
        return name(of: version, in: base.epoch).map { $0 <= base.version } ?? false
    }

    mutating func accept(_ entry: Entry, firstAccepted: Int64? = nil) {
        version = entry.version
        accepted[version] = entry.accepted
        told[entry.changeSet.hash] = entry.changeSet.seen
        let before = lastEditTime[entry.replica] ?? 0
        var now = Case(
            entry: entry, firstAccepted: firstAccepted ?? entry.accepted,
            seen: closure(entry.changeSet), earliest: before, editTime: before, steps: mergeSteps)
        versions[entry.changeSet.hash] = version
        history.append(entry.changeSet.id)
        places[entry.changeSet.id] = (version, entry.changeSet.hash)
        digest = HistoryDigest.next(after: digest, entry)
        for operation in entry.changeSet.operations
        where operation.collection == CollectionSchema.conflict.name {
            guard let conflict = conflicts[operation.record], conflict.kind == .field,
                let name = conflict.field, let home = records[conflict.record]?.collection,
                schema.collection(home)?.field(name)?.policy == .counter
            else { continue }
            now.choices.insert(EditPlace(conflict.record, name))
        }
        for operation in entry.changeSet.operations { apply(operation, &now) }
        bringParentsBack(&now)
        makeUnique(&now)
        lastEditTime[entry.replica] = now.editTime
    }

    /// Every accepted version behind what it lists, as far as its bases don't cover it anyway.
    private func closure(_ changeSet: ChangeSet) -> Set<Version> {
        let oldest = changeSet.oldestBase(in: epoch)
        var (found, visited, waiting) = (Set<Version>(), Set<Hash>(), changeSet.seen)
        while let hash = waiting.popLast() {
            guard visited.insert(hash).inserted else { continue }
            if let version = versions[hash] {
                found.insert(version)
                if version <= oldest { continue }
            }
            waiting += (isOlder ? told : sealed)[hash] ?? told[hash] ?? []
        }
        return found
    }

    func time(_ clock: Int64, _ base: Base, _ now: Case) -> Int64 {
        let based = here(base).flatMap { accepted[$0] } ?? 0
        return min(max(clock &+ now.entry.shift, now.earliest, based), now.firstAccepted)
    }

    mutating func touch(_ collection: String, _ record: RecordID, _ now: inout Case) {
        guard now.wasLive[record] == nil else { return }
        now.touched.append(record)
        now.wasLive[record] = records[record]?.isLive ?? false
        now.held[record] = records[record]?.values
        if records[record] == nil { records[record] = Record(collection: collection) }
    }

    private mutating func apply(_ operation: TingCore.Operation, _ now: inout Case) {
        let base = operation.base ?? now.entry.changeSet.base
        let record = operation.record
        if operation.collection == CollectionSchema.conflict.name {
            conflicts[record]?.isOpen = false
            return
        }
        let isNew = records[record] == nil
        touch(operation.collection, record, &now)
        let moment = time(operation.time, base, now)
        now.editTime = max(now.editTime, moment)
        if operation.kind == .delete { return delete(operation, base, moment, &now) }
        if let deleted = records[record]?.deleted, records[record]?.isLive == false {
            let isKnown =
                deleted == version || (operation.kind != .update && hasSeen(deleted, base, now))
            if !isKnown { open(.deleted, record, nil, .null, nil, now) }
        }
        records[record]?.isLive = true
        if operation.kind != .update || operation.fields.isEmpty {
            records[record]?.edits.append(Edit(version: version, field: nil, time: moment))
        }
        for edit in operation.fields {
            apply(edit, operation, edit.base ?? base, isNew: isNew, &now)
        }
    }

    private mutating func delete(
        _ operation: TingCore.Operation, _ base: Base, _ moment: Int64, _ now: inout Case
    ) {
        let record = operation.record
        let bases = Dictionary(
            operation.fields.map { ($0.field, $0.base ?? base) }, uniquingKeysWith: { a, _ in a })
        let unseen = (records[record]?.edits ?? []).contains { edit in
            !edit.deletes && !hasSeen(edit.version, edit.field.flatMap { bases[$0] } ?? base, now)
        }
        records[record]?.edits.append(
            Edit(version: version, field: nil, time: moment, deletes: true))
        guard records[record]?.isLive == true else { return }
        if unseen { return open(.deleted, record, nil, .null, nil, now) }
        records[record]?.isLive = false
        records[record]?.deleted = version
    }
}
