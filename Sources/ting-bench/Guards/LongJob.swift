// SPDX-License-Identifier: Apache-2.0

import TingCore
import TingStore
import TingTesting

/// G2: the last tenth of a long job goes on at 0.9 of the rate of the first.
struct LongJob {
    private static let tenths = 10

    func run(_ bench: Bench) throws -> Result {
        let local = try LocalWorkspace(records: bench.options.records / 10, seed: 2)
        let replica = local.team.replicas[0]
        let rows = max(10, bench.options.rows / Self.tenths)
        var edits: [Int] = []
        var syncs: [Int] = []
        var before = try (replica.pageCount(), local.team.workspace.pageCount())
        for _ in 0..<Self.tenths {
            try replica.fill(local.records.next(rows))
            let here = try replica.pageCount()
            edits.append(here - before.0)
            try local.team.sync(0)
            let after = try (replica.pageCount(), local.team.workspace.pageCount())
            syncs.append(after.0 - here + after.1 - before.1)
            before = after
        }
        return try Result(
            "G2",
            [
                Guards.part(
                    "local edits, last tenth to first", edits[Self.tenths - 1], edits[0], "pages"),
                Guards.part(
                    "their sync, both ends", syncs[Self.tenths - 1], syncs[0], "pages"),
            ], moreIsBetter: false)
    }
}
