// SPDX-License-Identifier: Apache-2.0

/// What must hold of the state after the whole change set: living parents, unique values.
extension Merge {
    mutating func bringParentsBack(_ state: some MergeState) throws {
        for record in order where records[record]?.deletedHere == true {
            guard records[record]?.now.isLive == false else { continue }
            // The last of those that are not touched brings the parent back; the others change nothing then.
            let children = try state.liveChildren(of: record)
            if let child = children.last(where: { records[$0.record] == nil }) {
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
                // The parent of a record that lived already lives, unless this change set deletes it.
                let before = draft.before
                guard
                    before?.isLive != true
                        || before?.values[parent.name] != draft.now.values[parent.name]
                else { continue }
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
            let writer =
                draft.edits.values.joined().filter { edit in
                    !edit.deletes
                        && (edit.standing || edit.version == acceptance.version
                            || !acceptance.hasSeen(edit.version, changeSet.base))
                }.map(\.version).max() ?? acceptance.version
            try open(
                .parent, id, field: nil, before: .null, other: .null,
                keptBy: writer == acceptance.version
                    ? acceptance.author : state.author(of: writer),
                otherBy: deleter, state)
            waiting.append(id)
        }
    }

    mutating func makeUnique(_ state: some MergeState) throws {
        var taken = takenHere()
        let here = Set(order)
        var mayFree: Bool?
        for record in order {
            guard let draft = records[record], draft.now.isLive else { continue }
            for field in uniqueFields(draft) {
                guard let wanted = draft.now.values[field]?.text,
                    draft.touched.contains(field) || draft.before?.isLive != true
                else { continue }
                let place = UniquePlace(collection: draft.collection, field: field)
                let text = UniqueText(place: place, text: wanted)
                var free = wanted
                var suffix = 1
                while try taken[place]?[free, default: record] ?? record != record
                    || state.holder(draft.collection, field, free, excluding: here) != nil
                {
                    // What is known to be held is not asked for again, unless some of it may be free now.
                    let frees = mayFree ?? freesUniqueTexts()
                    mayFree = frees
                    let held = try heldSuffixes[text] ?? (frees ? 1 : state.heldSuffix(text))
                    suffix = max(suffix, held) + 1
                    free = "\(wanted)~\(suffix)"
                }
                taken[place, default: [:]][free] = record
                guard free != wanted else { continue }
                heldSuffixes[text] = suffix
                records[record]?.touched.insert(field)
                records[record]?.now.values[field] = .text(free)
                try open(
                    .unique, record, field: field, before: .null, other: .text(wanted),
                    keptBy: acceptance.author, otherBy: acceptance.author, state)
            }
        }
    }

    /// Whether a record that lived before this change set may have given up a unique text.
    private func freesUniqueTexts() -> Bool {
        records.values.contains { draft in
            draft.before?.isLive == true
                && (!draft.now.isLive || !draft.touched.isDisjoint(with: uniqueFields(draft)))
        }
    }

    private func uniqueFields(_ draft: Draft) -> [String] {
        (schema.collection(draft.collection)?.fields ?? []).filter(\.unique).map(\.name)
    }

    /// Who of this change set's records holds which unique text: who held it before, else the first.
    private func takenHere() -> [UniquePlace: [String: RecordID]] {
        var taken: [UniquePlace: [String: RecordID]] = [:]
        for record in order {
            guard let draft = records[record], draft.now.isLive else { continue }
            for field in schema.collection(draft.collection)?.fields ?? [] where field.unique {
                guard let text = draft.now.values[field.name]?.text else { continue }
                let place = UniquePlace(collection: draft.collection, field: field.name)
                let held =
                    draft.before?.isLive == true && draft.before?.values[field.name]?.text == text
                if held || taken[place]?[text] == nil { taken[place, default: [:]][text] = record }
            }
        }
        return taken
    }
}
