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
        case startOver(SyncPlan.StartOver)
        case finish
        case fail(SyncPlan.Failure)
    }

    public private(set) var outcome = SyncOutcome()
    private let replica: Replica
    private var plan: SyncPlan
    private var request: SyncRequest?
    private var check = DigestCheck.stateAndHistory

    /// - Parameter patience: How long failures that pass are tried again before they are shown.
    public init(_ replica: Replica, patience: Duration) {
        self.replica = replica
        plan = SyncPlan(patience: patience)
    }

    public mutating func begin() throws -> Action {
        outcome.from = try replica.identity().base.version
        outcome.version = outcome.from
        return try perform(plan.step(.begin))
    }

    /// An answer came to the request sent last.
    public mutating func received(_ response: SyncResponse) throws -> Action {
        guard let request else { return try perform(plan.step(.waited)) }
        outcome.exchanges += 1
        var came = IntegrateSummary()
        defer { outcome.summary.add(came) }
        do {
            try replica.integrate(response, to: request, checking: check, into: &came)
        } catch ReplicaError.digestDiffers {
            return try perform(plan.step(.stateDiffers))
        } catch ReplicaError.historyDiffers(let reason) {
            outcome.head = response.head
            return try perform(plan.step(.historyDiffers(reason)))
        }
        let base = try replica.identity().base
        outcome.version = base.version
        outcome.head = max(response.head, base.version)
        let sent = request.deliveries.last?.number
        let progress = SyncPlan.Progress(
            version: base.version, head: response.head,
            moved: base != request.base || sent != nil, sent: sent,
            isMoreWaiting: try replica.isWaiting(after: came.renamed ? 0 : sent ?? lastSent),
            renamed: came.renamed)
        if let sent { lastSent = came.renamed ? 0 : sent }
        return try perform(plan.step(.integrated(progress)))
    }

    /// The number of the delivery sent last.
    private var lastSent: Int64 = 0

    /// The server's records of the buckets that differ came.
    public mutating func received(_ answer: MendResponse) throws -> Action {
        let mended = try replica.mend(answer)
        outcome.mended += mended.records
        return try perform(
            plan.step(.mended(agrees: mended.agrees, progressed: mended.records > 0)))
    }

    /// The request got no answer. `jitter` is 0 to 1, drawn anew each time.
    public mutating func notAnswered(jitter: Double) throws -> Action {
        try perform(plan.step(.notAnswered(jitter: jitter)))
    }

    /// The wait is over.
    public mutating func waited() throws -> Action { try perform(plan.step(.waited)) }

    /// The replica goes on from a snapshot of the server.
    public mutating func startedOver() throws -> Action {
        outcome.startedOver = true
        lastSent = 0
        return try perform(plan.step(.startedOver))
    }

    private mutating func perform(_ step: SyncPlan.Step) throws -> Action {
        switch step {
        case .exchange(let after, let check):
            self.check = check
            let request = try replica.nextRequest(after: after)
            self.request = request
            return .send(request)
        case .wait(let duration): return .wait(duration)
        case .mend: return .askForMending(try replica.mendRequest())
        case .startOver(let reason): return .startOver(reason)
        case .finish: return .finish
        case .fail(let failure): return .fail(failure)
        }
    }
}

/// What a sync came to.
public struct SyncOutcome: Equatable, Sendable {
    public var summary = IntegrateSummary()
    /// The versions before and after, and the newest heard of.
    public var from: Version = 0
    public var version: Version = 0
    public var head: Version = 0
    public var exchanges = 0
    /// Records that differed from the server's and were put right.
    public var mended = 0
    /// Whether the replica went on from a snapshot of the server.
    public var startedOver = false

    public init() {}
}
