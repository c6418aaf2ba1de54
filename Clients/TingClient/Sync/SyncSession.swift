// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
public import TingCore
public import TingStore

/// What carries a replica's requests to the server of its workspace.
public protocol SyncLine: Sendable {
    func exchange(_ request: SyncRequest) async throws -> SyncResponse
    func mend(_ request: MendRequest) async throws -> MendResponse
    func giveBack(_ request: GiveBackRequest) async throws -> GiveBackResponse
    /// Downloads a snapshot, checks it, and gives its path; the caller removes it.
    func snapshot() async throws -> String
}

/// Brings a replica and its server to the same version: one exchange where that is enough.
///
/// A request that got no answer is sent again, at once known to the server if it had arrived.
public struct SyncSession: Sendable {
    let replica: Replica
    let line: any SyncLine
    let clock: any Clock<Duration>
    /// How long transient failures are tried again before they are shown.
    let patience: Duration
    /// Milliseconds since 1970, for `status`.
    let now: @Sendable () -> Int64
    let leavesDigest: Bool

    /// - Parameters:
    ///   - clock: What waiting between tries is measured by; tests advance it.
    ///   - leavesDigest: Whether a clone's first sync reports no state digest of its own, and leaves the
    ///     computing to the next one: it takes longer than the clone itself.
    public init(
        _ replica: Replica, over line: any SyncLine, clock: any Clock<Duration>,
        patience: Duration, leavesDigest: Bool = false, now: @escaping @Sendable () -> Int64
    ) {
        self.replica = replica
        self.line = line
        self.clock = clock
        self.patience = patience
        self.now = now
        self.leavesDigest = leavesDigest
    }

    /// A session over a connection, on the machine's clock.
    /// - Parameter leavesDigest: Whether a clone's first sync reports no state digest of its own.
    public init(
        _ replica: Replica, over connection: ServerConnection, leavesDigest: Bool = false,
        now: @escaping @Sendable () -> Int64
    ) throws {
        let line = WorkspaceLine(
            connection: connection, slug: try replica.identity().workspace, path: replica.path,
            outbox: { try? replica.waiting($0) })
        self.init(
            replica, over: line, clock: ContinuousClock(), patience: connection.timeout,
            leavesDigest: leavesDigest, now: now)
    }

    public typealias Outcome = SyncOutcome

    /// How far a sync is.
    public struct Step: Sendable {
        public var version: Version
        public var head: Version
        public var sent: Int
    }

    /// Seals what other tools wrote, then exchanges until both ends are at the head.
    ///
    /// How it ended is noted for `status`, whichever way; but for a cancelled task.
    /// - Throws: `CancellationError`, `ClientError`, `ReplicaError`, `SchemaError`, `DatabaseError`.
    public func run(progress: @Sendable (Step) -> Void = { _ in }) async throws -> SyncOutcome {
        do {
            let outcome = try await carryOut(progress)
            // What was exchanged is done, whatever becomes of the note of it.
            try? replica.note(error: nil, nextRetry: nil, synced: now())
            return outcome
        } catch let error as CancellationError {
            // Who gave it up knows why; of the server no more is known than before.
            throw error
        } catch {
            try? replica.note(error: Self.sentence(error), nextRetry: nil, synced: nil)
            if (error as? ClientError)?.code == "workspace_not_found" {
                try? replica.noteRemoval()
            }
            throw error
        }
    }

    private func carryOut(_ progress: (Step) -> Void) async throws -> SyncOutcome {
        var run = SyncRun(replica, patience: patience, leavesDigest: leavesDigest)
        do {
            return try await carryOut(&run, progress)
        } catch let error as ClientError {
            guard let reason = run.startingOver else { throw error }
            throw Self.unfinished(reason, error)
        }
    }

