// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What must always hold. Counts stand where they can: they are the same in every run, so that a
/// slow-down is seen in the commit that brings it.
enum Guards {
    static let names = ["G1", "G2", "G3", "G4", "G5"]

    /// Runs them, prints them, and gives how many are broken.
    /// - Parameters:
    ///   - wanted: Names in lower case; `guards` means all.
    ///   - countsOnly: Only what is counted, without programs: fit for every commit.
    static func run(
        _ bench: Bench, _ wanted: Set<String>, json: Bool, countsOnly: Bool
    ) async throws -> Int {
        let chosen = names.filter { name in
            wanted.contains(name.lowercased())
                || wanted.contains("guards") && !(countsOnly && ["G4", "G5"].contains(name))
        }
        var broken = 0
        if !json, !chosen.isEmpty { print(Result.heading) }
        for name in chosen {
            let (result, bound) = try await guarded(name, bench, countsOnly)
            broken += try show(result, bound, json) ? 0 : 1
        }
        guard countsOnly, wanted.contains("guards") else { return broken }
        for (result, bound) in zip(try CountedCosts().run(bench), CountedCosts.bounds) {
            broken += try show(result, bound, json) ? 0 : 1
        }
        return broken
    }

    private static func guarded(
        _ name: String, _ bench: Bench, _ countsOnly: Bool
    ) async throws -> (Result, bound: Double) {
        switch name {
        // Small trees gain a level from 1,000 records to 10,000: what counts is that it grows no more.
        case "G1": (try SyncCost().run(bench), countsOnly ? 1.3 : 1.2)
        case "G2": (try LongJob().run(bench), 1 / 0.9)
        case "G3": (try Migration().run(bench, countsOnly: countsOnly), 2)
        case "G4": (try await IdleLoad().run(bench), 1)
        default: (try await CloneMemory().run(bench), 1.1)
        }
    }

    /// Prints a result, and gives whether it holds.
    private static func show(_ result: Result, _ bound: Double, _ json: Bool) throws -> Bool {
        for line in json ? [try result.jsonLine] : result.table { print(line) }
        fflush(nil)
        guard result.decisive.ratio > bound else { return true }
        let said = "\(result.metric) is broken: \(result.decisive.ratio) is over \(bound)\n"
        FileHandle.standardError.write(Data(said.utf8))
        return false
    }

    /// One count against another that it must not outgrow.
    static func part(_ name: String, _ ours: Int, _ limit: Int, _ unit: String) -> Part {
        Pairs.part(name, .cost(unit: unit), [(Double(ours), Double(max(limit, 1)))])
    }
}
