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
                draft.edits.values.joined().filter { !$0.deletes }.map(\.version).max()
                ?? acceptance.version
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
        // What was taken when one record looked for a free text is taken for the next.
        var suffixes: [Place: [String: Int]] = [:]
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
                    suffix = max(suffix, suffixes[place]?[wanted] ?? 1) + 1
                    free = "\(wanted)~\(suffix)"
                }
                taken[place, default: [:]][free] = record
                guard free != wanted else { continue }
                suffixes[place, default: [:]][wanted] = suffix
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
}
