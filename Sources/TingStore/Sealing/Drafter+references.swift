// SPDX-License-Identifier: Apache-2.0

import TingCore

/// Whether what an edit names is there.
extension Drafter {
    /// Checks that what a value refers to is there; the draft remembers if it isn't.
    func check(_ field: Field, _ value: Value, _ draft: SealDraft) throws {
        guard field.kind == .reference || field.references else { return }
        let named = value.text.map { [$0] } ?? value.elements
        for target in named {
            if targets.allows(field, target) { continue }
            let allowed = try field.to.first { name in
                try tables.schema.collection(name).map { try tables.contains(db, $0, target) }
                    ?? false
            }
            if let allowed {
                targets.note(target, in: allowed)
                continue
            }
            guard let home = try replica.home(db, target) else {
                draft.invalid[field.name] = InvalidValue(
                    "`\(target)` names no record", "Name a record that exists, or clear the field.")
                return
            }
            guard field.to.isEmpty || field.to.contains(home) else {
                draft.invalid[field.name] = InvalidValue(
                    "`\(target)` is a \(home)",
                    "Name a record of \(field.to.joined(separator: " or ")).")
                return
            }
        }
        draft.references.append((field.name, named))
    }

    /// The collection of another record that has this id, if there is one.
    func otherHome(of fold: Fold, _ id: RecordID, _ known: SharedRecord?) throws
        -> String?
    {
        let home = try tables.locate(db, fold.record, except: fold.collection.name)
        if let home { return home }
        // It may have gone from there with the same edits, or with others that wait.
        if let home = homes[fold.record], home != fold.collection.name { return home }
        guard let known, known.collection != fold.collection.name,
            try known.state != .absent || replica.isPending(db, id)
        else { return nil }
        return known.collection
    }
}

/// Where the targets of references were found.
final class KnownTargets {
    private var homes: [String: String] = [:]

    /// Whether a target was found in a collection that the field may name.
    func allows(_ field: Field, _ target: String) -> Bool {
        homes[target].map { field.to.contains($0) } ?? false
    }

    func note(_ target: String, in home: String) { homes[target] = home }
}
