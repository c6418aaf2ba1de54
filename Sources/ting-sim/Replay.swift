// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Play one seed and print all that happens; shrink it if it fails.",
        discussion: """
            Examples:
              ting-sim replay 1234
              ting-sim replay 1234 --save Tests/SimulatorTests/scenarios/what-it-found.json
              ting-sim replay 7 --bug entryDropped
            """)

    @Argument(help: "The seed, or a file that holds a scenario.") var seed: String
    @Option(
        help: ArgumentHelp("A fault that the seed was run with.", valueName: "NAME"))
    var fault: [Scenario.Fault] = []
    @Option(help: ArgumentHelp("A bug to build in.", valueName: "NAME")) var bug: PlantedBug?
    @Option(help: ArgumentHelp("Write the shrunk scenario to a file.", valueName: "FILE"))
    var save: String?
    @Flag(help: "Don't look for a shorter scenario.") var whole = false

    func run() throws {
        Simulator.beDeterministic()
        var saved = SavedScenario(bug: bug, scenario: Scenario(seed: 0))
        if let number = UInt64(seed) {
            saved.scenario = Scenario(seed: number, always: Set(fault))
        } else {
            saved = try SavedScenario(contentsOf: URL(filePath: seed))
        }
        guard let broken = saved.outcome.broken else {
            show(saved)
            return print("passed")
        }
        if !whole { saved.scenario = Play.shrunk(saved.scenario, broken.verdict, bug: saved.bug) }
        show(saved)
        print("\(broken.verdict): \(saved.outcome.broken?.description ?? broken.description)")
        if let save {
            try saved.write(to: URL(filePath: save))
        } else {
            print(String(decoding: try saved.encoded(), as: UTF8.self))
        }
        throw ExitCode(1)
    }

    private func show(_ saved: SavedScenario) {
        guard let world = try? World(saved.scenario, bug: saved.bug, keepsTrace: true) else {
            return
        }
        defer { world.close() }
        try? world.play()
        for line in world.trace.lines { print(line) }
    }
}

extension PlantedBug: ExpressibleByArgument {}
