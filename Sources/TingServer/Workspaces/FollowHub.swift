// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTPTypes
import Synchronization
import TingCore

/// Everyone who follows a workspace, and what they are told.
///
/// An event is encoded once and handed to all. Each follower has a short queue of its own; where a
/// slow one misses an event, its replica sees the gap and syncs.
final class FollowHub: Sendable {
    /// What goes out to followers: a new head.
    struct Event: Sendable {
        /// The head that the event tells of.
        let head: Version
        let bytes: ByteBuffer
    }

    private struct Follower {
        let workspace: WorkspaceID
        let device: DeviceID
        let events: AsyncStream<Event>.Continuation
        /// Where comments go, once the stream has begun.
        var line: FollowLine?

        func end() {
            line?.close()
            events.finish()
        }
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

        /// The stream has begun: comments may go out on it.
        func begin(on channel: any Channel) { hub.begin(id, on: channel) }

        /// Gives the place up: no more comments go out. Before the stream's end is written.
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
        follower?.end()
    }

    private func begin(_ id: Int, on channel: any Channel) {
        state.withLock { $0.followers[id]?.line = FollowLine(channel) }
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
            state.heads[workspace] = event.head
            for follower in state.followers.values where follower.workspace == workspace {
                follower.events.yield(event)
            }
        }
    }

    /// Shows on every stream that it is alive: one turn of each event loop, whatever the number of streams.
    func publishComment() {
        let lines = state.withLock { $0.followers.values.compactMap(\.line) }
        for group in Dictionary(grouping: lines, by: { ObjectIdentifier($0.eventLoop) }).values {
            group.first?.eventLoop.execute {
                for line in group { line.writeComment() }
            }
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
        for follower in followers.values { follower.end() }
    }
}

/// Where a stream's comments are written: past its task, which sleeps until there is a new head. A
/// turn of the task for each comment would be most of what ten thousand quiet streams cost.
final class FollowLine: Sendable {
    private static let comment = ByteBuffer(string: ": still here\n\n")
    /// The comment as a chunk of HTTP/1.1 (RFC 9112 § 7.1).
    private static let chunk = ByteBuffer(
        string: "\(String(comment.readableBytes, radix: 16))\r\n\(String(buffer: comment))\r\n")
    private let channel: any Channel
    private let isOpen = Atomic(true)

    init(_ channel: any Channel) { self.channel = channel }

    var eventLoop: any EventLoop { channel.eventLoop }

    func close() { isOpen.store(false, ordering: .releasing) }

    /// On the channel's event loop alone: the end of the stream is written there too, after `close`, so
    /// no comment comes behind it.
    func writeComment() {
        // What a slow client has not yet taken shows that the stream is alive just as well.
        guard isOpen.load(ordering: .acquiring), channel.isActive, channel.isWritable else {
            return
        }
        let pipeline = channel.pipeline.syncOperations
        if !channel.isStream, let watch = try? pipeline.handler(type: ConnectionWatch.self),
            let context = try? pipeline.context(handler: watch)
        {
            // Past HTTP's encoder, which would make three writes, and three records of TLS, of it.
            watch.write(context: context, data: NIOAny(Self.chunk), promise: nil)
            context.flush()
        } else {
            channel.writeAndFlush(HTTPResponsePart.body(Self.comment), promise: nil)
        }
    }
}
