// SPDX-License-Identifier: Apache-2.0

import Foundation
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

    /// - Parameter clock: What waiting between tries is measured by; tests advance it.
    public init(
        _ replica: Replica, over line: any SyncLine, clock: any Clock<Duration>,
        patience: Duration, now: @escaping @Sendable () -> Int64
    ) {
        self.replica = replica
        self.line = line
        self.clock = clock
        self.patience = patience
        self.now = now
    }

    /// A session over a connection, on the machine's clock.
    public init(
        _ replica: Replica, over connection: ServerConnection, now: @escaping @Sendable () -> Int64
    ) throws {
        let line = WorkspaceLine(
            connection: connection, slug: try replica.identity().workspace, path: replica.path)
        self.init(
            replica, over: line, clock: ContinuousClock(), patience: connection.timeout, now: now)
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
    /// How it ended is noted for `status`, whichever way.
    public func run(progress: @Sendable (Step) -> Void = { _ in }) async throws -> SyncOutcome {
        do {
            let outcome = try await carryOut(progress)
            try replica.note(error: nil, nextRetry: nil, synced: now())
            return outcome
        } catch {
            try? replica.note(error: Self.sentence(error), nextRetry: nil, synced: nil)
            throw error
        }
    }

    private func carryOut(_ progress: (Step) -> Void) async throws -> SyncOutcome {
        var run = SyncRun(replica, patience: patience)
        var action = try run.begin()
        var lost: (any Error)?
        while true {
            switch action {
            case .send(let request):
                do {
                    action = try run.received(try await line.exchange(request))
                } catch let error as ClientError where error.mayPass {
                    lost = error
                    action = try run.notAnswered(
                        jitter: .random(in: 0...1), atLeast: error.retryAfter ?? .zero)
                }
                progress(
                    Step(
                        version: run.outcome.version, head: run.outcome.head,
                        sent: run.outcome.summary.sent))
            case .askForMending(let request):
                action = try run.received(try await line.mend(request))
            case .wait(let duration):
                try await clock.sleep(for: duration)
                action = try run.waited()
            case .giveBack(let request):
                action = try run.received(try await line.giveBack(request))
            case .fetchSnapshot:
                let path = try await line.snapshot()
                defer { unlink(path) }
                action = try run.startOver(from: path)
            case .finish: return run.outcome
            case .fail(let failure): throw Self.error(failure, after: lost)
            }
        }
    }

    /// One sentence for `status`.
    static func sentence(_ error: any Error) -> String {
        guard let error = error as? ClientError else { return "The sync failed: \(error)." }
        return "\(error.sentence) \(error.remedy)"
    }

    private static func error(
        _ failure: SyncPlan.Failure, after lost: (any Error)?
    ) -> any Error {
        switch failure {
        case .notAnswered:
            return lost ?? stuck(0)
        case .noProgress(let version): return stuck(version)
        case .startsOverAgain:
            return ClientError(
                .requestWide, code: "history_differs",
                "The server's history keeps changing under this replica.",
                remedy:
                    "Nothing is lost, and editing goes on; tell the operator, and try again in an hour."
            )
        case .stateDiffers:
            return ClientError(
                .requestWide, code: "digest_differs",
                "This replica and the server hold different records, and mending did not help.",
                remedy: "Run `ting verify`, and tell the operator to run `tingd verify`.")
        }
    }

    private static func stuck(_ version: Version) -> ClientError {
        ClientError(
            .transient, code: "no_progress",
            "The server answered without going on from version \(version).",
            remedy: "Run `ting sync` again; if it stays, tell the operator.")
    }
}

/// The calls of a sync, for one workspace of a connection.
package struct WorkspaceLine: SyncLine {
    let connection: ServerConnection
    let slug: String
    /// The replica's file: a snapshot is downloaded beside it.
    let path: String

    package init(connection: ServerConnection, slug: String, path: String) {
        self.connection = connection
        self.slug = slug
        self.path = path
    }

    package func exchange(_ request: SyncRequest) async throws -> SyncResponse {
        try await connection.sync(slug, request)
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
