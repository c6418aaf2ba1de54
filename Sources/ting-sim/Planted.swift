// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

struct Planted: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Build in known bugs, one at a time, and see that each is found.",
        discussion: """
            Examples:
              ting-sim planted
              ting-sim planted --others
              ting-sim planted --save Tests/SimulatorTests/scenarios
            """)

    @Option(help: "Seeds to try for each.") var seeds: UInt64 = 300
    @Flag(help: "Those beyond the thirty that every release is judged by.") var others = false
    @Option(help: ArgumentHelp("Write a shrunk scenario of each to a folder.", valueName: "DIR"))
    var save: String?

    func run() throws {
        Simulator.beDeterministic()
        let bugs =
            others
            ? PlantedBug.allCases.filter { !PlantedBug.judged.contains($0) } : PlantedBug.judged
        var found: [UInt64] = []
        for bug in bugs {
            let hit = (1...seeds).lazy.compactMap { seed in
                Play.once(Scenario(seed: seed), bug: bug).broken.map { (seed, $0) }
            }.first
            guard let (seed, broken) = hit else {
                print("\(bug): not found in \(seeds)")
                continue
            }
            found.append(seed)
            print("\(bug): found by seed \(seed), \(broken.verdict): \(broken.description)")
            fflush(nil)
            if let save { try keep(bug, seed, broken, in: save) }
        }
        if !found.isEmpty {
            let sorted = found.sorted()
            print("by seed \(sorted[sorted.count / 2]) in the median, \(sorted.last ?? 0) at most")
        }
        print("\(found.count) of \(bugs.count) planted bugs found")
        if found.count < bugs.count { throw ExitCode(1) }
    }

    private func keep(_ bug: PlantedBug, _ seed: UInt64, _ broken: Broken, in folder: String) throws
    {
        let shrunk = Play.shrunk(Scenario(seed: seed), broken.verdict, bug: bug)
        try SavedScenario(bug: bug, scenario: shrunk)
            .write(to: URL(filePath: folder).appending(path: "planted-\(bug).json"))
    }
}
