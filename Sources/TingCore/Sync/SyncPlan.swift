// SPDX-License-Identifier: Apache-2.0

/// The replica's end of a sync: decides what it does next.
///
/// Facts in, steps out: no socket, clock or database. Whoever drives it carries out the one step it
/// gave last, and tells what came of it.
/// - SeeAlso: `Protocol/spec/sync.md`.
public struct SyncPlan: Equatable, Sendable {
    public enum Step: Equatable, Sendable {
        /// Send where the replica stands, with a page of the outbox after the number, and integrate
        /// the answer. Beforehand known to differ, it is not asked for the state's digest.
        case exchange(after: Int64, checking: DigestCheck)
        /// Wait, then tell `.waited`.
        case wait(Duration)
        /// Compare the records with the server's by buckets, and put right what differs.
        case mend
        /// Give back what the server lost, and go on from its snapshot, the outbox on top.
        case startOver(StartOver)
        /// Both ends are at the head and hold the same, as far as the replica has computed what it holds.
        case finish
        case fail(Failure)
    }

    /// What came of the last step.
    public enum Fact: Equatable, Sendable {
        case begin
        case integrated(Progress)
        /// No answer, or one that says to try again, and after how long at the earliest; `jitter` is
        /// 0 to 1, drawn anew each time. `took` is how long it was waited for.
        case notAnswered(jitter: Double, atLeast: Duration = .zero, took: Duration = .zero)
        case waited
        /// The records don't give the digest that the history asks for.
        case stateDiffers
        /// The server's history is another one, or no longer reaches back to here.
        case historyDiffers(StartOver)
        /// Buckets were compared; whether the digests agree now, or at least in more buckets.
        case mended(agrees: Bool, progressed: Bool)
        /// The buckets are of another version than the replica's: somebody wrote meanwhile.
        case mendedLate
        case startedOver
    }

    /// Where the replica stands after an answer was integrated.
    public struct Progress: Equatable, Sendable {
        public var version: Version
        public var head: Version
        /// Whether the exchange brought the replica any further.
        public var moved: Bool
        /// The number of the last delivery that was sent; `nil` for none.
        public var sent: Int64?
        /// Whether the outbox holds more after it.
        public var isMoreWaiting: Bool
        /// Whether the replica took a new id: its outbox has new numbers.
        public var renamed: Bool

        public init(
            version: Version, head: Version, moved: Bool, sent: Int64?, isMoreWaiting: Bool,
            renamed: Bool
        ) {
            self.version = version
            self.head = head
            self.moved = moved
            self.sent = sent
            self.isMoreWaiting = isMoreWaiting
            self.renamed = renamed
        }
    }

    /// Why a replica starts over from a snapshot.
    public enum StartOver: String, Equatable, Sendable {
        /// The server was restored, moved or wiped: its history has another epoch.
        case anotherEpoch
        /// The server's files were copied back: same epoch, other history.
        case otherHistory
        /// The history between is no longer sent.
        case belowFloor
        /// The records could not be mended one by one.
        case notMended
    }

    public enum Failure: Equatable, Sendable {
        /// The line or the server failed until the patience ended.
        case notAnswered
        /// The server answered without going on.
        case noProgress(Version)
        /// Even a fresh snapshot does not give the server's digest.
        case stateDiffers
        /// It started over more often than can be right.
        case startsOverAgain(StartOver)
    }

    /// How long failures that pass are tried again before they are shown.
    private let patience: Duration
    private var backoff = Backoff()
    private var waited = Duration.zero
    private var after: Int64 = 0
    private var checking = DigestCheck.stateAndHistory
    private var startedOver = 0
    /// How often it was about to: a server that changes as it is given back is asked anew.
    private var beginnings = 0
    private var late = 0
    private var mendings = 0
    private var renamings = 0

    /// - Parameter patience: How long failures that pass are tried again before they are shown.
    public init(patience: Duration) { self.patience = patience }

    public mutating func step(_ fact: Fact) -> Step {
        switch fact {
        case .begin, .waited: return exchange
        case .integrated(let progress): return next(progress)
        case .notAnswered(let jitter, let least, let took):
            let wait = max(backoff.failed(jitter: jitter), least)
            waited += took + wait
            return waited < patience ? .wait(wait) : .fail(.notAnswered)
        case .stateDiffers:
            guard checking == .stateAndHistory else { return startOver(.notMended) }
            // What is to be mended must be at the head first.
            (checking, after) = (.history, 0)
            return exchange
        case .historyDiffers(let reason): return startOver(reason)
        case .mended(let agrees, let progressed):
            mendings += 1
            guard agrees || progressed && mendings < Limits.mendings else {
                return startOver(.notMended)
            }
            guard agrees else { return .mend }
            checking = .stateAndHistory
            return exchange
        case .mendedLate:
            late += 1
            // Where others write without a pause, mending never catches up.
            return late <= Limits.lateMendings ? exchange : startOver(.notMended)
        case .startedOver:
            startedOver += 1
            (checking, after, mendings) = (.stateAndHistory, 0, 0)
            return exchange
        }
    }

    private var exchange: Step { .exchange(after: after, checking: checking) }

    private mutating func next(_ progress: Progress) -> Step {
        backoff.succeeded()
        waited = .zero
        // After a new name the outbox has new numbers, and none is judged.
        after = progress.renamed ? 0 : progress.sent ?? after
        let isThere = progress.version >= progress.head && !progress.isMoreWaiting
        if isThere, !progress.renamed { return checking == .history ? .mend : .finish }
        if progress.renamed { renamings += 1 }
        guard progress.moved || progress.renamed || isThere, renamings <= Limits.renamings else {
            return .fail(.noProgress(progress.version))
        }
        return exchange
    }

    private mutating func startOver(_ reason: StartOver) -> Step {
        beginnings += 1
        guard startedOver < Limits.startOverLimit, beginnings <= 4 * Limits.startOverLimit
        else { return .fail(.startsOverAgain(reason)) }
        return .startOver(reason)
    }
}

/// Which digests a replica holds an answer to.
public enum DigestCheck: Equatable, Sendable {
    case stateAndHistory
    /// The records are known to differ and are about to be mended.
    case history
}
