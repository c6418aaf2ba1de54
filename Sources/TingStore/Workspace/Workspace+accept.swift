// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import TingCore

extension Workspace {
    /// What one member's replica brings.
    package struct Submission: Sendable {
        package var request: SyncRequest
        package var member: MemberID
        package var role: Role
        /// The most bytes that the workspace may take; `nil` for any number.
        package var quota: Int64?
        /// How its first deliveries were judged, for who brings them in several transactions.
        private(set) var earlier: Judgement?

        package init(request: SyncRequest, member: MemberID, role: Role, quota: Int64? = nil) {
            self.request = request
            self.member = member
            self.role = role
            self.quota = quota
        }

        /// Whether the next transaction may judge what this judgement left; then that is what is submitted.
        package mutating func goesOn(after judgement: Judgement) -> Bool {
            let judged = judgement.verdicts.count
            guard judgement.clash == nil, judged > earlier?.verdicts.count ?? 0,
                judged < request.deliveries.count
            else { return false }
            earlier = judgement
            return true
        }
    }

    /// How one submission was judged.
    package struct Judgement: Sendable {
        package var verdicts: [DeliveryVerdict] = []
        package var clash: Int64?
        /// The versions that it added to the history.
        package var appended: ClosedRange<Version>?
        var fate = Fate()

        package init() {}
    }

    /// What became of the earlier change sets of a request.
    struct Fate: Sendable {
        var rejected: Set<RecordID> = []
        var deferred: Set<RecordID> = []
    }

    /// Judges many members' deliveries in one transaction, with one fsync.
    ///
    /// Blocks; call it from one writer at a time. A change set that fails does not disturb the
    /// others: each has a savepoint of its own.
    /// - Parameter now: Milliseconds since 1970.
    /// - Throws: `DatabaseError` when the transaction could not be committed; then nothing of it is
    ///   accepted, and everything may be sent again.
    package func accept(_ batch: [Submission], now: Int64) throws -> [Judgement] {
        try pool.write { db in
            var clerk = try Clerk(self, db, now: now)
            let judgements = try batch.map { try clerk.judge($0) }
            try clerk.finish()
            return judgements
        }
    }
}
