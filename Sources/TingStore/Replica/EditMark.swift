// SPDX-License-Identifier: Apache-2.0

import GRDB
import Synchronization
import TingCore

/// Where a replica's edits stand: another mark means that there may be some to send.
package struct EditMark: Equatable, Sendable {
    /// SQLite's `data_version`: another number after another connection's commit.
    package var others: Int64
    /// How many change sets came into the outbox through this very object, which that leaves out.
    package var own: Int
    /// The last change set of the outbox, whoever put it there.
    package var last: String?

    /// Before all own change sets, those that wait already, too.
    package var beforeOwn: EditMark { EditMark(others: others, own: -1) }
}

extension Replica {
    package func editMark() throws -> EditMark {
        try read { db in
            try EditMark(
                others: Int64.fetchOne(db, sql: "PRAGMA data_version") ?? 0,
                own: enqueued.load(ordering: .relaxed),
                // Of one that rotted the sync tells.
                last: try? String.storedOne(
                    db, sql: "SELECT change_set FROM ting_outbox ORDER BY seq DESC LIMIT 1"))
        }
    }

    /// Whether there may be edits to send that an earlier mark did not know of.
    ///
    /// What a sync itself seals and sends is none. What the server deferred has its own time. Nor is it
    /// an edit that another program commits how its sync went: two who follow one file would wake each
    /// other for ever.
    package func mayHaveEdits(at mark: EditMark, since earlier: EditMark) throws -> Bool {
        if mark.own != earlier.own || mark.last != earlier.last,
            try isWaiting(after: 0, deferred: deferred())
        {
            return true
        }
        return try mark.others != earlier.others && heldIfSealed() == nil
    }

    private func deferred() throws -> Set<ChangeSetID> {
        try read { db in
            let ids = try String.storedAll(
                db, sql: "SELECT change_set FROM ting_outbox WHERE deferred IS NOT NULL")
            return Set(ids.compactMap { ChangeSetID($0) })
        }
    }
}
