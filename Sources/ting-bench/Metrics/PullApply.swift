// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingClient
import TingCore
import TingStore

/// P2: from the server's socket to a committed replica, to raw upserts of the same rows.
struct PullApply: Metric {
    static let name = "P2"
    static let about = "pulling and integrating, search index apart"

    func run(_ bench: Bench) async throws -> Result {
        let served = try await bench.served()
        let behind = try await served.readerFile()
        let raw = try Scratch.copy(behind)
        defer { [behind, raw].forEach(Scratch.remove) }
        try RawDatabase(raw).dropTriggers()
        let rows = served.records.next(bench.options.rows)
        try served.replica.fill(rows)
        try await served.sync()
        let upserts = try RawUpserts(rows)
        let connection = try served.reader.connection()
        let part = try await bench.pairs.measure(
            "whole sync, 1,000 rows to a change set", .rate(of: rows.count, unit: "rows/s"),
            ours: { _ in
                let path = try Scratch.copy(behind)
                defer { Scratch.remove(path) }
                let replica = try Replica.open(path)
                defer { try? replica.close() }
                return try await secondsAwaiting {
                    let outcome = try await SyncSession(replica, over: connection, now: wallClock)
                        .run()
                    guard outcome.summary.received * 1_000 >= rows.count else {
                        throw BenchError("a pull brought \(outcome.summary.received) change sets")
                    }
                }
            },
            limit: { _ in
                let path = try Scratch.copy(raw)
                defer { Scratch.remove(path) }
                return try upserts.run(on: RawDatabase(path), batch: 1_000)
            })
        await connection.close()
        return try Result(Self.name, [part], moreIsBetter: true)
    }
}
