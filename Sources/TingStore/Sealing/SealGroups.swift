// SPDX-License-Identifier: Apache-2.0

import TingCore

/// What goes into one change set, where a window of edits needs several.
///
/// In the order of `SealOrder`. What is too large for one change set goes into several, field by field.
/// What needs something behind the end of its change set is put off to an update after all others: the
/// reference of a circle, and a unique text. What the record gives up for it goes before.
struct SealGroups {
    private(set) var groups: [[SealDraft]] = []
    private let room: ChangeSetRoom
    private let order: SealOrder
    private var group: [SealDraft] = []
    private var bytes = 0
    /// What was put off.
    private var late: [SealDraft] = []

    init(_ drafts: [SealDraft], _ room: ChangeSetRoom) {
        self.room = room
        order = SealOrder(drafts)
        for (place, unit) in order.units.enumerated() { add(unit, at: place) }
        for draft in late { add([draft], at: order.units.count) }
        close(before: order.units.count)
    }

    private mutating func add(_ unit: [SealDraft], at place: Int) {
        for (position, piece) in pieces(of: unit).enumerated() {
            let size = piece.estimatedBytes
            if !group.isEmpty,
                bytes + size > room.bytes || group.count + piece.count > room.operations
            {
                close(before: position == 0 ? place : place + 1)
            }
            group += piece
            bytes += size
        }
    }

    /// Ends a change set, with all units before a place in it or before it.
    private mutating func close(before place: Int) {
        for draft in group { putOff(draft, before: place) }
        let filled = group.filter { $0.operation != nil }
        if !filled.isEmpty { groups.append(filled) }
        (group, bytes) = ([], 0)
    }

    // MARK: Putting off

    private mutating func putOff(_ draft: SealDraft, before place: Int) {
        guard let operation = draft.operation, operation.kind != .delete else { return }
        let collection = draft.fold.collection
        let early = operation.fields.filter { order.isEarly($0, of: collection, before: place) }
        guard !early.isEmpty else { return }
        var (now, later): ([FieldEdit], [FieldEdit]) = ([], [])
        for edit in operation.fields {
            guard early.contains(where: { $0.field == edit.field }) else {
                now.append(edit)
                continue
            }
            var (first, last) = (edit, edit)
            if operation.kind == .insert || order.givesUp(edit, of: collection) {
                last.before = collection.field(edit.field)?.standard ?? .null
            }
            if operation.kind == .update, first.before != last.before {
                first.after = last.before
                now.append(first)
            }
            later.append(last)
        }
        late.append(draft.update(later))
        draft.operation?.fields = now
        if operation.kind == .update, now.isEmpty, !draft.fold.keeps.contains("") {
            draft.operation = nil
        }
    }

    // MARK: Splitting

    /// The unit in parts that fit, the small fields first: what others refer to is mostly among them.
    private func pieces(of unit: [SealDraft]) -> [[SealDraft]] {
        guard unit.estimatedBytes > room.bytes else { return [unit] }
        var pieces: [[SealDraft]] = [[]]
        for draft in unit {
            guard let operation = draft.operation, operation.fields.count > 1 else {
                pieces[pieces.count - 1].append(draft)
                continue
            }
            let used = pieces[pieces.count - 1].estimatedBytes
            var parts = parts(of: operation.fields, room: room.bytes - used)
            draft.operation?.fields = parts.removeFirst()
            pieces[pieces.count - 1].append(draft)
            for var edits in parts {
                if operation.kind == .insert {
                    for position in edits.indices {
                        let field = draft.fold.collection.field(edits[position].field)
                        edits[position].before = field?.standard ?? .null
                    }
                }
                pieces.append([draft.update(edits)])
            }
        }
        return pieces
    }

    private func parts(of edits: [FieldEdit], room: Int) -> [[FieldEdit]] {
        var parts: [[FieldEdit]] = [[]]
        var bytes = 80
        // By size, and those of one size by name, as they are: Swift's sort is stable.
        for edit in edits.sorted(by: { $0.estimatedBytes < $1.estimatedBytes }) {
            let size = edit.estimatedBytes
            if bytes + size > room, !parts[parts.count - 1].isEmpty {
                parts.append([])
                bytes = 80
            }
            parts[parts.count - 1].append(edit)
            bytes += size
        }
        return parts.map(\.sortedByField)
    }
}

extension SealDraft {
    /// An update that comes after this draft's operation.
    fileprivate func update(_ edits: [FieldEdit]) -> SealDraft {
        let draft = SealDraft(fold)
        draft.id = id
        draft.heldSeen = heldSeen
        draft.operation = operation.map {
            Operation(.update, $0.collection, $0.record, time: $0.time, fields: edits)
        }
        return draft
    }
}
