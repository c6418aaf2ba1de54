// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
public import TingCore

extension Workspace {
    /// What one member's replica brings.
    public struct Submission: Sendable {
        public var request: SyncRequest
        public var member: MemberID
        public var role: Role
        /// The most bytes that the workspace may take; `nil` for any number.
        public var quota: Int64?

        public init(request: SyncRequest, member: MemberID, role: Role, quota: Int64? = nil) {
            self.request = request
            self.member = member
            self.role = role
            self.quota = quota
        }
    }

    /// How one submission was judged.
    public struct Judgement: Sendable {
        public var verdicts: [DeliveryVerdict] = []
        public var clash: Int64?
        /// The versions that it added to the history.
        public var appended: ClosedRange<Version>?

        public init() {}
    }

    /// Judges many members' deliveries in one transaction, with one fsync.
    ///
    /// Blocks; call it from one writer at a time. A change set that fails does not disturb the
    /// others: each has a savepoint of its own.
    /// - Parameter now: Milliseconds since 1970.
    /// - Throws: `DatabaseError` when the transaction could not be committed; then nothing of it is
    ///   accepted, and everything may be sent again.
    public func accept(_ batch: [Submission], now: Int64) throws -> [Judgement] {
        try pool.write { db in
            var clerk = try Clerk(self, db, now: now)
            let judgements = try batch.map { try clerk.judge($0) }
            try clerk.finish()
            return judgements
        }
    }
}

/// Judges deliveries within one transaction.
private struct Clerk {
    private let workspace: Workspace
    private let db: Database
    private let now: Int64
    private var ledger: Ledger
    private var head: Version
    private var lastAccepted: Int64
    private var historyDigest: Hash
    private var digest: StateDigest
    private var buckets: Set<Int> = []
    private let firstVersion: Version

    init(_ workspace: Workspace, _ db: Database, now: Int64) throws {
        self.workspace = workspace
        self.db = db
        self.now = now
        ledger = Ledger(db: db, tables: workspace.tables)
        head = try HistoryTables.head(db)
        firstVersion = head + 1
        lastAccepted =
            try Int64.fetchOne(
                db, sql: "SELECT accepted FROM history WHERE version = ?", arguments: [head]) ?? 0
        historyDigest = try HistoryTables.digest(db, at: head) ?? .zero
        digest = try HistoryTables.stateDigest(db)
    }

    mutating func judge(_ submission: Workspace.Submission) throws -> Workspace.Judgement {
        var judgement = Workspace.Judgement()
        // A base of another epoch says nothing about this history: the replica must hear of it first.
        guard submission.request.base.epoch == workspace.epoch else { return judgement }
        var fate = Fate()
        let before = head
        for delivery in submission.request.deliveries {
            guard let verdict = try judge(delivery, submission, &fate) else {
                judgement.clash = delivery.number
                break
            }
            judgement.verdicts.append(
                DeliveryVerdict(
                    number: delivery.number, changeSet: delivery.changeSet.id, verdict: verdict))
        }
        if head > before { judgement.appended = before + 1...head }
        return judgement
    }

    /// What became of the earlier change sets of the same request.
    private struct Fate {
        var rejected: Set<RecordID> = []
        var deferred: Set<RecordID> = []
    }

    /// The verdict, or `nil` for a clash.
    private mutating func judge(
        _ delivery: Delivery, _ submission: Workspace.Submission, _ fate: inout Fate
    ) throws -> Verdict? {
        let changeSet = delivery.changeSet
        let hash = changeSet.hash
        let replica = submission.request.replica
        guard try ledger.owner(of: replica) ?? submission.member == submission.member else {
            return nil
        }
        if let known = try ledger.delivery(replica, delivery.number) {
            guard known.changeSet == changeSet.id, known.hash == hash else { return nil }
            return known.verdict
        }
        var verdict = try verdict(changeSet, hash, submission, fate)
        if verdict == nil {
            do {
                try db.inSavepoint {
                    verdict = try accept(delivery, hash, submission)
                    return .commit
                }
            } catch let invalid as InvalidValue {
                verdict = .rejected(.invalidValue, detail: "\(invalid.problem). \(invalid.remedy)")
            }
        }
        guard let verdict else { return nil }
        switch verdict {
        case .rejected: fate.rejected.formUnion(changeSet.touched)
        case .deferred:
            fate.deferred.formUnion(changeSet.touched)
            return verdict
        case .applied, .merged: break
        }
        var judged = delivery
        // What an oversized list names is not kept: it was not sealed by any replica of ours.
        if changeSet.seen.count > Limits.deliveryLimit { judged.changeSet.seen = [] }
        try ledger.record(verdict, judged, hash, replica, submission.member)
        return verdict
    }

