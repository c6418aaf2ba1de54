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

    private(set) var version: Version = 0
    private(set) var records: [RecordID: Record] = [:]
    private(set) var conflicts: [RecordID: Conflict] = [:]
    private let schema: Schema
    private var accepted: [Version: Int64] = [0: 0]
    private var versions: [Hash: Version] = [:]
    private var listed: [Hash: [Hash]] = [:]
    private var lastEditTime: [ReplicaID: Int64] = [:]

    init(schema: Schema) { self.schema = schema }

    /// Learns of a change set as it is sealed: what it lists counts also if it never arrives.
    mutating func sealed(_ changeSet: ChangeSet) { listed[changeSet.hash] = changeSet.seen }

    // MARK: One acceptance

    /// The circumstances of one change set.
    private struct Case {
        var entry: Entry
        var seen: Set<Version>
        var touched: [RecordID] = []
        var changed: [RecordID: Set<String>] = [:]
        var wasLive: [RecordID: Bool] = [:]
        var earliest: Int64
        var editTime: Int64

        func hasSeen(_ version: Version, _ base: Base) -> Bool {
            version == entry.version || version <= base.version || seen.contains(version)
        }
    }

    mutating func accept(_ entry: Entry) {
        version = entry.version
        accepted[version] = entry.accepted
        listed[entry.changeSet.hash] = entry.changeSet.seen
        let before = lastEditTime[entry.replica] ?? 0
        var now = Case(
            entry: entry, seen: closure(entry.changeSet.seen), earliest: before, editTime: before)
        versions[entry.changeSet.hash] = version
        for operation in entry.changeSet.operations { apply(operation, &now) }
        bringParentsBack(&now)
        makeUnique(&now)
        lastEditTime[entry.replica] = now.editTime
    }

    /// Every accepted version behind the hashes.
    private func closure(_ hashes: [Hash]) -> Set<Version> {
        var (found, visited, waiting) = (Set<Version>(), Set<Hash>(), hashes)
        while let hash = waiting.popLast() {
            guard visited.insert(hash).inserted else { continue }
            if let version = versions[hash] { found.insert(version) }
            waiting += listed[hash] ?? []
        }
        return found
    }

    private func time(_ clock: Int64, _ base: Base, _ now: Case) -> Int64 {
        let entry = now.entry
        let earliest = max(now.earliest, accepted[base.version] ?? 0)
        return min(max(clock &+ entry.shift, earliest), entry.accepted)
    }

    private mutating func touch(_ collection: String, _ record: RecordID, _ now: inout Case) {
        guard now.wasLive[record] == nil else { return }
        now.touched.append(record)
        now.wasLive[record] = records[record]?.isLive ?? false
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
                deleted == version || (operation.kind != .update && now.hasSeen(deleted, base))
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
            !edit.deletes && !now.hasSeen(edit.version, edit.field.flatMap { bases[$0] } ?? base)
        }
        records[record]?.edits.append(
            Edit(version: version, field: nil, time: moment, deletes: true))
        guard records[record]?.isLive == true else { return }
        if unseen { return open(.deleted, record, nil, .null, nil, now) }
        records[record]?.isLive = false
        records[record]?.deleted = version
    }

    // MARK: One field

    private mutating func apply(
        _ edit: FieldEdit, _ operation: TingCore.Operation, _ base: Base, isNew: Bool,
        _ now: inout Case
    ) {
        guard let field = schema.collection(operation.collection)?.field(edit.field),
            var state = records[operation.record]
        else { return }
        let record = operation.record
        now.changed[record, default: []].insert(field.name)
        let moment = time(edit.time, base, now)
        now.editTime = max(now.editTime, moment)
        let mine = Edit(version: version, field: field.name, time: moment)
        let before = operation.kind == .insert ? field.standard : edit.before
        let current = state.values[field.name] ?? field.standard
        let writers = state.writers[field.name] ?? []
        let unseen = writers.contains { !now.hasSeen($0.version, base) }
        let isLater = moment >= (writers.map(\.time).max() ?? 0)
        var (value, other, kind) = (current, Value?.none, ConflictKind.field)
        var (otherVersion, joined) = (Version?.none, [Edit]?.none)
        let continued = field.policy == .set ? false : close(field, record, before, now)
        switch field.policy {
        case .set:
            var standing = state.additions[field.name] ?? [:]
            let (old, new) = (Set(before.elements), Set(edit.after.elements))
            for element in old.subtracting(new) {
                let unseen = (standing[element] ?? []).filter { !now.hasSeen($0, base) }
                standing[element] = unseen.isEmpty ? nil : unseen
            }
            for element in new.subtracting(old) {
                standing[element, default: []].insert(version)
            }
            state.additions[field.name] = standing
            value = .set(of: standing.keys)
        case .counter where operation.kind == .insert && !isNew:
            let first = state.starts[field.name] ?? .integer(0)
            if first != edit.after { (other, otherVersion) = (edit.after, version) }
        case .counter:
            value = .integer(
                (current.integer ?? 0) + (edit.after.integer ?? 0) - (before.integer ?? 0))
            if operation.kind == .insert { state.starts[field.name] = edit.after }
        case .max, .min:
            let anyUnseen = state.edits.contains {
                $0.field == field.name && !now.hasSeen($0.version, base)
            }
            value =
                anyUnseen ? Self.extreme(field, current, edit.after) : edit.after
            joined = []
        case .latest, .review:
            if !unseen {
                (value, joined) = (edit.after, [mine])
            } else if current == edit.after {
                joined = writers + [mine]
            } else if field.policy == .latest, isLater {
                (value, joined, other) = (edit.after, [mine], current)
                otherVersion = writers.last?.version
            } else {
                (other, otherVersion) = (edit.after, version)
                if field.policy == .review { kind = .proposal }
            }
        case .text:
            kind = .text
            (value, other) = Self.text(
                before, current, edit.after, unseen: unseen, isLater: isLater, continued)
            if let other {
                otherVersion = other == current && isLater ? writers.last?.version : version
            }
            joined = unseen ? writers + [mine] : [mine]
        }
        if let joined { state.writers[field.name] = joined }
        state.values[field.name] = value == field.standard ? nil : value
        state.edits.append(mine)
        records[record] = state
        if let other { open(kind, record, field.name, other, otherVersion, now) }
    }

    private static func extreme(_ field: Field, _ current: Value, _ after: Value) -> Value {
        func rank(_ value: Value) -> (Int64, String) {
            switch value {
            case .integer(let integer): (integer, "")
            case .text(let text): (Int64(field.values.firstIndex(of: text) ?? 0), text)
            default: (0, "")
            }
        }
        if current.isNull { return after }
        if after.isNull { return current }
        let isLess = rank(after) < rank(current)
        return (field.policy == .max) == isLess ? current : after
    }

    /// The text afterwards, and the one that waits in a conflict.
    private static func text(
        _ before: Value, _ current: Value, _ after: Value, unseen: Bool, isLater: Bool,
        _ continued: Bool
    ) -> (Value, Value?) {
        if current == after { return (current, nil) }
        if !unseen, current == before { return (after, nil) }
        let merge = TextMerge(
            base: before.text ?? "", current: current.text ?? "", incoming: after.text ?? "",
            later: isLater ? .incoming : .current)
        let isCleared = merge.text.isEmpty && (after.isNull || current.isNull)
        let value: Value = isCleared ? .null : .text(merge.text)
        if unseen && current == before || merge.overlaps && isLater { return (value, current) }
        if merge.overlaps || continued && value != after { return (value, after) }
        return (value, nil)
    }

    // MARK: Conflicts

    private mutating func open(
        _ kind: ConflictKind, _ record: RecordID, _ field: String?, _ other: Value,
        _ otherVersion: Version?, _ now: Case
    ) {
        let id = Merge.conflictID(now.entry.changeSet.id, record, field, kind)
        guard conflicts[id] == nil else { return }
        conflicts[id] = Conflict(
            kind: kind, record: record, field: field, other: other, otherVersion: otherVersion,
            opened: version)
    }

    /// An edit that goes on from the other value of an open conflict, which its author had in the
    /// outbox, closes that conflict first.
    private mutating func close(
        _ field: Field, _ record: RecordID, _ before: Value, _ now: Case
    ) -> Bool {
        var isAny = false
        for (id, conflict) in conflicts
        where conflict.isOpen && conflict.record == record && conflict.field == field.name
            && conflict.other == before
            && conflict.otherVersion.map(now.seen.contains) == true
        {
            conflicts[id]?.isOpen = false
            isAny = true
        }
        return isAny
    }

    // MARK: After the whole change set

    private mutating func bringParentsBack(_ now: inout Case) {
        var again = true
        while again {
            again = false
            for (_, record) in records where record.isLive {
                guard let parent = schema.collection(record.collection)?.parent,
                    let id = record.values[parent.name]?.text.flatMap({ RecordID($0) }),
                    let found = records[id], !found.isLive, found.deleted != nil
                else { continue }
                touch(found.collection, id, &now)
                records[id]?.isLive = true
                open(.parent, id, nil, .null, nil, now)
                again = true
            }
        }
    }

    private mutating func makeUnique(_ now: inout Case) {
        for collection in schema.written {
            for field in collection.fields where field.unique {
                let contenders = now.touched.filter { id in
                    records[id]?.collection == collection.name && records[id]?.isLive == true
                        && records[id]?.values[field.name] != nil
                        && (now.changed[id]?.contains(field.name) == true
                            || now.wasLive[id] == false)
                }
                for id in contenders { makeUnique(id, field, contenders, now) }
            }
        }
    }

    private mutating func makeUnique(
        _ id: RecordID, _ field: Field, _ contenders: [RecordID], _ now: Case
    ) {
        guard let wanted = records[id]?.values[field.name]?.text,
            let place = contenders.firstIndex(of: id)
        else { return }
        // Those of this change set that come later have yet to be asked, but keep what they have
        // from another of them that wants a suffix.
        let later = Set(contenders[(place + 1)...])
        func isTaken(_ text: String) -> Bool {
            records.contains { other, record in
                other != id && record.isLive && record.collection == records[id]?.collection
                    && record.values[field.name] == .text(text)
                    && !(text == wanted && later.contains(other))
            }
        }
        guard isTaken(wanted) else { return }
        var suffix = 2
        while isTaken("\(wanted)~\(suffix)") { suffix += 1 }
        records[id]?.values[field.name] = .text("\(wanted)~\(suffix)")
        open(.unique, id, field.name, .text(wanted), nil, now)
    }
}
