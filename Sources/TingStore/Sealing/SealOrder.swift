// SPDX-License-Identifier: Apache-2.0

import TingCore

/// The order in which edits are sealed that need several change sets.
///
/// Each change set is judged on its own, so it may build on those before it, but not on those after
/// it. Edits stay as they were noted, except that an edit comes after those that it needs:
/// - one that refers to a record which is made or brought back, after that
/// - a deletion, after the deletions, moves and returns of the records that were below it
///
/// Where edits need each other in a circle, one of them goes without: a circle is adjacent, but the
/// end of a change set may still fall into it. Takes time in proportion to edits and references, and
/// is the same for the same drafts.
struct SealOrder {
    /// The drafts that have an operation, those of one record together.
    let units: [[SealDraft]]

    init(_ drafts: [SealDraft]) {
        let units = Self.units(of: drafts)
        let needs = Self.needs(of: units)
        self.units = Self.sorted(needs).map { position in
            units[position].filter { $0.operation != nil }
        }
    }

    /// A restore and what was edited with it are one: between them the record would be as it was.
    private static func units(of drafts: [SealDraft]) -> [[SealDraft]] {
        var units: [[SealDraft]] = []
        units.reserveCapacity(drafts.count)
        for draft in drafts {
            if let last = units.last?.last, last.fold.record == draft.fold.record,
                last.fold.collection.name == draft.fold.collection.name
            {
                units[units.count - 1].append(draft)
            } else {
                units.append([draft])
            }
        }
        return units.filter { $0.contains { $0.operation != nil } }
    }

    /// For each unit, those that come before it.
    private static func needs(of units: [[SealDraft]]) -> [[Int]] {
        var made: [String: Int] = [:]
        var deleted: [String: Int] = [:]
        for (position, unit) in units.enumerated() {
            for draft in unit {
                switch draft.operation?.kind {
                case .insert, .restore: made[draft.fold.record] = position
                case .delete: deleted[draft.fold.record] = position
                case .update, nil: break
                }
            }
        }
        var needs = [[Int]](repeating: [], count: units.count)
        guard !made.isEmpty || !deleted.isEmpty else { return needs }
        for (position, unit) in units.enumerated() {
            for draft in unit {
                for target in draft.references.lazy.flatMap(\.targets) {
                    if let other = made[target] { needs[position].append(other) }
                }
                guard let parent = draft.formerParent else { continue }
                if let other = deleted[parent] { needs[other].append(position) }
                if unit[0].operation?.kind == .restore, let other = made[parent] {
                    needs[position].append(other)
                }
            }
        }
        return needs
    }

    /// All positions, each after those that it needs, else ascending.
    private static func sorted(_ needs: [[Int]]) -> [Int] {
        var order: [Int] = []
        order.reserveCapacity(needs.count)
        var isSeen = [Bool](repeating: false, count: needs.count)
        // What waits for what it needs: a list, since references may be deeper than the stack is.
        var waiting: [(position: Int, next: Int)] = []
        for start in needs.indices where !isSeen[start] {
            isSeen[start] = true
            waiting.append((start, 0))
            while let (position, next) = waiting.last {
                guard next < needs[position].count else {
                    order.append(position)
                    waiting.removeLast()
                    continue
                }
                waiting[waiting.count - 1].next += 1
                let needed = needs[position][next]
                guard !isSeen[needed] else { continue }
                isSeen[needed] = true
                waiting.append((needed, 0))
            }
        }
        return order
    }
}

extension SealDraft {
    /// The parent that the record had, as everyone shares it, before what was noted.
    fileprivate var formerParent: String? {
        guard let parent = fold.collection.parent?.name else { return nil }
        if let before = before[parent] { return before.text }
        guard let operation, operation.kind == .update else { return nil }
        return operation.fields.first { $0.field == parent }?.before.text
    }
}
