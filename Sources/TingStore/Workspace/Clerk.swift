// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import TingCore

/// Judges deliveries within one transaction.
struct Clerk {
    private let workspace: Workspace
    private let db: Database
    private let now: Int64
    private var ledger: Ledger
    private var head: Version
    private var lastAccepted: Int64
    private var historyDigest: Hash
    private var digest: StateDigest
    private let firstVersion: Version
    /// What aligning texts has cost in this transaction.
    private var mergeSteps = 0
    private let began = Replica.uptime()

    init(_ workspace: Workspace, _ db: Database, now: Int64) throws {
        self.workspace = workspace
        self.db = db
        self.now = now
        ledger = Ledger(db: db, tables: workspace.tables, epoch: try Workspace.epoch(db))
        head = try HistoryTables.head(db)
        firstVersion = head + 1
        lastAccepted =
            try Int64.storedOne(
                db, sql: "SELECT accepted FROM history WHERE version = ?", arguments: [head]) ?? 0
        historyDigest = try HistoryTables.digest(db, at: head) ?? .zero
        digest = try HistoryTables.stateDigest(db)
        // On rotten sums no replica could ever agree again.
        guard try digest.hash == Workspace.stateDigest(db, at: head) else {
            throw ReplicaError.damaged("the state digest")
        }
    }