    /// The verdict that needs no merge, if there is one.
    private func verdict(
        _ changeSet: ChangeSet, _ hash: Hash, _ submission: Workspace.Submission, _ fate: Fate
    ) throws -> Verdict? {
        if let accepted = try ledger.accepted(changeSet.id) {
            return accepted.hash == hash
                ? accepted.verdict
                : .rejected(
                    .acceptedOtherwise,
                    detail:
                        "This id was accepted with other content, as version \(accepted.version)."
                )
        }
        if submission.role < .editor {
            return .rejected(.roleTooLow, detail: "A viewer can't change this workspace.")
        }
        if !changeSet.concerned.isDisjoint(with: fate.rejected) {
            return .rejected(
                .dependsOnRejected, detail: "It touches a record of a rejected change set.")
        }
        if !changeSet.concerned.isDisjoint(with: fate.deferred) {
            return .deferred(
                .dependsOnDeferred, detail: "It touches a record of a change set that waits.")
        }
        if changeSet.schema > workspace.schema.version {
            return .deferred(
                .schemaNewer,
                detail:
                    "It was written under schema \(changeSet.schema); the server has \(workspace.schema.version)."
            )
        }
        if let excess = changeSet.excess { return .rejected(.tooLarge, detail: excess) }
        if let quota = submission.quota,
            try Workspace.usedBytes(db) + Int64(changeSet.storedBytes.count) > quota
        {
            return .deferred(.quotaFull, detail: "The workspace may take \(quota) bytes.")
        }
        return nil
    }

    private mutating func accept(
        _ delivery: Delivery, _ hash: Hash, _ submission: Workspace.Submission
    ) throws -> Verdict {
        let changeSet = delivery.changeSet
        try changeSet.checkForm()
        try changeSet.validate(workspace.schema)
        for base in changeSet.bases where base.epoch == workspace.epoch && base.version > head {
            throw InvalidValue(
                "its base \(base.version) is not yet", "Sync, then make the edit again.")
        }
        try ledger.validateReferences(changeSet, workspace.schema)
        let version = head + 1
        let accepted = max(now, lastAccepted)
        let replica = submission.request.replica
        let acceptance = Acceptance(
            version: version, epoch: workspace.epoch, author: submission.member,
            accepted: accepted, shift: now.subtractingReportingOverflow(submission.request.sent).0,
            seen: try ledger.seen(by: changeSet),
            previousEditTime: try ledger.editTime(of: replica),
            acceptedAt: try ledger.acceptanceTimes(of: changeSet))
        let merge = try Merge(changeSet, into: ledger, acceptance, schema: workspace.schema)
        var entry = Entry(
            version: version, changeSet: changeSet, author: submission.member, replica: replica,
            number: delivery.number, accepted: accepted, shift: acceptance.shift,
            effects: merge.isMerged ? merge.effects : nil)
        entry.receipt = Receipt.make(for: entry, epoch: workspace.epoch, key: workspace.receiptKey)
        var newDigest = digest
        var newBuckets = buckets
        for effect in merge.effects {
            try ledger.apply(effect, version, &newDigest, &newBuckets)
        }
        try ledger.record(merge, version)
        let next = HistoryDigest.next(
            after: historyDigest, changeSet: hash,
            effects: changeSet.effectsHash(merge.effects), author: submission.member,
            accepted: accepted)
        try HistoryTables.append(db, entry, hash: hash, digest: next)
        try db.cachedStatement(
            sql: "INSERT INTO ting_state_digest (version, digest) VALUES (?, ?)"
        ).execute(arguments: [version, Data(newDigest.hash.bytes)])
        try ledger.note(replica, submission.member, editTime: merge.editTime)
        (head, lastAccepted, historyDigest) = (version, accepted, next)
        (digest, buckets) = (newDigest, newBuckets)
        return merge.isMerged ? .merged(version) : .applied(version)
    }

    func finish() throws {
        try HistoryTables.store(db, digest, buckets: buckets)
    }
}

extension ChangeSet {
    /// The records that it edits.
    package var touched: Set<RecordID> { Set(operations.map(\.record)) }

    /// The records that it edits or refers to.
    package var concerned: Set<RecordID> {
        var found = touched
        for operation in operations {
            for edit in operation.fields {
                for text in [edit.after.text].compactMap({ $0 }) + edit.after.elements {
                    if let id = RecordID(text) { found.insert(id) }
                }
            }
        }
        return found
    }
}
