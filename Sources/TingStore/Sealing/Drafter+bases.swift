// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore

/// What the author of an edit had seen.
extension Drafter {
    /// As much of a field as when an edit that is still pending, or held back, hid it; `nil` where
    /// that is all that the replica has integrated.
    func base(_ record: RecordID, _ field: String, _ draft: SealDraft) throws -> Base? {
        guard !draft.pendingBases.isEmpty || !draft.heldBases.isEmpty else { return nil }
        let pending = draft.pendingBases.filter { $0.fields.hold(field) }.map(\.base)
        let held = [draft.heldBases[field], draft.heldBases[""], draft.heldBase].compactMap { $0 }
        return oldest((pending + held).filter { $0 != identity.base })
    }

    func oldest(_ bases: some Collection<Base>) -> Base? { bases.min { rank($0) < rank($1) } }

    /// What the outbox's edits of a record had been made on, by field, oldest first. Whatever is
    /// pending has its shared value beside it: without that there are none.
    func pendingBases(_ record: RecordID) throws -> [(fields: PendingFields, base: Base)] {
        let statement = try HotStatement(
            db, "SELECT field, epoch, version FROM ting_pending WHERE record = ? ORDER BY seq")
        statement.bind(record.description, at: 1)
        var found: [(fields: PendingFields, base: Base)] = []
        while try statement.step() {
            guard let epoch = Epoch(statement.text(1)) else { continue }
            found.append(
                (
                    PendingFields(statement.text(0)),
                    Base(epoch: epoch, version: statement.integer(2))
                ))
        }
        return found
    }

    /// Less was seen of a version of an earlier epoch than of any of this one.
    private func rank(_ base: Base) -> (Int, Version) {
        (base.epoch == identity.base.epoch ? 1 : 0, base.version)
    }

    func heldBases(_ fold: Fold) throws -> [String: Base] {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT field, epoch, version FROM ting_invalid
                    WHERE record = ? AND collection = ?
                    """), arguments: [fold.record, fold.collection.name])
        return Dictionary(
            try rows.compactMap { row in
                try Epoch(row.decode(String.self, atIndex: 1)).map {
                    try (row.decode(atIndex: 0), Base(epoch: $0, version: row.decode(atIndex: 2)))
                }
            }, uniquingKeysWith: { a, _ in a })
    }
}

/// What a row of `ting_pending` says of a record: names of fields, with `*` where a change set makes it
/// or brings it back; nothing for all of it, where it is deleted.
struct PendingFields {
    let text: String

    init(_ text: String) { self.text = text }

    var names: [String] {
        text.isEmpty ? [""] : text.split(separator: "/").map(String.init)
    }

    /// Whether an edit of the field (`""` for the whole record) waits.
    func hold(_ field: String) -> Bool { text.isEmpty || names.contains(field) }
}
