// SPDX-License-Identifier: Apache-2.0

import GRDB
import Synchronization
import TingCore

/// Edits of conflicts by hand.
extension Drafter {
    /// Only the merge writes conflicts: of an edit by hand, settling alone counts. All else is put back.
    func settle(_ draft: SealDraft, _ id: RecordID, _ raw: StoredRow) {
        guard draft.fold.existed else {
            draft.invalid[""] = InvalidValue(
                "conflicts are made by the server alone", "Delete the row.")
            return
        }
        let status: String? = raw["status"].flatMap { String.fromDatabaseValue($0) }
        let settles: Bool = status == "settled" && draft.before["status"] == nil
        for field in draft.fold.collection.fields where field.name != "status" || !settles {
            let old = draft.before[field.name] ?? field.standard
            let column: DatabaseValue = raw[field.name] ?? .null
            let isWritten = !old.column.isIdentical(to: column) || raw.flaws[field.name] == .nul
            if isWritten { draft.putBack.append(FieldValue(field.name, field.value(column))) }
            if isWritten || raw.flaws[field.name] != nil {
                draft.canonical.append(FieldValue(field.name, old))
            }
        }
        guard settles else { return }
        draft.operation = Operation(
            .update, CollectionSchema.conflict.name, id, time: draft.fold.time,
            fields: [
                FieldEdit(
                    "status", before: .text("open"), after: .text("settled"),
                    time: draft.fold.time)
            ])
    }
}

extension SealDraft {
    /// What is told of edits that were put back.
    var undone: [InvalidEdit] {
        putBack.map { written in
            InvalidEdit(
                collection: fold.collection.name, record: fold.record, field: written.field,
                problem: "the merge alone writes it",
                remedy: written.field == "status"
                    ? "An open conflict may be `settled`, and stays so."
                    : "Edit the record that the conflict is about, and settle the conflict.")
        }
    }
}

extension Replica {
    /// What other tools wrote to conflicts that this process put back since it was last asked: each is
    /// told once, and is in `ting_mended`.
    public func takePutBack() -> [InvalidEdit] {
        watch.putBack.withLock { edits in
            defer { edits = [] }
            return edits
        }
    }

    /// Keeps aside what was put back, and has it told.
    func tellPutBack(_ db: Database, _ draft: SealDraft) throws {
        guard !draft.putBack.isEmpty, let id = draft.id else { return }
        let written = Dictionary(
            draft.putBack.map { ($0.field, $0.value) }, uniquingKeysWith: { first, _ in first })
        let collection = draft.fold.collection.name
        try setAside(db, id, RecordContent(collection, id, written), collection)
        watch.putBack.withLock { told in
            told += draft.undone.filter { !told.contains($0) }
        }
    }
}
