// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import NIOCore
import TingClient
import TingCore
import TingStore

/// P4: a sync with news on both sides, 100 ms from the server, to one round trip.
struct RoundTrips: Metric {
    static let name = "P4"
    static let about = "both-way sync at a round trip of 100 ms"
    private static let oneWay = TimeAmount.milliseconds(50)

    func run(_ bench: Bench) async throws -> Result {
        let served = try await bench.served()
        let here = try Replica.open(try await served.readerFile())
        let echo = try await Echo(delay: Self.oneWay)
        let far = try await Proxy(to: served.server.address.port, delay: Self.oneWay)
        var exchanges: [(ours: Double, limit: Double)] = []

        func part(_ name: String, warm: Bool, sameRows: Bool) async throws -> Part {
            try await bench.pairs.measure(
                name, .cost(unit: "s"),
                ours: { round in
                    let connection = try served.reader.connection(through: far.port)
                    let session = try SyncSession(here, over: connection, now: wallClock)
                    if warm { _ = try await session.run() }
                    try await edit(served, here, round, sameRows: sameRows)
                    let start = ContinuousClock.now
                    let outcome = try await session.run()
                    let time = (ContinuousClock.now - start).seconds
                    await connection.close()
                    exchanges.append((Double(outcome.exchanges), 1))
                    return time
                }, limit: { _ in try await echo.roundTrip() })
        }

        let warm = try await part("open connection", warm: true, sameRows: false)
        let same = try await part("open connection, same rows", warm: true, sameRows: true)
        let cold = try await part("new connection (3 round trips)", warm: false, sameRows: false)
        let count = Pairs.part("exchanges of a sync", .cost(unit: "requests"), exchanges)
        await echo.close()
        await far.close()
        try here.close()
        return Result(Self.name, [warm, same, cold, count], decisive: warm)
    }

    /// Twenty edits there, which the server has, and twenty here, which it does not have.
    private func edit(_ served: ServedWorkspace, _ here: Replica, _ round: Int, sameRows: Bool)
        async throws
    {
        let start = (round * 40) % max(1, served.tasks.count - 40)
        try retitle(served.replica, served.tasks[start..<start + 20], "there \(round)")
        try await served.sync()
        let offset = sameRows ? 0 : 20
        try retitle(here, served.tasks[start + offset..<start + offset + 20], "here \(round)")
    }

    private func retitle(_ replica: Replica, _ tasks: ArraySlice<RecordID>, _ word: String) throws {
        try replica.write { db in
            for task in tasks {
                try db.execute(
                    sql: "UPDATE task SET title = ? || ' ' || substr(title, 1, 60) WHERE id = ?",
                    arguments: [word, task.description])
            }
        }
    }
}
