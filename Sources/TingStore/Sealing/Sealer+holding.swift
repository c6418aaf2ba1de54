// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// What may not be sealed stays where its author wrote it, is told, and is sealed once it is put right.
extension Sealer {
    func holdsBack() throws -> Bool {
        try HotStatement(db, "SELECT 1 FROM ting_invalid LIMIT 1").isThere()
    }

    /// Holds back inserts with an invalid field, and everything that refers to them or to what is nowhere.
    func hold(_ drafts: [SealDraft]) throws {
        var held = try heldInserts()
        guard !held.isEmpty || drafts.contains(where: { !$0.invalid.isEmpty }) else { return }
        var grew = true
        while grew {
            grew = false
            for index in drafts.indices {
                for (field, targets) in drafts[index].references {
                    let known: Bool = drafts[index].invalid.keys.contains(field)
                    guard !known, drafts[index].names(held, in: field, targets) else { continue }
                    drafts[index].invalid[field] = InvalidValue(
                        "it refers to a record that is held back",
                        "Mend that record first; `ting status` names it.")
                }
                guard !drafts[index].invalid.isEmpty else { continue }
                let isWhole = drafts[index].inserts || drafts[index].invalid.keys.contains("")
                if isWhole { drafts[index].operation = nil } else { drafts[index].dropInvalid() }
                guard isWhole ? !drafts[index].isShared : drafts[index].isNowhere else { continue }
                let fold = drafts[index].fold
                let (isNew, _) = held[fold.record, default: []].insert(fold.collection.name)
                if isNew { grew = true }
            }
            // What was held before and is sealed now holds back nothing more.
            for draft in drafts where draft.inserts && draft.invalid.isEmpty {
                held[draft.fold.record]?.remove(draft.fold.collection.name)
            }
        }
    }

    /// Records that were never sealed, held back by an earlier seal and not drafted anew now: the
    /// collections of each id.
    private func heldInserts() throws -> [String: Set<String>] {
        guard after > 0 else { return [:] }
        // Of an id that stands in two collections, `ting_shared` names one of them, or none.
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT i.collection, i.record FROM ting_invalid i
                LEFT JOIN ting_shared s ON s.record = i.record
                WHERE (i.field = '' AND s.collection IS NOT i.collection OR s.state = 'absent'
                AND NOT EXISTS (SELECT 1 FROM ting_pending p WHERE p.record = i.record))
                AND (i.collection, i.record) NOT IN
                (SELECT collection, record FROM ting_note WHERE seq > ?)
                """, arguments: [after])
        return try rows.reduce(into: [:]) { held, row in
            let (collection, record): (String, String) = try (
                row.stored(atIndex: 0), row.stored(atIndex: 1)
            )
            guard own?.watch.holds(record, of: collection) != true else { return }
            held[record, default: []].insert(collection)
        }
    }

    /// Writes canonical values back, keeps what is shared, and leaves notes only of what is held.
    func settle(_ draft: SealDraft, _ drafter: Drafter) throws {
        let record = draft.fold.record
        if let id = draft.id {
            try tables.update(db, draft.fold.collection.name, id, draft.canonical)
            if let shared = draft.shared, draft.operation != nil || !draft.invalid.isEmpty {
                try SharedRecords.write(db, id, shared)
            }
        }
        let collection = draft.fold.collection.name
        if drafter.holdsBack {
            try db.cachedStatement(
                sql: """
                    DELETE FROM ting_invalid WHERE collection = ? AND record = CAST(? AS TEXT)
                    """
            ).execute(arguments: [collection, Data(record.utf8)])
        }
        guard !draft.invalid.isEmpty else {
            try dropNotes(draft.fold)
            return try forgetIfNeverWas(draft)
        }
        if draft.inserts || draft.invalid.keys.contains("") {
            try noteOwn(draft.fold)
        } else {
            try keepNotes(draft)
        }
        for (field, invalid) in draft.invalid {
            let seen = try draft.id == nil ? nil : drafter.base(field, draft)
            let base = seen ?? identity.base
            try db.cachedStatement(
                sql: """
                    INSERT INTO ting_invalid
                    (record, field, collection, problem, remedy, epoch, version, seen)
                    VALUES (CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
                    problem = excluded.problem, remedy = excluded.remedy
                    """
            ).execute(arguments: [
                Data(record.utf8), field, collection, invalid.problem, invalid.remedy,
                base.epoch.description, base.version,
                draft.heldSeen[field].map { Data($0.flatMap(\.bytes)) },
            ])
        }
    }

    /// Keeps what lies in the outbox as an edit is held back: its author had seen that, also when it has
    /// long left the outbox.
    func noteSeen() throws {
        let heads = try replica.outboxHeads(db).flatMap(\.bytes)
        try db.execute(
            sql: "UPDATE ting_invalid SET seen = ? WHERE seen IS NULL", arguments: [Data(heads)])
    }

    /// A record that was held back and is deleted again leaves nothing.
    private func forgetIfNeverWas(_ draft: SealDraft) throws {
        guard draft.operation == nil, let id = draft.id,
            try SharedRecords.read(db, id)?.state == .absent, try !replica.isPending(db, id)
        else { return }
        try SharedRecords.remove(db, id)
    }

    /// The notes of a record that is held back as a whole stay: what was written now joins them.
    private func noteOwn(_ fold: Fold) throws {
        guard let own,
            let row = own.rows.first(where: {
                $0.record == fold.record && $0.collection.name == fold.collection.name
            }), let fields = try own.changed(db, tables, row)
        else { return }
        for field in fields {
            try db.cachedStatement(
                sql: """
                    INSERT INTO ting_note (kind, collection, record, field, time)
                    VALUES ('u', ?, ?, ?, ?)
                    """
            ).execute(arguments: [
                fold.collection.name, fold.record, field, fold.time(of: field),
            ])
        }
    }

    private func dropNotes(_ fold: Fold) throws {
        guard !fold.notes.isEmpty else { return }
        let statement = try HotStatement(db, "DELETE FROM ting_note WHERE seq = ?")
        for place in fold.notes {
            statement.bind(place, at: 1)
            try statement.run()
        }
    }

    /// Leaves one note a held field, with its first value before.
    private func keepNotes(_ draft: SealDraft) throws {
        try dropNotes(draft.fold)
        for field in draft.invalid.keys.sortedByBytes {
            let before =
                draft.before[field] ?? draft.fold.collection.field(field)?.standard ?? .null
            try db.cachedStatement(
                sql: """
                    INSERT INTO ting_note (kind, collection, record, field, before, time)
                    VALUES ('u', ?, ?, ?, ?, ?)
                    """
            ).execute(arguments: [
                draft.fold.collection.name, draft.fold.record, field, before.column,
                draft.fold.time(of: field),
            ])
        }
    }
}

extension SealDraft {
    /// Whether a field names one of these records, as one of a collection that it may name.
    fileprivate func names(
        _ held: [String: Set<String>], in field: String, _ targets: [String]
    ) -> Bool {
        let allowed = fold.collection.field(field)?.to ?? []
        return targets.contains { target in
            held[target]?.contains { allowed.isEmpty || allowed.contains($0) } ?? false
        }
    }

    /// Leaves out of the operation what is held back.
    fileprivate func dropInvalid() {
        operation?.fields.removeAll { invalid[$0.field] != nil }
        if operation?.kind == .update, operation?.fields.isEmpty == true,
            !fold.keeps.contains("")
        {
            operation = nil
        }
    }
}
