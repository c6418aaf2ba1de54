// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What must always hold. Counts stand where they can: they are the same in every run, so that a
/// slow-down is seen in the commit that brings it.
enum Guards {
    /// Runs all, prints them, and gives how many are broken.
    static func run(_ bench: Bench, json: Bool) async throws -> Int {
        let results: [(Result, bound: Double)] = [
            (try SyncCost().run(bench), bound: 1.2),
            (try LongJob().run(bench), bound: 1 / 0.9),
            (try await IdleLoad().run(bench), bound: 1),
            (try await CloneMemory().run(bench), bound: 1.1),
        ]
        var broken = 0
        if !json { print(Result.heading) }
        for (result, bound) in results {
            for line in json ? [try result.jsonLine] : result.table { print(line) }
            guard result.decisive.ratio > bound else { continue }
            broken += 1
            let said = "\(result.metric) is broken: \(result.decisive.ratio) is over \(bound)\n"
            FileHandle.standardError.write(Data(said.utf8))
        }
        return broken
    }

    /// One count against another that it must not outgrow.
    static func part(_ name: String, _ ours: Int, _ limit: Int, _ unit: String) -> Part {
        Pairs.part(name, .cost(unit: unit), [(Double(ours), Double(max(limit, 1)))])
    }
}
