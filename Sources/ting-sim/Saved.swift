// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// A scenario kept as a test: of a bug that was mended, or of a planted one.
struct SavedScenario: Codable {
    /// What it found, in a sentence.
    var found: String? = nil
    /// With this bug built in it must fail; without, pass.
    var bug: PlantedBug?
    var scenario: Scenario

    init(bug: PlantedBug?, scenario: Scenario) {
        self.bug = bug
        self.scenario = scenario
    }

    init(contentsOf file: URL) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: file))
    }

    func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    func write(to file: URL) throws { try encoded().write(to: file) }

    /// How it ends with its bug, if it has one.
    var outcome: Play.Outcome {
        bug == nil ? Play.thoroughly(scenario) : Play.once(scenario, bug: bug)
    }

    /// What is wrong with it as a test; `nil` when all is as it should be.
    var problem: String? {
        if let broken = Play.thoroughly(scenario).broken {
            return "\(broken.verdict): \(broken.description)"
        }
        guard let bug, Play.once(scenario, bug: bug).broken == nil else { return nil }
        return "\(bug) is not found"
    }
}

struct Saved: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Play the scenarios of a folder: all must pass, and fail with the bug they name.")

    @Argument(help: ArgumentHelp("The folder.", valueName: "DIR")) var folder: String

    func run() throws {
        Simulator.beDeterministic()
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
            .filter { $0.hasSuffix(".json") }.sorted()
        var passed = 0
        for name in files {
            let saved = try SavedScenario(contentsOf: URL(filePath: folder).appending(path: name))
            if let problem = saved.problem {
                print("\(name) \(problem)")
            } else {
                passed += 1
            }
        }
        print("\(passed) of \(files.count) saved scenarios as they should be")
        if passed < files.count { throw ExitCode(1) }
    }
}
