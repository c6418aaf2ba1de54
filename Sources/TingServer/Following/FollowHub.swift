// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import TingCore

/// Everyone who follows a workspace, and what they are told.
///
/// An event is encoded once and handed to all, in one turn of each event loop. What a slow follower
/// has not taken waits in its own `FollowStream`: nobody waits for it here.
final class FollowHub: Sendable {
    /// What goes out to followers: a new head.
    struct Event: Sendable {
        /// The head that the event tells of.
        let head: Version
        let bytes: FollowBytes
    }

    /// A stream, to be touched on its event loop alone.
    typealias Line = NIOLoopBound<FollowStream>

    private struct Follower {
        let device: DeviceID
        let role: Role
        let line: Line
    }

    private struct State {
        var followers: [WorkspaceID: [Int: Follower]] = [:]
        /// How many streams each device has.
        var devices: [DeviceID: Int] = [:]
        /// The newest version that was told of, by workspace.
        var heads: [WorkspaceID: Version] = [:]
        var next = 0
        var isEnding = false

        func hasRoom(_ device: DeviceID) -> Bool {
            !isEnding && devices[device, default: 0] < Limits.followLimit
        }
    }

    private let state = Mutex(State())

    /// A place among those who are told; given up when its stream is gone.
    final class Place: Sendable {
        private let workspace: WorkspaceID
        private let id: Int
        private let hub: FollowHub

        fileprivate init(_ workspace: WorkspaceID, _ id: Int, _ hub: FollowHub) {
            self.workspace = workspace
            self.id = id
            self.hub = hub
        }

        deinit { hub.leave(workspace, id) }
    }

    /// Whether a device may have one more stream.
    func hasRoom(_ device: DeviceID) -> Bool { state.withLock { $0.hasRoom(device) } }

    /// A place for a device's stream; `nil` if the device has too many, or the server stops.
    func join(
        _ workspace: WorkspaceID, device: DeviceID, as role: Role, _ line: Line
    ) -> Place? {
        state.withLock { state in
            guard state.hasRoom(device) else { return nil }
            state.next += 1
            state.devices[device, default: 0] += 1
            state.followers[workspace, default: [:]][state.next] = Follower(
                device: device, role: role, line: line)
            return Place(workspace, state.next, self)
        }
    }

    private func leave(_ workspace: WorkspaceID, _ id: Int) {
        // Held until the lock is free: what hangs on a follower must not come back here under it.
        let follower: Follower? = state.withLock { state in
            guard let follower = state.followers[workspace]?.removeValue(forKey: id) else {
                return nil
            }
            if state.followers[workspace]?.isEmpty == true { state.followers[workspace] = nil }
            let left = state.devices[follower.device, default: 1] - 1
            state.devices[follower.device] = left > 0 ? left : nil
            return follower
        }
        _ = follower
    }

    func hasFollowers(_ workspace: WorkspaceID) -> Bool {
        state.withLock { $0.followers[workspace] != nil }
    }

    var count: Int { state.withLock { $0.followers.values.reduce(0) { $0 + $1.count } } }

    /// The newest version that followers were told of; `nil` for none since the start.
    func head(of workspace: WorkspaceID) -> Version? { state.withLock { $0.heads[workspace] } }

    func publish(_ event: Event, to workspace: WorkspaceID) {
        let lines = state.withLock { state in
            state.heads[workspace] = event.head
            return state.followers[workspace]?.values.map(\.line) ?? []
        }
        Self.onEachLoop(lines) { $0.tell(event) }
    }

    /// Shows on one stream in `turns` that it is alive; on each in as many calls.
    func publishComment(turn: Int, of turns: Int) {
        let lines = state.withLock { state in
            state.followers.values.flatMap { followers in
                followers.filter { $0.key % turns == turn }.map(\.value.line)
            }
        }
        Self.onEachLoop(lines) { $0.comment() }
    }

    /// One turn of each event loop, whatever the number of streams.
    private static func onEachLoop(
        _ lines: [Line], _ body: @escaping @Sendable (FollowStream) -> Void
    ) {
        for group in Dictionary(grouping: lines, by: { ObjectIdentifier($0.eventLoop) }).values {
            group.first?.eventLoop.execute { for line in group { body(line.value) } }
        }
    }

    /// Who follows what: each device once for a workspace.
    var readers: [WorkspaceID: Set<DeviceID>] {
        state.withLock { $0.followers.mapValues { Set($0.values.map(\.device)) } }
    }

    /// Ends the streams of those who may not read any more, and of those with another role: who listens
    /// anew syncs first, and hears of it.
    func recheck(
        _ roles: ([WorkspaceID: Set<DeviceID>]) throws -> [WorkspaceID: [DeviceID: Role]]
    ) rethrows {
        let asked = readers
        let roles = try roles(asked)
        let lines = state.withLock { state in
            asked.flatMap { workspace, devices in
                (state.followers[workspace] ?? [:]).values.filter { follower in
                    devices.contains(follower.device)
                        && roles[workspace]?[follower.device] != follower.role
                }.map(\.line)
            }
        }
        Self.onEachLoop(lines) { $0.end() }
    }

    /// Ends all streams, and starts no more.
    func endAll() {
        let lines = state.withLock { state in
            state.isEnding = true
            return state.followers.values.flatMap { $0.values.map(\.line) }
        }
        Self.onEachLoop(lines) { $0.end() }
    }
}

/// What is written to many streams, in the forms of both versions of HTTP; encoded once.
struct FollowBytes: Sendable {
    /// As a chunk of HTTP/1.1 (RFC 9112 § 7.1).
    let chunk: ByteBuffer
    /// The same bytes, without the frame.
    let plain: ByteBuffer

    init(_ bytes: some Collection<UInt8>) {
        let size = String(bytes.count, radix: 16) + "\r\n"
        var chunk = ByteBuffer()
        chunk.reserveCapacity(size.utf8.count + bytes.count + 2)
        chunk.writeString(size)
        chunk.writeBytes(bytes)
        chunk.writeString("\r\n")
        self.chunk = chunk
        plain = chunk.getSlice(at: size.utf8.count, length: bytes.count) ?? ByteBuffer(bytes: bytes)
    }
}
