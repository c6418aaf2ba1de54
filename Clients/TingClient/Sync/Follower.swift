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

    /// Follows until the task is cancelled, which is no error, or something fails that waiting does not
    /// mend. What waits in the outbox already is sent at once.
    ///
    /// Nothing of it uses the replica or the connection any more when it returns.
    /// - Parameter report: Told what happens; what it throws ends the following.
    /// - Throws: What `report` throws; `ClientError` where the caller is refused, the server is not the
    ///   one that is trusted, or the connection was closed; `ReplicaError`, as `.displaced` where the file
    ///   was moved away.
    public func run(_ report: @Sendable (News) throws -> Void) async throws {
        do {
            try await follow(report)
        } catch is CancellationError where Task.isCancelled {
            return
        }
    }

    private typealias Facts = AsyncThrowingStream<FollowPlan.Fact, any Error>

    private func follow(_ report: (News) throws -> Void) async throws {
        let slug = try replica.identity().workspace
        let mark = try await FileLock(path: Self.mark(of: replica.path), shared: true)
        defer { withExtendedLifetime(mark) {} }
        let (facts, feed) = Facts.makeStream()
        let edits = try replica.editMark().beforeOwn
        let standing = try replica.status()
        let plan = FollowPlan(version: standing.version, isDeferred: !standing.deferred.isEmpty)
        if !standing.deferred.isEmpty { try noteRetry(plan, .zero) }
        let ticker = Task { await tick(feed, since: edits) }
        let stream = NewsStream(follower: self, slug: slug, feed: feed)
        let end: Result<Void, any Error>
        do {
            try await follow(plan, facts, stream, report)
            end = .success(())
        } catch {
            end = .failure(error)
        }
        ticker.cancel()
        await stream.end()
        await ticker.value
        try? forgetRetry()
        try end.get()
    }

    private func follow(
        _ plan: FollowPlan, _ facts: Facts, _ stream: NewsStream, _ report: (News) throws -> Void
    ) async throws {
        var plan = plan
        let start = ContinuousClock.now
        for try await fact in facts {
            var steps = plan.step(fact, at: ContinuousClock.now - start, jitter: .random(in: 0...1))
            while !steps.isEmpty {
                switch steps.removeFirst() {
                case .drop: stream.drop()
                case .connect: stream.connect(since: plan.version)
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

    /// The one stream at a time that news come by.
    private final class NewsStream {
        private let follower: Follower
        private let slug: String
        private let feed: Facts.Continuation
        private var listener: Task<Void, Never>?

        init(follower: Follower, slug: String, feed: Facts.Continuation) {
            (self.follower, self.slug, self.feed) = (follower, slug, feed)
        }

        func drop() { listener?.cancel() }

        /// Listens anew, once the one before has ended.
        func connect(since version: Version) {
            listener?.cancel()
            listener = Task { [follower, slug, feed, before = listener] in
                await before?.value
                await follower.listen(slug, since: version, feed)
            }
        }

        func end() async {
            listener?.cancel()
            await listener?.value
        }
    }

    private func sync(_ report: (News) throws -> Void) async throws -> FollowPlan.Fact {
        let outcome: SyncSession.Outcome
        do {
            let lock = try await FileLock(path: replica.path + ".lock")
            defer { withExtendedLifetime(lock) {} }
            outcome = try await SyncSession(replica, over: connection, now: now).run()
        } catch let error as ClientError where error.scope == .transient {
            try report(.failed(error))
            return .failed(atLeast: error.retryAfter ?? .zero)
        } catch let error as DatabaseError where error.mayPass {
            let problem = SyncSession.problem(error.resultCode)
            try report(
                .failed(
                    ClientError(
                        .transient, code: problem.code, problem.sentence, remedy: problem.remedy)))
            return .failed(atLeast: .zero)
        }
        try report(.synced(outcome))
        return .synced(outcome.version, isDeferred: outcome.summary.deferred > 0)
    }

    /// For `status`. What kept the sync from writing may keep this: it passes, or the next sync tells.
    private func noteRetry(_ plan: FollowPlan, _ time: Duration) throws {
        guard let next = plan.nextTry else { return }
        let wait = (next - time).nanoseconds / 1_000_000
        do {
            try replica.note(
                error: try replica.status().lastError, nextRetry: now() + wait, synced: nil)
        } catch let error as DatabaseError where error.mayPass {}
    }

    /// Nobody tries again any more.
    private func forgetRetry() throws {
        let status = try replica.status()
        guard status.nextRetry != nil else { return }
        try replica.note(error: status.lastError, nextRetry: nil, synced: nil)
    }

    /// Once a second: time passes, and edits show in the replica's mark.
    private func tick(_ feed: Facts.Continuation, since mark: EditMark) async {
        var seen = mark
        while !Task.isCancelled {
            guard replica.isInPlace else {
                return feed.finish(throwing: ReplicaError.displaced(replica.path))
            }
            feed.yield(.tick)
            do {
                let mark = try replica.editMark()
                if try replica.mayHaveEdits(at: mark, since: seen) { feed.yield(.edited) }
                seen = mark
            } catch ReplicaError.closed {
                return feed.finish(throwing: ReplicaError.closed)
            } catch {
                // The file is busy: a second later it is looked at again.
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private func listen(_ slug: String, since: Version, _ feed: Facts.Continuation) async {
        let path = ServerConnection.path(slug, "follow?since=\(since)")
        var request = Request(
            .GET, path, accepts: "text/event-stream", headers: ServerConnection.versions())
        request.isLong = true
        do {
            let response = try await connection.send(request)
            try connection.expect(request.accepts, in: response)
            try await hear(response.body, feed)
            feed.yield(.lost)
        } catch let error as ClientError where error.scope != .transient {
            feed.yield(.refused)
        } catch {
            feed.yield(.lost)
        }
    }

    private func hear(
        _ body: HTTPClientResponse.Body, _ feed: Facts.Continuation
    ) async throws {
        feed.yield(.connected)
        var parser = EventStreamParser()
        for try await chunk in body {
            guard let items = parser.read(chunk.readableBytesView) else { return }
            // A server that says much makes nothing wait here: the newest of each piece counts.
            let facts = items.map(Self.fact)
            if let last = facts.last(where: { $0 != .heard }) ?? facts.last { feed.yield(last) }
        }
    }

    private static func fact(_ item: EventStreamParser.Item) -> FollowPlan.Fact {
        guard case .event("head", let data) = item,
            let event = try? WireCoding.json.decode(Ting_V1_FollowEvent.self, Array(data.utf8))
        else { return .heard }
        return .head(event.head)
    }
}
