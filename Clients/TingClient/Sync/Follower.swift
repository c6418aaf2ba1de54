// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import GRDB
import NIOCore
import NIOHTTP1
import TingCore
public import TingStore
import TingWire

/// Keeps a replica at the head: listens for new versions, sends what is edited here.
///
/// News take the same path as a sync's, which proves them by digest. Where no stream stands, it polls.
public struct Follower: Sendable {
    let replica: Replica
    let connection: ServerConnection
    let now: @Sendable () -> Int64

    public init(
        _ replica: Replica, over connection: ServerConnection, now: @escaping @Sendable () -> Int64
    ) {
        self.replica = replica
        self.connection = connection
        self.now = now
    }

    /// What following has to tell.
    public enum News: Sendable {
        case synced(SyncSession.Outcome)
        /// A failure that passes; it is tried again.
        case failed(ClientError)
    }

    /// Whether some process follows the replica in this file: only then is anything tried again by itself.
    public static func isRunning(for path: String) -> Bool { FileLock.isHeld(path: mark(of: path)) }

    /// The file that everyone who follows holds locked.
    private static func mark(of path: String) -> String { path + ".follow" }

    /// Follows until the task is cancelled, or something fails that waiting does not mend.
    public func run(_ report: @Sendable (News) -> Void) async throws {
        let slug = try replica.identity().workspace
        let mark = try FileLock(path: Self.mark(of: replica.path), shared: true)
        defer { withExtendedLifetime(mark) {} }
        let (facts, feed) = AsyncStream.makeStream(of: FollowPlan.Fact.self)
        let standing = try replica.status()
        var plan = FollowPlan(version: standing.version, isDeferred: !standing.deferred.isEmpty)
        let start = ContinuousClock.now
        if !standing.deferred.isEmpty { try noteRetry(plan, .zero) }
        let ticker = Task { try await tick(feed) }
        var listener: Task<Void, Never>?
        defer {
            ticker.cancel()
            listener?.cancel()
        }
        for await fact in facts {
            var steps = plan.step(fact, at: ContinuousClock.now - start, jitter: .random(in: 0...1))
            while !steps.isEmpty {
                let step = steps.removeFirst()
                switch step {
                case .drop: listener?.cancel()
                case .connect:
                    let since = plan.version
                    listener = Task { await listen(slug, since: since, feed) }
                case .sync:
                    let fact = try await sync(report)
                    let time = ContinuousClock.now - start
                    steps += plan.step(fact, at: time, jitter: .random(in: 0...1))
                    switch fact {
                    case .failed, .synced(_, isDeferred: true): try noteRetry(plan, time)
                    default: break
                    }
                }
            }
        }
    }

    private func sync(_ report: (News) -> Void) async throws -> FollowPlan.Fact {
        do {
            let lock = try FileLock(path: replica.path + ".lock")
            defer { withExtendedLifetime(lock) {} }
            let outcome = try await SyncSession(replica, over: connection, now: now).run()
            report(.synced(outcome))
            return .synced(outcome.version, isDeferred: outcome.summary.deferred > 0)
        } catch let error as ClientError where error.scope == .transient {
            report(.failed(error))
            return .failed(atLeast: error.retryAfter ?? .zero)
        } catch let error as DatabaseError where error.mayPass {
            let problem = SyncSession.problem(error.resultCode)
            let code = error.resultCode == .SQLITE_FULL ? "storage_full" : "busy"
            report(
                .failed(
                    ClientError(.transient, code: code, problem.sentence, remedy: problem.remedy)))
            return .failed(atLeast: .zero)
        }
    }

    private func noteRetry(_ plan: FollowPlan, _ time: Duration) throws {
        guard let next = plan.nextTry else { return }
        let wait = (next - time).nanoseconds / 1_000_000
        try replica.note(
            error: try replica.status().lastError, nextRetry: now() + wait, synced: nil)
    }

    /// Once a second: time passes, and edits by other programs show in the file's change counter.
    private func tick(_ feed: AsyncStream<FollowPlan.Fact>.Continuation) async throws {
        var counter: Int64?
        while !Task.isCancelled {
            feed.yield(.tick)
            let seen = try? replica.read { db in
                try Int64.fetchOne(db, sql: "PRAGMA data_version")
            }
            if let seen, let counter, seen != counter { feed.yield(.edited) }
            counter = seen ?? counter
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func listen(
        _ slug: String, since: Int64, _ feed: AsyncStream<FollowPlan.Fact>.Continuation
    ) async {
        defer { feed.yield(.lost) }
        let path = ServerConnection.path(slug, "follow?since=\(since)")
        var request = Request(
            .GET, path, accepts: "text/event-stream", headers: ServerConnection.versions())
        request.isLong = true
        guard let response = try? await connection.send(request),
            (try? connection.expect(request.accepts, in: response)) != nil
        else { return }
        feed.yield(.connected)
        var parser = EventStreamParser()
        do {
            for try await chunk in response.body {
                guard let items = parser.read(chunk.readableBytesView) else { return }
                for item in items { feed.yield(Self.fact(item)) }
            }
        } catch { return }
    }

    private static func fact(_ item: EventStreamParser.Item) -> FollowPlan.Fact {
        guard case .event("head", let data) = item,
            let event = try? WireCoding.json.decode(Ting_V1_FollowEvent.self, Array(data.utf8))
        else { return .heard }
        return .head(event.head)
    }
}
