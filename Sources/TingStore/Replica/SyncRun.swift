// SPDX-License-Identifier: Apache-2.0

public import TingCore

/// One sync of a replica: the plan of `SyncPlan`, carried out on the file. The line and the clock
/// belong to the caller, who does the one thing that each call gives back.
public struct SyncRun {
    /// What the caller is to do.
    public enum Action: Equatable, Sendable {
        case send(SyncRequest)
        case wait(Duration)
        case askForMending(MendRequest)
        case giveBack(GiveBackRequest)
        /// Download a snapshot and check it, then tell `startOver(from:)`.
        case fetchSnapshot
        case finish
        case fail(SyncPlan.Failure)
    }

    public private(set) var outcome = SyncOutcome()
    /// Why the replica is on its way to another history, until it has changed to it.
    public private(set) var startingOver: SyncPlan.StartOver?
    private let replica: Replica
    private var plan: SyncPlan
    private var request: SyncRequest?
    private var check = DigestCheck.stateAndHistory
    private let leavesDigest: Bool
    /// Whether the request sent last reported no state digest because the clone has none yet.
    private var isLeft = false

    /// - Parameters:
    ///   - patience: How long failures that pass are tried again before they are shown.
    ///   - leavesDigest: Whether a clone leaves the computing of its state digest to its second sync. This
    ///     one then reports none, and mends nothing that came wrong with the snapshot.
    public init(_ replica: Replica, patience: Duration, leavesDigest: Bool = false) {
        self.replica = replica
        self.leavesDigest = leavesDigest
        plan = SyncPlan(patience: patience)
    }

    public mutating func begin() throws -> Action {
        outcome.from = try replica.identity().base.version
        outcome.version = outcome.from
        if let doubt = try replica.doubt() {
            try replica.rebuildIndexes()
            // A rotten history can't be mended entry by entry: the server's snapshot has it whole.
            if doubt == .history {
                return try perform(plan.step(.historyDiffers(.notMended)))
            }
        }
        return try perform(plan.step(.begin))
    }

    /// Whether it goes on though no digest was reported to the server that could agree.
    public var ignoresDigest: Bool { check == .history || isLeft }

    /// An answer came to the request sent last.
    public mutating func received(_ response: SyncResponse) throws -> Action {
        guard let request else { return try perform(plan.step(.waited)) }
        outcome.exchanges += 1
        var came = IntegrateSummary()
        defer { outcome.summary.add(came) }
        do {
            try replica.integrate(response, to: request, checking: check, into: &came)
        } catch ReplicaError.schemaBehind where !hasAskedForSchema {
            hasAskedForSchema = true
            return try ask(after: lastSent, asksForSchema: true)
        } catch ReplicaError.digestDiffers {
            return try perform(plan.step(.stateDiffers))
        } catch ReplicaError.historyDiffers(let reason) {
            outcome.head = response.head
            // Where the server has what the entries here give, it is this file's own note of it that rotted.
            if reason == .otherHistory, response.historyDigest != .zero,
                try replica.recomputedHistory() == response.historyDigest
            {
                return try perform(plan.step(.historyDiffers(.notMended)))
            }
            given = try replica.lastInCommon(response.lineage, response.historyDigest)
            (returned, unproven, epoch) = ([], [], response.epoch)
            outcome.from = min(outcome.from, given)
            return try perform(plan.step(.historyDiffers(reason)))
        }
        for verdict in response.verdicts {
            if case .deferred = verdict.verdict { deferred.insert(verdict.changeSet) }
        }
        let base = try replica.identity().base
        outcome.version = base.version
        outcome.head = max(response.head, base.version)
        let sent = Self.lastJudged(of: request, response)
        let isMore = try replica.isWaiting(
            after: came.renamed ? 0 : sent ?? lastSent, deferred: deferred)
        // Edits that another process made meanwhile are a reason to go on, too.
        let progress = SyncPlan.Progress(
            version: base.version, head: response.head,
            moved: base != request.base || sent != nil || isMore, sent: sent,
            isMoreWaiting: isMore, renamed: came.renamed)
        if let sent { lastSent = came.renamed ? 0 : sent }
        return try perform(plan.step(.integrated(progress)))
    }

    /// The number after which the outbox goes on: a server may leave the last deliveries for the next
    /// request. Where it gave no verdict at all, or none that this program knows, it is passed by.
    private static func lastJudged(of request: SyncRequest, _ response: SyncResponse) -> Int64? {
        let judged = Set(response.verdicts.map(\.number))
        return request.deliveries.last { judged.contains($0.number) }?.number
            ?? request.deliveries.last?.number
    }

    /// The number of the delivery after which the next request goes on.
    private var lastSent: Int64 = 0
    private var hasAskedForSchema = false
    /// What the server could not judge in this sync.
    private var deferred: Set<ChangeSetID> = []

    /// The server's records of the buckets that differ came.
    public mutating func received(_ answer: MendResponse) throws -> Action {
        let mended = try replica.mend(answer)
        guard !mended.isLate else { return try perform(plan.step(.mendedLate)) }
        outcome.mended += mended.records
        return try perform(
            plan.step(.mended(agrees: mended.agrees, progressed: mended.progressed)))
    }

