// SPDX-License-Identifier: Apache-2.0

import TingCore

/// The model of one field's edit, and of the conflicts that it opens and closes.
extension Oracle {
    // MARK: One field

    mutating func apply(
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
        let unseen = writers.contains { !hasSeen($0.version, base, now) }
        let isLater = moment >= (writers.map(\.time).max() ?? 0)
        var (value, other, kind) = (current, Value?.none, ConflictKind.field)
        var (otherVersion, joined) = (Version?.none, [Edit]?.none)
        let continued =
            [.set, .counter].contains(field.policy) ? false : close(field, record, before, now)
        switch field.policy {
        case .set:
            var standing = state.additions[field.name] ?? [:]
            let (old, new) = (Set(before.elements), Set(edit.after.elements))
            for element in old.subtracting(new) {
                let unseen = (standing[element] ?? []).filter { !hasSeen($0, base, now) }
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
        case .counter where now.isChoice(record, field, operation.kind) && unseen:
            if current == edit.after {
                joined = writers + [mine]
            } else {
                (other, otherVersion) = (edit.after, version)
            }
        case .counter:
            if now.isChoice(record, field, operation.kind) { joined = [mine] }
            value = .integer(
                (current.integer ?? 0) + (edit.after.integer ?? 0) - (before.integer ?? 0))
            if operation.kind == .insert { state.starts[field.name] = edit.after }
        case .max, .min:
            let anyUnseen = state.edits.contains {
                $0.field == field.name && !hasSeen($0.version, base, now)
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
                before, current, edit.after, unseen: unseen, isLater: isLater, continued,
                &now.steps)
            if let other {
                let isCurrent = other == current && (isLater || unseen && current == before)
                otherVersion = isCurrent ? writers.last?.version : version
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
        _ continued: Bool, _ steps: inout Int
    ) -> (Value, Value?) {
        if current == after { return (current, nil) }
        if !unseen, current == before { return (after, nil) }
        let merge = TextMerge(
            base: before.text ?? "", current: current.text ?? "", incoming: after.text ?? "",
            later: isLater ? .incoming : .current, steps: &steps)
        let isCleared = merge.text.isEmpty && (after.isNull || current.isNull)
        let value: Value = isCleared ? .null : .text(merge.text)
        if unseen && current == before || merge.overlaps && isLater { return (value, current) }
        if merge.overlaps || continued && value != after { return (value, after) }
        return (value, nil)
    }

    // MARK: Conflicts

    mutating func open(
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
}
