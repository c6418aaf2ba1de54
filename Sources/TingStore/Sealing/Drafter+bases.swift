// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// What the author of an edit had seen.
extension Drafter {
    /// As much of a field as when an edit that is still pending, or held back, hid it; `nil` where
    /// that is all that the replica has integrated.
    func base(_ field: String, _ draft: SealDraft) throws -> Base? {
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
            guard let epoch = try Epoch(statement.strictText(1)) else {
                throw StoredFormError.malformed("what an edit was made on")
            }
            let base = try Base(epoch: epoch, version: statement.strictInteger(2))
            found.append((PendingFields(try statement.strictText(0)), base))
        }
        return found
    }

    /// Less was seen of a version of an earlier epoch than of any of this one.
    private func rank(_ base: Base) -> (Int, Version) {
        (base.epoch == identity.base.epoch ? 1 : 0, base.version)
    }

    /// Takes what the author of edits that are held back had seen as they made them.
    func takeHeld(_ draft: SealDraft) throws {
        let rows = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT field, epoch, version, seen FROM ting_invalid
                    WHERE collection = ? AND record = ?
                    """), arguments: [draft.fold.collection.name, draft.fold.record])
        for row in rows {
            guard let epoch = try Epoch(row.stored(String.self, atIndex: 1)) else {
                throw StoredFormError.malformed("what an edit was made on")
            }
            let field: String = try row.stored(atIndex: 0)
            draft.heldBases[field] = Base(epoch: epoch, version: try row.stored(atIndex: 2))
            draft.heldSeen[field] = try row.decode(Data?.self, atIndex: 3).map(Hash.list)
        }
        draft.heldBase = draft.fold.existed ? nil : oldest(draft.heldBases.values)
    }
}
