// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import TingClient
import TingCore

/// P6: acknowledged durable pushes of 64 clients over TLS, to raw one-row `FULL` commits.
///
/// The clients run in this process, on the same cores as the server: they take part of the time.
struct Pushes: Metric {
    static let name = "P6"
    static let about = "acknowledged pushes, 64 clients over TLS"
    private static let clients = 64
    private static let slug = "pushes"

    func run(_ bench: Bench) async throws -> Result {
        FileHandles.raise()
        let served = try await bench.served()
        let seat = try await Seat(
            served.server.invite("pusher@example.org", to: Self.slug, role: .owner))
        let connection = try seat.connection()
        guard let epoch = Epoch(try await connection.workspace(Self.slug).epoch) else {
            throw BenchError("the workspace has no epoch")
        }
        let base = Base(epoch: epoch, version: 0)
        // The clients know the member list, as replicas do after their first sync.
        let known = try await connection.sync(
            Self.slug, PushRequests.request(.init(high: 0, low: 0), base: base, membersVersion: 0))
        await connection.close()
        let empty = try LocalWorkspace(records: 0, seed: 1).rawFile()
        defer { Scratch.remove(empty) }
        let each = max(1, bench.options.rows / 4 / Self.clients)
        let count = each * Self.clients
        let client = try RawClient(
            port: served.server.address.port, authority: served.server.authority,
            group: MultiThreadedEventLoopGroup.singleton)
        var requests = PushRequests(
            slug: Self.slug, seat: seat, base: base, membersVersion: known.membersVersion, seed: 9)
        let upserts = try RawUpserts((0..<count).map { _ in served.records.task() })
        let part = try await bench.pairs.measure(
            "one new record a push", .rate(of: count, unit: "pushes/s"),
            ours: { _ in
                let chains = try (0..<Self.clients).map { _ in
                    try requests.make((0..<each).map { _ in served.records.task() })
                }
                return try await push(chains, client)
            },
            limit: { _ in
                let path = try Scratch.copy(empty)
                defer { Scratch.remove(path) }
                return try upserts.run(on: RawDatabase(path), batch: 1)
            })
        return try Result(Self.name, [part], moreIsBetter: true)
    }

    /// Seconds until every client has the answer to its last push; connecting is not counted.
    private func push(_ chains: [[ByteBuffer]], _ client: RawClient) async throws -> Double {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let done = chains.map { _ in loop.makePromise(of: Void.self) }
        let channels = try await client.connect(chains.count) { number in
            RequestChain(chains[number], done: done[number])
        }
        let time = try await secondsAwaiting {
            for channel in channels {
                channel.pipeline.fireUserInboundEventTriggered(RequestChain.Start())
            }
            for promise in done { try await promise.futureResult.get() }
        }
        for channel in channels { try? await channel.close() }
        return time
    }
}
