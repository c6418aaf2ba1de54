// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import NIOCore
import NIOPosix
import Synchronization
import TingClient
import TingCore
import TingStore
import TingWire

/// P7: from a push to the last byte of its entry at the last follower, to a bare TLS fan-out.
struct FanOut: Metric {
    static let name = "P7"
    static let about = "a push reaches every follower"
    private static let replicas = 10

    func run(_ bench: Bench) async throws -> Result {
        FileHandles.raise()
        let count = bench.options.followers
        let served = try await bench.served()
        let followers = try await FollowerCrowd(count, served.server).follow(count, served.server)
        let bare = try BareProcess(of: served.server)
        defer { bare.stop() }
        let listeners = try await FollowerCrowd.listen(count, bare, served.server)
        let real = try await RealFollowers(Self.replicas, served)
        let writer = try served.writer.connection()
        let pusher = try await RawClient(
            port: bare.port, authority: served.server.authority,
            group: MultiThreadedEventLoopGroup.singleton
        ).connect { Deaf() }
        var message = ByteBuffer()
        var rows: [(ours: Double, limit: Double)] = []
        var last = 0.0
        let bytes = try await bench.pairs.measure(
            "last byte at the last of \(count)", .cost(unit: "s"),
            ours: { round in
                let request = try edit(served, round)
                let start = ContinuousClock.now
                let time = try await followers.time {
                    let response = try await writer.sync(ServedWorkspace.slug, request)
                    var summary = IntegrateSummary()
                    try served.replica.integrate(response, to: request, into: &summary)
                    message = try Self.message(response)
                }
                try await real.wait(for: served.replica.identity().base.version)
                last = (real.last - start).seconds
                return time
            },
            limit: { round in
                let time = try await listeners.time { [message] in
                    try await pusher.writeAndFlush(message)
                }
                if round > 0 { rows.append((last, time)) }
                return time
            })
        await real.stop()
        await writer.close()
        try? await pusher.close()
        await followers.close()
        await listeners.close()
        return Result(
            Self.name,
            [
                bytes,
                Pairs.part("row in the last of \(Self.replicas) replicas", .cost(unit: "s"), rows),
            ], decisive: bytes)
    }

    private func edit(_ served: ServedWorkspace, _ round: Int) throws -> SyncRequest {
        let task = served.tasks[round % served.tasks.count].description
        try served.replica.write { db in
            try db.execute(
                sql: "UPDATE task SET title = ? WHERE id = ?",
                arguments: ["Heard by all, \(round)", task])
        }
        return try served.replica.nextRequest()
    }

    /// As many bytes as the server sends of the entry.
    private static func message(_ response: SyncResponse) throws -> ByteBuffer {
        var event = Ting_V1_FollowEvent()
        event.epoch = response.epoch.description
        event.head = response.head
        event.entries = response.entries.map(\.wire)
        let size = try WireCoding.json.encode(event).count + "event: head\ndata: \n\n".utf8.count
        return ByteBuffer(string: "P" + String(repeating: "x", count: max(0, size - 2)) + "\n")
    }
}

/// Hears nothing: the connection of who pushes.
final class Deaf: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}

/// Real replicas that follow, each with a connection of its own.
private final class RealFollowers {
    private let state = State()
    private let count: Int
    private var tasks: [Task<Void, any Error>] = []

    init(_ count: Int, _ served: ServedWorkspace) async throws {
        self.count = count
        for number in 0..<count {
            let replica = try Replica.open(try await served.readerFile())
            let connection = try served.reader.connection()
            let follower = Follower(replica, over: connection, now: wallClock)
            tasks.append(
                Task { [state] in
                    try await follower.run { news in
                        if case .synced(let outcome) = news {
                            state.reached(outcome.version, by: number)
                        }
                    }
                })
        }
        // Followed before the first push is timed.
        try await Task.sleep(for: .seconds(2))
    }

    var last: ContinuousClock.Instant { state.last }

    func wait(for version: Version) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while state.count(at: version) < count {
            guard ContinuousClock.now < deadline else {
                throw BenchError("replicas did not follow")
            }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    func stop() async {
        for task in tasks { task.cancel() }
        for task in tasks { _ = await task.result }
    }

    private final class State: Sendable {
        private let versions = Mutex<[Int: Version]>([:])
        private let time = Mutex(ContinuousClock.now)

        var last: ContinuousClock.Instant { time.withLock { $0 } }

        func reached(_ version: Version, by number: Int) {
            versions.withLock { $0[number] = version }
            time.withLock { $0 = ContinuousClock.now }
        }

        func count(at version: Version) -> Int {
            versions.withLock { $0.values.count { $0 >= version } }
        }
    }
}
