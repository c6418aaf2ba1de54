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

    /// Before all own change sets, those that wait already, too.
    package var beforeOwn: EditMark { EditMark(others: others, own: -1) }
}

extension Replica {
    package func editMark() throws -> EditMark {
        try read { db in
            try EditMark(
                others: Int64.fetchOne(db, sql: "PRAGMA data_version") ?? 0,
                own: enqueued.load(ordering: .relaxed))
        }
    }

    /// Whether there may be edits to send that an earlier mark did not know of.
    ///
    /// What a sync itself seals and sends is none. What the server deferred has its own time.
    package func mayHaveEdits(at mark: EditMark, since earlier: EditMark) throws -> Bool {
        if mark.others != earlier.others { return true }
        return try mark.own != earlier.own && isWaiting(after: 0, deferred: deferred())
    }

    private func deferred() throws -> Set<ChangeSetID> {
        try read { db in
            let ids = try String.storedAll(
                db, sql: "SELECT change_set FROM ting_outbox WHERE deferred IS NOT NULL")
            return Set(ids.compactMap { ChangeSetID($0) })
        }
    }
}
