// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import TingCore

/// Everyone who follows a workspace, and what they are told.
///
/// An event is encoded once and handed to all. Each follower has a short queue of its own; where a
/// slow one misses an event, its replica sees the gap and syncs.
final class FollowHub: Sendable {
    /// What goes out to followers: a new head, or a comment that shows the stream is alive.
    struct Event: Sendable {
        /// The head that the event tells of; `nil` for a comment.
        let head: Version?
        let bytes: ByteBuffer

        static let comment = Event(head: nil, bytes: ByteBuffer(string: ": still here\n\n"))
    }

    private struct Follower {
        let workspace: WorkspaceID
        let device: DeviceID
        let events: AsyncStream<Event>.Continuation
    }

    private struct State {
        var followers: [Int: Follower] = [:]
        /// The newest version that was told of, by workspace.
        var heads: [WorkspaceID: Version] = [:]
        var next = 0
        var isEnding = false
    }

    private let state = Mutex(State())
    private static let queueLimit = 16

    /// A place among those who are told; given up when nobody holds it any more.
    final class Place: Sendable {
        let events: AsyncStream<Event>
        private let id: Int
        private let hub: FollowHub

        fileprivate init(_ id: Int, _ events: AsyncStream<Event>, _ hub: FollowHub) {
            self.id = id
            self.events = events
            self.hub = hub
        }

        func leave() { hub.leave(id) }

        deinit { leave() }
    }

    /// A stream of events for one device; `nil` if the device has too many, or the server stops.
    func join(_ workspace: WorkspaceID, device: DeviceID) -> Place? {
        let (events, continuation) = AsyncStream.makeStream(
            of: Event.self, bufferingPolicy: .bufferingNewest(Self.queueLimit))
        return state.withLock { state in
            let own = state.followers.values.count { $0.device == device }
            guard !state.isEnding, own < Limits.followLimit else { return nil }
            state.next += 1
            state.followers[state.next] = Follower(
                workspace: workspace, device: device, events: continuation)
            return Place(state.next, events, self)
        }
    }

    private func leave(_ id: Int) {
        let follower = state.withLock { $0.followers.removeValue(forKey: id) }
        follower?.events.finish()
    }

    func hasFollowers(_ workspace: WorkspaceID) -> Bool {
        state.withLock { $0.followers.values.contains { $0.workspace == workspace } }
    }

    var count: Int { state.withLock { $0.followers.count } }

    /// Workspaces that somebody follows.
    var workspaces: Set<WorkspaceID> {
        state.withLock { Set($0.followers.values.map(\.workspace)) }
    }

    /// The newest version that followers were told of; `nil` for none since the start.
    func head(of workspace: WorkspaceID) -> Version? { state.withLock { $0.heads[workspace] } }

    func publish(_ event: Event, to workspace: WorkspaceID) {
        state.withLock { state in
            if let head = event.head { state.heads[workspace] = head }
            for follower in state.followers.values where follower.workspace == workspace {
                follower.events.yield(event)
            }
        }
    }

    func publishComment() {
        state.withLock { state in
            for follower in state.followers.values { follower.events.yield(.comment) }
        }
    }

    /// Ends the streams of those who may not read any more.
    func recheck(_ mayRead: (DeviceID, WorkspaceID) throws -> Bool) rethrows {
        let followers = state.withLock { $0.followers }
        for (id, follower) in followers where try !mayRead(follower.device, follower.workspace) {
            leave(id)
        }
    }

    /// Ends all streams, and starts no more.
    func endAll() {
        let followers = state.withLock { state in
            state.isEnding = true
            defer { state.followers = [:] }
            return state.followers
        }
        for follower in followers.values { follower.events.finish() }
    }
}
