// SPDX-License-Identifier: Apache-2.0

import TingCore

/// The order in which edits are sealed that need several change sets.
///
/// Each change set is judged on its own, so it may build on those before it, but not on those after
/// it. Edits stay as they were noted, except that an edit comes after those that it needs:
/// - one that refers to a record which is made or brought back, after that
/// - a deletion, after the deletions, moves and returns of the records that were below it
/// - one that takes a unique text, after that which gives it up
///
/// Where edits need each other in a circle, they are adjacent: where the end of a change set falls into
/// it, `SealGroups` puts off what one of them needs. Takes time in proportion to edits and references,
/// and is the same for the same drafts.
struct SealOrder {
    /// The drafts that have an operation, those of one record together.
    let units: [[SealDraft]]
    private let providers: Providers

    init(_ drafts: [SealDraft]) {
        let units = Self.units(of: drafts)
        self.units = Self.sorted(Self.needs(of: units)).map { position in
            units[position].filter { $0.operation != nil }
        }
        providers = Providers(self.units)
    }

    /// Whether an edit needs a unit at this place or behind it.
    func isEarly(_ edit: FieldEdit, of collection: CollectionSchema, before place: Int) -> Bool {
        guard let field = collection.field(edit.field) else { return false }
        if field.unique, let text = edit.after.text {
            return providers.released[HeldText(collection, field, text)].map { $0 >= place }
                ?? false
        }
        guard field.kind == .reference || field.references else { return false }
        return (edit.after.text.map { [$0] } ?? edit.after.elements).contains { target in
            providers.made[target].map { $0 >= place } ?? false
        }
    }

    /// Whether others may need that the record gives up the value before: a unique text, or a parent that
    /// is deleted.
    func givesUp(_ edit: FieldEdit, of collection: CollectionSchema) -> Bool {
        if collection.field(edit.field)?.unique == true { return true }
        guard edit.field == collection.parent?.name, let parent = edit.before.text else {
            return false
        }
        return providers.deleted[parent] != nil
    }

    /// What others need, and which unit has it.
    private struct Providers {
        /// Records that are made or brought back.
        var made: [String: Int] = [:]
        var deleted: [String: Int] = [:]
        /// Unique texts that their holders give up.
        var released: [HeldText: Int] = [:]

        init(_ units: [[SealDraft]]) {
            for (position, unit) in units.enumerated() {
                for draft in unit {
                    switch draft.operation?.kind {
                    case .insert, .restore: made[draft.fold.record] = position
                    case .delete: deleted[draft.fold.record] = position
                    case .update, nil: break
                    }
                }
                guard unit.first?.operation?.kind != .restore else { continue }
                for text in unit.lazy.flatMap(\.releasedTexts) { released[text] = position }
            }
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
        let providers = Providers(units)
        var needs = [[Int]](repeating: [], count: units.count)
        for (position, unit) in units.enumerated() {
            let isBack = unit[0].operation?.kind == .restore
            for draft in unit {
                for target in draft.references.lazy.flatMap(\.targets) {
                    if let other = providers.made[target] { needs[position].append(other) }
                }
                for text in draft.takenTexts(isBack: isBack) {
                    if let other = providers.released[text] { needs[position].append(other) }
                }
                guard let parent = draft.formerParent else { continue }
                if let other = providers.deleted[parent] { needs[other].append(position) }
                if isBack, let other = providers.made[parent] { needs[position].append(other) }
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

/// A text that one record of a collection may hold.
private struct HeldText: Hashable {
    let collection: String
    let field: String
    /// Its bytes, as the merge compares them.
    let text: [UInt8]

    init(_ collection: CollectionSchema, _ field: Field, _ text: String) {
        self.collection = collection.name
        self.field = field.name
        self.text = Array(text.utf8)
    }
}

extension SealDraft {
    /// The unique texts that the record no longer holds after its operation.
    fileprivate var releasedTexts: [HeldText] {
        guard let operation, operation.kind == .delete || operation.kind == .update else {
            return []
        }
        return fold.collection.fields.filter(\.unique).compactMap { field in
            let old =
                operation.kind == .delete
                ? before[field.name]
                : operation.fields.first { $0.field == field.name && !$0.keeps }?.before
            return old?.text.map { HeldText(fold.collection, field, $0) }
        }
    }

    /// The unique texts that the record comes to hold.
    /// - Parameter isBack: Whether it comes back, with those of its last ones that were not edited.
    fileprivate func takenTexts(isBack: Bool) -> [HeldText] {
        guard let operation, operation.kind == .insert || operation.kind == .update else {
            return []
        }
        return fold.collection.fields.filter(\.unique).compactMap { field in
            let edit = operation.fields.first { $0.field == field.name }
            let new = edit?.after ?? (isBack ? before[field.name] : nil)
            return new?.text.map { HeldText(fold.collection, field, $0) }
        }
    }

    /// The parent that the record had, as everyone shares it, before what was noted.
    fileprivate var formerParent: String? {
        guard let parent = fold.collection.parent?.name else { return nil }
        if let before = before[parent] { return before.text }
        guard let operation, operation.kind == .update else { return nil }
        return operation.fields.first { $0.field == parent }?.before.text
    }
}