    /// The request got no answer, or one that asks to wait, and took so long. `jitter` is 0 to 1, drawn
    /// anew each time.
    public mutating func notAnswered(
        jitter: Double, atLeast least: Duration = .zero, took: Duration = .zero
    ) throws -> Action {
        try perform(plan.step(.notAnswered(jitter: jitter, atLeast: least, took: took)))
    }

    /// The wait is over.
    public mutating func waited() throws -> Action { try perform(plan.step(.waited)) }

    /// The entries of the page that is being given back, and up to which version all are; which of them the
    /// server has now, and which it can't prove.
    private var offered: [Version] = []
    private var given: Version = 0
    private var returned: [Version] = []
    /// The epoch that the server named when it was asked what it has.
    private var epoch: Epoch?
    private var unproven: [Version] = []
    private var reason = SyncPlan.StartOver.notMended

    /// The server said what it took back.
    public mutating func received(_ answer: GiveBackResponse) throws -> Action {
        // Another history than was asked what it has in common may lack more: it is asked how it stands.
        guard answer.epoch == epoch else { return try perform(plan.step(.waited)) }
        outcome.givenBack += answer.taken.count
        returned += answer.taken
        unproven += answer.refused
        let named = max(answer.taken.max() ?? 0, answer.refused.max() ?? 0)
        // What it passes over it can't prove; of a page of which it names nothing, nothing.
        let reached = named > given ? named : offered.last ?? given
        let told = Set(answer.taken + answer.refused)
        unproven += offered.filter { $0 <= reached && !told.contains($0) }
        given = reached
        return try giveBack()
    }

    /// A snapshot of the server lies at this path, checked.
    public mutating func startOver(from snapshot: String) throws -> Action {
        // The floor passed a clone on its way here: it takes a newer snapshot, and has lost nothing.
        let isClone = try reason == .belowFloor && replica.isUntouched()
        do {
            // Of another epoch it could lack what nobody has given back: that one is asked first.
            let expected =
                try epoch ?? (reason == .notMended ? replica.identity().base.epoch : nil)
            let change = try replica.startOver(
                from: snapshot, because: reason, epoch: expected, returned: returned,
                unproven: unproven, keepsOld: !isClone)
            outcome.unproven = change.unproven
            outcome.summary.conflicts += change.conflicts
        } catch ReplicaError.snapshotLacks {
            // The server lost once more what it was given back: it is asked how it stands.
            return try perform(plan.step(.waited))
        }
        if !isClone { outcome.startedOver = reason }
        startingOver = nil
        outcome.version = try replica.identity().base.version
        lastSent = 0
        return try perform(plan.step(.startedOver))
    }

    /// The next page of what the server lost; a snapshot when all is given back.
    private mutating func giveBack() throws -> Action {
        let request = try replica.giveBackRequest(after: given)
        offered = request.entries.map(\.version)
        return request.entries.isEmpty ? .fetchSnapshot : .giveBack(request)
    }

    private mutating func ask(after number: Int64, asksForSchema: Bool = false) throws -> Action {
        let request = try replica.nextRequest(
            after: number, deferred: deferred, asksForSchema: asksForSchema,
            leavesDigest: leavesDigest)
        self.request = request
        isLeft = try leavesDigest && replica.isDigestDue()
        return .send(request)
    }

    private mutating func perform(_ step: SyncPlan.Step) throws -> Action {
        switch step {
        case .exchange(let after, let check):
            self.check = check
            return try ask(after: after)
        case .wait(let duration): return .wait(duration)
        case .mend: return .askForMending(try replica.mendRequest())
        case .startOver(let reason):
            guard try !replica.hasStartedOverTooOften() else {
                return .fail(.startsOverAgain(reason))
            }
            // The epoch that began with what was given back is no accident of its own.
            let isSame = reason == .anotherEpoch && startingOver == .otherHistory
            self.reason = isSame ? .otherHistory : reason
            startingOver = self.reason
            switch reason {
            case .anotherEpoch, .otherHistory: return try giveBack()
            case .belowFloor, .notMended: return .fetchSnapshot
            }
        case .finish: return .finish
        case .fail(let failure): return .fail(failure)
        }
    }
}

/// What a sync came to.
public struct SyncOutcome: Equatable, Sendable {
    public var summary = IntegrateSummary()
    /// The versions before and after, and the newest heard of. Before it is the last one in common, where the
    /// server's history turned out to be another.
    public var from: Version = 0
    public var version: Version = 0
    public var head: Version = 0
    public var exchanges = 0
    /// Records that differed from the server's and were put right.
    public var mended = 0
    /// Why the replica went on from a snapshot of the server, if it did.
    public var startedOver: SyncPlan.StartOver?
    /// Change sets that the server had lost and was given back, and those of others that it could
    /// not take: they are in the file kept aside.
    public var givenBack = 0
    public var unproven = 0

    public init() {}
}