    /// An error that came while a replica changes to another history says that this is not done.
    private static func unfinished(
        _ reason: SyncPlan.StartOver, _ error: ClientError
    ) -> ClientError {
        let what =
            switch reason {
            case .anotherEpoch, .otherHistory:
                "The server was restored, and this replica has not yet given back what it lost."
            case .belowFloor:
                "The server no longer keeps the history since the last sync; its snapshot did not come yet."
            case .notMended:
                "The records here differ from the server's; its snapshot did not come yet."
            }
        var error = error
        error.sentence = "\(what) \(error.sentence)"
        return error
    }

    private func carryOut(
        _ run: inout SyncRun, _ progress: (Step) -> Void
    ) async throws -> SyncOutcome {
        var foreseen = ForeseenExchange(over: line)
        do {
            let outcome = try await carryOut(&run, &foreseen, progress)
            await foreseen.end()
            return outcome
        } catch {
            await foreseen.end()
            throw error
        }
    }

    private func carryOut(
        _ run: inout SyncRun, _ foreseen: inout ForeseenExchange, _ progress: (Step) -> Void
    ) async throws -> SyncOutcome {
        var action = try run.begin()
        var lost: (any Error)?
        while true {
            switch action {
            case .send(let request):
                let began = ContinuousClock.now
                do {
                    action = try run.received(
                        try await foreseen.exchange(
                            request, ignoringDigest: run.ignoresDigest))
                } catch let error as ClientError where error.mayPass {
                    lost = error
                    action = try run.notAnswered(
                        jitter: .random(in: 0...1), atLeast: error.retryAfter ?? .zero,
                        took: .now - began)
                }
                progress(
                    Step(
                        version: run.outcome.version, head: run.outcome.head,
                        sent: run.outcome.summary.sent))
            case .askForMending(let request):
                action = try run.received(try await insisting { try await line.mend(request) })
            case .wait(let duration):
                try await clock.sleep(for: duration)
                action = try run.waited()
            case .giveBack(let request):
                action = try run.received(
                    try await insisting { try await line.giveBack(request) })
            case .fetchSnapshot:
                let path = try await line.snapshot()
                defer { unlink(path) }
                action = try run.startOver(from: path)
            case .finish: return run.outcome
            case .fail(let failure): throw Self.error(failure, after: lost)
            }
        }
    }

    /// The answer to a request that mends or gives back: one that got none is sent again, by the rule
    /// for exchanges.
    private func insisting<Answer>(_ ask: () async throws -> Answer) async throws -> Answer {
        var plan = SyncPlan(patience: patience)
        while true {
            let began = ContinuousClock.now
            do { return try await ask() } catch let error as ClientError where error.mayPass {
                let step = plan.step(
                    .notAnswered(
                        jitter: .random(in: 0...1), atLeast: error.retryAfter ?? .zero,
                        took: .now - began))
                guard case .wait(let duration) = step else { throw error }
                try await clock.sleep(for: duration)
            }
        }
    }

    /// What `status` tells: what happened, and what to do.
    static func sentence(_ error: any Error) -> String {
        switch error {
        case let error as DatabaseError:
            let problem = problem(error.resultCode)
            return "\(problem.sentence) \(problem.remedy)"
        case ReplicaError.closed:
            return
                "The replica was closed while it synced. Run `ting sync` again; unsynced edits are kept."
        case ReplicaError.digestDiffers(let version):
            return
                "What arrived does not give the state that the server has at version \(version). Run `ting sync` again; unsynced edits are kept."
        case let error as any ExplainedError: return "\(error.sentence) \(error.remedy)"
        case is StoredFormError, is CBORError, is RowDecodingError:
            let problem = problem(.SQLITE_CORRUPT)
            return "\(problem.sentence) \(problem.remedy)"
        default:
            return "The sync failed: \(error). Run `ting sync` again; unsynced edits are kept."
        }
    }