    mutating func judge(_ submission: Workspace.Submission) throws -> Workspace.Judgement {
        var judgement = submission.earlier ?? Workspace.Judgement()
        judgement.appended = nil
        // A base in another history says nothing about this one: the replica must hear of it first.
        guard
            try workspace.isShared(
                db, submission.request.base, submission.request.historyDigest)
        else { return judgement }
        let most = try seenLimit(submission)
        try ledger.keep(
            submission.request.links.prefix(most).filter { $0.seen.count <= most })
        let (before, judged) = (head, judgement.verdicts.count)
        for delivery in submission.request.deliveries.dropFirst(judged) {
            // Others wait for this transaction: what is left unjudged comes again (sync.md#response).
            if isLong, judgement.verdicts.count > judged { break }
            guard let verdict = try judge(delivery, submission, &judgement.fate) else {
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

    /// Whether this transaction has taken as much as one may.
    private var isLong: Bool {
        mergeSteps >= workspace.mergeStepLimit || workspace.hasJudgedLong(since: began)
    }

    /// The longest list of what an author had seen that is kept, and the most links of a request. A list that
    /// no change set may have was not sealed by Ting. Whoever may write no more fills no disk with lists.
    private func seenLimit(_ submission: Workspace.Submission) throws -> Int {
        guard submission.role >= .editor else { return Limits.viewerSeenLimit }
        let isFull = try submission.quota.map { try Workspace.usedBytes(db) > $0 } ?? false
        return isFull ? Limits.viewerSeenLimit : Limits.deliveryLimit
    }

    /// The verdict, or `nil` for a clash.
    private mutating func judge(
        _ delivery: Delivery, _ submission: Workspace.Submission, _ fate: inout Workspace.Fate
    ) throws -> Verdict? {
        let changeSet = delivery.changeSet
        let hash = changeSet.hash
        let replica = submission.request.replica
        guard try ledger.owner(of: replica) ?? submission.member == submission.member else {
            return nil
        }
        if let known = try ledger.delivery(replica, delivery.number) {
            guard known.changeSet == changeSet.id, known.hash == hash else { return nil }
            if case .rejected = known.verdict { fate.rejected.formUnion(changeSet.touched) }
            return known.verdict
        }
        let body = changeSet.storedBytes
        var verdict = try verdict(changeSet, hash, size: body.count, submission, fate)
        if verdict == nil {
            do {
                try db.inSavepoint {
                    verdict = try accept(
                        Arrival(
                            changeSet: changeSet, hash: hash, body: body,
                            author: submission.member,
                            replica: replica, number: delivery.number,
                            shift: now.subtractingReportingOverflow(submission.request.sent).0))
                    return .commit
                }
            } catch let invalid as InvalidValue {
                verdict = .rejected(invalid)
            } catch let stray as StrayReference {
                verdict =
                    changeSet.schema > workspace.schema.version
                    ? .deferred(changeSet.schema, workspace.schema, stray.invalid)
                    : .rejected(stray.invalid)
            } catch is Merge.TooLarge {
                verdict = .rejected(
                    .tooLarge,
                    detail:
                        "With what others wrote meanwhile it would come to more than \(Limits.effectsByteLimit) bytes."
                )
            }
        }
        guard let verdict else { return nil }
        switch verdict {
        case .rejected: fate.rejected.formUnion(changeSet.touched)
        case .deferred:
            // The verdict is not remembered, but what its author had seen is.
            if try changeSet.seen.count <= seenLimit(submission) {
                try ledger.keep([SeenLink(hash: hash, seen: changeSet.seen)])
            }
            fate.deferred.formUnion(changeSet.touched)
            return verdict
        case .applied, .merged: break
        }
        var judged = delivery
        // What an oversized list names is not kept.
        if try changeSet.seen.count > seenLimit(submission) { judged.changeSet.seen = [] }
        try ledger.record(verdict, judged, hash, replica, submission.member)
        return verdict
    }

    /// The verdict that needs no merge, if there is one.
    private func verdict(
        _ changeSet: ChangeSet, _ hash: Hash, size: Int, _ submission: Workspace.Submission,
        _ fate: Workspace.Fate
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
        if let deferral = try deferral(of: changeSet) { return deferral }
        if let excess = changeSet.excess(size: size) { return .rejected(.tooLarge, detail: excess) }
        if let quota = submission.quota,
            try Workspace.usedBytes(db) + Int64(size) > quota
        {
            return .deferred(.quotaFull, detail: "The workspace may take \(quota) bytes.")
        }
        return nil
    }

    /// The verdict on what its own schema has and this older one does not. What no schema allows is
    /// rejected, as any.
    private func deferral(of changeSet: ChangeSet) throws -> Verdict? {
        let schema = workspace.schema
        guard changeSet.schema > schema.version else { return nil }
        do throws(InvalidValue) {
            try changeSet.checkForm()
            try changeSet.validateForm()
        } catch {
            return .rejected(error)
        }
        let kept = try ledger.kept(by: changeSet)
        do throws(InvalidValue) {
            try changeSet.validate(schema, sparing: kept)
            return nil
        } catch {
            return .deferred(changeSet.schema, schema, error)
        }
    }

    /// A change set as it came, or comes back: who wrote it where, and when it was first accepted.
    private struct Arrival {
        var changeSet: ChangeSet
        var hash: Hash
        /// Its stored bytes.
        var body: [UInt8]
        var author: MemberID
        var replica: ReplicaID
        var number: Int64
        /// When it was accepted first; `nil` for one that is new.
        var firstAccepted: Int64?
        var shift: Int64
    }

    private mutating func accept(_ arrival: Arrival) throws -> Verdict {
        let (changeSet, hash) = (arrival.changeSet, arrival.hash)
        ledger.memory.forgetRecords(for: changeSet)
        try changeSet.checkForm()
        try changeSet.validate(workspace.schema, sparing: ledger.kept(by: changeSet))
        for base in changeSet.bases where base.epoch == ledger.epoch && base.version > head {
            throw InvalidValue(
                "its base \(base.version) is not yet", "Sync, then make the edit again.")
        }
        try ledger.validateReferences(changeSet, workspace.schema)
        let version = head + 1
        // Times of acceptance never go back; edit times are held to the first acceptance.
        let accepted = max(arrival.firstAccepted ?? now, lastAccepted)
        let seen = try ledger.seen(by: changeSet)
        var acceptance = Acceptance(
            version: version, epoch: ledger.epoch, author: arrival.author,
            accepted: arrival.firstAccepted ?? accepted,
            shift: arrival.shift, seen: seen,
            previousEditTime: try ledger.editTime(of: arrival.replica),
            acceptedAt: try ledger.acceptanceTimes(of: changeSet),
            earlierName: try ledger.earlierNames(of: changeSet))
        acceptance.mergeSteps = workspace.mergeStepLimit
        let merge = try Merge(changeSet, into: ledger, acceptance, schema: workspace.schema)
        mergeSteps += acceptance.mergeSteps - merge.stepsLeft
        let outcome = merge.isMerged ? Effect.storedBytes(merge.effects) : nil
        guard outcome?.count ?? 0 <= Limits.effectsByteLimit else { throw Merge.TooLarge() }
        var entry = Entry(
            version: version, changeSet: changeSet, author: arrival.author,
            replica: arrival.replica, number: arrival.number, accepted: accepted,
            shift: arrival.shift, effects: merge.isMerged ? merge.effects : nil)
        entry.receipt = Receipt.make(
            for: entry, hash: hash, epoch: ledger.epoch, key: workspace.receiptKey)
        var newDigest = digest
        for effect in merge.effects { try ledger.apply(effect, version, &newDigest) }
        try ledger.record(merge, version)
        let next = HistoryDigest.next(
            after: historyDigest, changeSet: hash, effects: changeSet.effectsHash(merge.effects),
            author: arrival.author, accepted: accepted)
        let new = NewEntry(
            entry, merge.effects, hash: hash, digest: next, body: arrival.body,
            outcome: outcome)
        try HistoryTables.append(db, new)
        let state = try HotStatement(
            db, "INSERT INTO ting_state_digest (version, digest, entry_hash) VALUES (?, ?, ?)")
        state.bind(version, at: 1)
        state.bind(newDigest.hash, at: 2)
        state.bind(new.bytesHash, at: 3)
        try state.run()
        try ledger.note(arrival.replica, arrival.author, editTime: merge.editTime)
        ledger.note(changeSet, hash, version, seen: seen)
        (head, lastAccepted, historyDigest) = (version, accepted, next)
        digest = newDigest
        return merge.isMerged ? .merged(version) : .applied(version)
    }

    /// Learns what those change sets list that come behind one that lists them: rejected at first, they were
    /// accepted after it, and this history doesn't know of that rejection.
    func learn(_ changeSets: [ChangeSet]) throws {
        guard changeSets.contains(where: { !$0.seen.isEmpty }) else { return }
        var listed: Set<Hash> = []
        for changeSet in changeSets {
            let hash = changeSet.hash
            if listed.contains(hash) {
                try ledger.keep([SeenLink(hash: hash, seen: changeSet.seen)])
            }
            listed.formUnion(changeSet.seen)
        }
    }

    /// Takes an entry of another epoch back as itself; `false` if this history can't hold it.
    mutating func takeBack(_ entry: Entry, as epoch: Epoch) throws -> Bool {
        let changeSet = entry.changeSet
        let hash = changeSet.hash
        if let known = try ledger.accepted(changeSet.id) {
            guard known.hash == hash else { return false }
            if epoch != ledger.epoch { try ledger.name(known.version, entry.version, in: epoch) }
            return true
        }
        var verdict: Verdict?
        do {
            try db.inSavepoint {
                verdict = try accept(
                    Arrival(
                        changeSet: changeSet, hash: hash, body: changeSet.storedBytes,
                        author: entry.author, replica: entry.replica, number: entry.number,
                        firstAccepted: entry.accepted, shift: entry.shift))
                return .commit
            }
        } catch is InvalidValue {
            return false
        } catch is StrayReference {
            return false
        } catch is Merge.TooLarge {
            return false
        }
        guard let verdict else { return false }
        try ledger.record(
            verdict, Delivery(number: entry.number, changeSet: changeSet), hash, entry.replica,
            entry.author)
        try ledger.name(head, entry.version, in: epoch)
        return true
    }

    func finish() throws {
        if head >= firstVersion { try HistoryTables.store(db, digest) }
    }
}

extension Verdict {
    fileprivate static func rejected(_ invalid: InvalidValue) -> Verdict {
        .rejected(.invalidValue, detail: "\(invalid.problem). \(invalid.remedy)")
    }

    /// What the server's schema does not allow, as the newer one may under which it was written.
    fileprivate static func deferred(
        _ version: Int, _ schema: Schema, _ invalid: InvalidValue
    ) -> Verdict {
        .deferred(
            .schemaNewer,
            detail:
                "It was written under schema \(version); the server has \(schema.version): \(invalid.problem)."
        )
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
