// SPDX-License-Identifier: Apache-2.0

public import TingCore
public import TingStore

/// Brings a replica and its server to the same version: one exchange where that is enough.
///
/// A request that got no answer is sent again, at once known to the server if it had arrived.
public struct SyncSession: Sendable {
    let replica: Replica
    let exchange: @Sendable (SyncRequest) async throws -> SyncResponse
    let clock: any Clock<Duration>
    /// How long transient failures are tried again before they are shown.
    let patience: Duration
    /// Milliseconds since 1970, for `status`.
    let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - exchange: Carries a request to the server of the replica's workspace.
    ///   - clock: What waiting between tries is measured by; tests advance it.
    public init(
        _ replica: Replica, clock: any Clock<Duration>, patience: Duration,
        now: @escaping @Sendable () -> Int64,
        exchange: @escaping @Sendable (SyncRequest) async throws -> SyncResponse
    ) {
        self.replica = replica
        self.clock = clock
        self.patience = patience
        self.now = now
        self.exchange = exchange
    }

    /// A session over a connection, on the machine's clock.
    public init(
        _ replica: Replica, over connection: ServerConnection, now: @escaping @Sendable () -> Int64
    ) throws {
        let slug = try replica.identity().workspace
        self.init(
            replica, clock: ContinuousClock(), patience: connection.timeout, now: now
        ) { try await connection.sync(slug, $0) }
    }

    /// How far a sync is.
    public struct Step: Sendable {
        public var version: Version
        public var head: Version
        public var sent: Int
    }

    /// What a sync came to.
    public struct Outcome: Sendable {
        public var summary = IntegrateSummary()
        /// The versions before and after.
        public var from: Version = 0
        public var version: Version = 0
        public var exchanges = 0
    }

    /// Seals what other tools wrote, then exchanges until both ends are at the head.
    ///
    /// How it ended is noted for `status`, whichever way.
    public func run(progress: @Sendable (Step) -> Void = { _ in }) async throws -> Outcome {
        do {
            let outcome = try await exchangeAll(progress)
            try replica.note(error: nil, nextRetry: nil, synced: now())
            return outcome
        } catch {
            try? replica.note(error: Self.sentence(error), nextRetry: nil, synced: nil)
            throw error
        }
    }

    private func exchangeAll(_ progress: (Step) -> Void) async throws -> Outcome {
        var outcome = Outcome()
        outcome.from = try replica.identity().base.version
        var request = try replica.nextRequest()
        var after: Int64 = 0
        while true {
            let response = try await patiently(request)
            outcome.exchanges += 1
            let came = try replica.integrate(response, to: request)
            outcome.summary.add(came)
            outcome.version = try replica.identity().base.version
            guard response.digestsAgree else { throw Self.differs(outcome.version) }
            progress(
                Step(version: outcome.version, head: response.head, sent: outcome.summary.sent))
            // After a new name the outbox has new numbers, and none is judged.
            if came.renamed {
                after = 0
            } else if let last = request.deliveries.last {
                after = last.number
            }
            let next = try replica.nextRequest(after: after)
            let isDone = outcome.version >= response.head && next.deliveries.isEmpty
            if isDone && !came.renamed { return outcome }
            // Edits that another process made meanwhile are a reason to go on, too.
            let hasMoved =
                came.renamed || !request.deliveries.isEmpty || !next.deliveries.isEmpty
                || next.base != request.base
            guard hasMoved || isDone else { throw Self.stuck(outcome.version) }
            request = next
        }
    }

    private func patiently(_ request: SyncRequest) async throws -> SyncResponse {
        var backoff = Backoff()
        var waited = Duration.zero
        while true {
            do {
                return try await exchange(request)
            } catch let error as ClientError
                where error.scope == .transient && error.code != "server_not_reached"
            {
                let wait = backoff.failed(jitter: .random(in: 0...1))
                waited += wait
                guard waited < patience else { throw error }
                try await clock.sleep(for: wait)
            }
        }
    }

    /// One sentence for `status`.
    static func sentence(_ error: any Error) -> String {
        switch error {
        case let error as ClientError: "\(error.sentence) \(error.remedy)"
        case ReplicaError.epochDiffers:
            "The server was restored from a backup: its history is another one."
        case ReplicaError.digestDiffers(let version):
            "What arrived did not give the server's state at version \(version)."
        default: "The sync failed: \(error)."
        }
    }

    private static func differs(_ version: Version) -> ClientError {
        ClientError(
            .requestWide, code: "digest_differs",
            "This replica and the server hold different records at the same version (now \(version)).",
            remedy:
                "Run `ting verify`; save the outbox with `ting outbox export`, then clone anew with `ting clone`."
        )
    }

    private static func stuck(_ version: Version) -> ClientError {
        ClientError(
            .transient, code: "no_progress",
            "The server answered without going on from version \(version).",
            remedy: "Run `ting sync` again; if it stays, tell the operator.")
    }
}