    /// What went wrong with the replica's file, for programs and in plain words.
    static func problem(
        _ code: ResultCode
    ) -> (code: String, sentence: String, remedy: String) {
        switch code {
        case .SQLITE_FULL:
            (
                "storage_full", "The disk is full: what arrived was not kept.",
                "Free some space, then run `ting sync`."
            )
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            (
                "busy",
                "The replica is busy: another `ting` or SQLite tool has been writing to it all the time.",
                "Let that program finish, or end its open transaction; then run `ting sync`."
            )
        case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM:
            (
                "not_writable", "The replica's file can't be written.",
                "Check the permissions of the file and its folder."
            )
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            (
                ReplicaError.damaged("").code, "The replica's file is damaged.",
                ReplicaError.damaged("").remedy
            )
        default:
            (
                "not_writable",
                "The replica's file can't be read or written (SQLite code \(code.rawValue)).",
                "Run `ting sync` again; if it stays, check the disk."
            )
        }
    }

    private static func error(
        _ failure: SyncPlan.Failure, after lost: (any Error)?
    ) -> any Error {
        switch failure {
        case .notAnswered:
            return lost ?? stuck(0)
        case .noProgress(let version): return stuck(version)
        case .stateDiffers, .startsOverAgain(.notMended):
            return ClientError(
                .requestWide, code: "digest_differs",
                "This replica and the server hold different records, and mending did not help.",
                remedy: "Run `ting verify`, and tell the operator to run `tingd verify`.")
        case .startsOverAgain(.belowFloor):
            return ClientError(
                .requestWide, code: "history_differs",
                "The server drops its history faster than this replica takes its snapshots.",
                remedy:
                    "Nothing is lost, and editing goes on; run `ting sync` again in an hour, and ask the operator to keep more history (`tingd compact --keep`)."
            )
        case .startsOverAgain(.anotherEpoch), .startsOverAgain(.otherHistory):
            return ClientError(
                .requestWide, code: "history_differs",
                "The server's history keeps changing under this replica.",
                remedy:
                    "Nothing is lost, and editing goes on; tell the operator, and try again in an hour."
            )
        }
    }

    private static func stuck(_ version: Version) -> ClientError {
        ClientError(
            .transient, code: "no_progress",
            "The server answered without going on from version \(version).",
            remedy: "Run `ting sync` again; if it stays, tell the operator.")
    }
}

extension DatabaseError {
    /// Whether the same write may succeed in a little while, when somebody has made room.
    var mayPass: Bool { [.SQLITE_FULL, .SQLITE_BUSY, .SQLITE_LOCKED].contains(resultCode) }
}

/// The calls of a sync, for one workspace of a connection.
package struct WorkspaceLine: SyncLine {
    let connection: ServerConnection
    let slug: String
    /// The replica's file: a snapshot is downloaded beside it.
    let path: String
    /// Finds a change set in the replica's outbox, by its hash: entries of its own leave it out.
    let outbox: @Sendable (Hash) -> ChangeSet?

    package init(
        connection: ServerConnection, slug: String, path: String,
        outbox: @escaping @Sendable (Hash) -> ChangeSet? = { _ in nil }
    ) {
        self.connection = connection
        self.slug = slug
        self.path = path
        self.outbox = outbox
    }

    package func exchange(_ request: SyncRequest) async throws -> SyncResponse {
        try await connection.sync(slug, request, outbox: outbox)
    }

    package func mend(_ request: MendRequest) async throws -> MendResponse {
        try await connection.mend(slug, request)
    }

    package func giveBack(_ request: GiveBackRequest) async throws -> GiveBackResponse {
        try await connection.giveBack(slug, request)
    }

    package func snapshot() async throws -> String {
        let download = SnapshotDownload(slug, from: connection, to: path + ".snapshot")
        _ = try await download.run { _, _ in }
        return download.partial
    }
}

extension ClientError {
    /// Whether the same request, sent again in a little while, may be answered.
    var mayPass: Bool { scope == .transient && code != "server_not_reached" }
}
