// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingCore

/// Plays whole teams on simulated disks and lines, and checks them against an exact model.
@main
struct Simulator: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ting-sim",
        abstract: "Prove by simulation that nothing is lost.",
        discussion: """
            A server and its replicas, all real code, on a manual clock, a simulated line and
            simulated disks. One seed is one run; the same seed gives the same run.

            Examples:
              ting-sim run --seeds 1-2000
              ting-sim replay 1234
              ting-sim planted
            """,
        subcommands: [Run.self, Replay.self, Planted.self, Points.self, Bitrot.self])

    /// Hash tables must have the same order in every run, which Swift grants by this variable alone.
    static func beDeterministic() {
        let name = "SWIFT_DETERMINISTIC_HASHING"
        guard ProcessInfo.processInfo.environment[name] == nil else { return }
        setenv(name, "1", 1)
        let arguments = CommandLine.arguments.map { strdup($0) } + [nil]
        execv("/proc/self/exe", arguments)
    }
}

/// The outcome of one seed.
enum Verdict: Codable, Equatable {
    case passed
    case failed(seed: UInt64, verdict: String, what: String)
}

enum Play {
    /// Plays a scenario; a second time, to see that it goes the same way.
    static func twice(_ scenario: Scenario, bug: PlantedBug? = nil) -> Broken? {
        let (first, hash) = once(scenario, bug: bug)
        if let first { return first }
        guard bug == nil else { return nil }
        let (_, again) = once(scenario, bug: bug)
        return hash == again ? nil : Broken(.wrong, "two runs of the seed differ")
    }

    static func once(_ scenario: Scenario, bug: PlantedBug? = nil) -> (Broken?, Hash) {
        do {
            let world = try World(scenario, bug: bug)
            defer { world.close() }
            do {
                try world.play()
                return (nil, world.trace.hash)
            } catch {
                return (error as? Broken ?? Broken(.wrong, "\(error)"), world.trace.hash)
            }
        } catch {
            return (Broken(.wrong, "the world could not be made: \(error)"), .zero)
        }
    }

    /// The shortest scenario found that fails in the same way: steps are cut while it still does.
    static func shrunk(_ scenario: Scenario, _ verdict: Broken.Verdict, bug: PlantedBug? = nil)
        -> Scenario
    {
        var best = scenario
        func fails(_ candidate: Scenario) -> Bool {
            once(candidate, bug: bug).0?.verdict == verdict
        }
        while best.phases.count > 1, let shorter = fewerPhases(best).first(where: fails) {
            best = shorter
        }
        var size = max(1, best.phases.map(\.count).reduce(0, +) / 2)
        while size > 0 {
            var start = 0
            while start < best.phases.map(\.count).reduce(0, +) {
                let candidate = best.without(start..<start + size)
                if fails(candidate) { best = candidate } else { start += size }
            }
            size /= 2
        }
        return best
    }

    private static func fewerPhases(_ scenario: Scenario) -> [Scenario] {
        scenario.phases.indices.map { index in
            var shorter = scenario
            shorter.phases.remove(at: index)
            return shorter
        }
    }
}

extension Scenario {
    /// The scenario without the steps at these places, counted through all phases.
    func without(_ places: Range<Int>) -> Scenario {
        var shorter = self
        var place = 0
        shorter.phases = phases.map { phase in
            phase.filter { _ in
                defer { place += 1 }
                return !places.contains(place)
            }
        }
        return shorter
    }
}

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Play seeds, each twice, and say which fail.")

    @Option(help: ArgumentHelp("Which seeds: 7 or 1-2000.", valueName: "A-B")) var seeds = "1-100"
    @Option(help: "Processes at a time.") var jobs = ProcessInfo.processInfo.activeProcessorCount
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard Self.range(seeds) != nil, jobs > 0 else {
            throw ValidationError("Write --seeds as 7 or 1-2000.")
        }
    }

    static func range(_ text: String) -> ClosedRange<UInt64>? {
        let ends = text.split(separator: "-").map { UInt64($0) }
        guard let first = ends.first ?? nil, ends.count <= 2, let last = ends.last ?? nil,
            first <= last
        else { return nil }
        return first...last
    }

    func run() throws {
        Simulator.beDeterministic()
        guard let range = Self.range(seeds) else { return }
        let failures = jobs > 1 && range.count > 1 ? try spread(range) : try play(range)
        let counts = ["lost", "different", "stuck"].map { name in
            "\(failures.count { $0.contains(" \(name): ") }) \(name)"
        }
        let wrong = failures.count { $0.contains(" wrong: ") }
        if json {
            let object: [String: Any] = [
                "seeds": range.count, "failures": failures, "wrong": wrong,
                "bound": 3 / Double(range.count),
            ]
            let data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
            print(String(decoding: data, as: UTF8.self))
        } else {
            for failure in failures { print(failure) }
            if failures.isEmpty {
                print(
                    "No failure in \(range.count) runs bounds its rate by \(3 / Double(range.count))."
                )
            }
        }
        print(
            "\(range.count) seeds, \(counts.joined(separator: ", "))"
                + (wrong > 0 ? ", \(wrong) wrong" : ""))
        if !failures.isEmpty { throw ExitCode(1) }
    }

    private func play(_ range: ClosedRange<UInt64>) throws -> [String] {
        range.compactMap { seed in
            autoreleased {
                Play.twice(Scenario(seed: seed)).map {
                    "seed \(seed) \($0.verdict): \($0.description)"
                }
            }
        }
    }

    private func autoreleased<T>(_ body: () -> T) -> T { body() }

    /// Shares the seeds among processes: SQLite's generator is one a process.
    private func spread(_ range: ClosedRange<UInt64>) throws -> [String] {
        let size = UInt64((range.count + jobs - 1) / jobs)
        var running: [(Process, Pipe)] = []
        for start in stride(
            from: range.lowerBound, through: range.upperBound, by: UInt64.Stride(size))
        {
            let (process, output) = (Process(), Pipe())
            process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = [
                "run", "--seeds", "\(start)-\(min(start + size - 1, range.upperBound))", "--jobs",
                "1",
            ]
            process.standardOutput = output
            try process.run()
            running.append((process, output))
        }
        return running.flatMap { process, output in
            let text = String(
                decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            let lines = text.split(separator: "\n").map(String.init)
            let ended = process.terminationReason == .exit && process.terminationStatus <= 1
            return lines.filter { $0.hasPrefix("seed ") }
                + (ended ? [] : ["seed \(process.arguments?[2] ?? "?") wrong: the process crashed"])
        }
    }
}

struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Play one seed and print all that happens; shrink it if it fails.")

    @Argument(help: "The seed, or a file that holds a scenario.") var seed: String
    @Flag(help: "Don't look for a shorter scenario.") var whole = false

    func run() throws {
        Simulator.beDeterministic()
        var scenario: Scenario
        if let number = UInt64(seed) {
            scenario = Scenario(seed: number)
        } else {
            scenario = try JSONDecoder().decode(
                Scenario.self, from: Data(contentsOf: URL(filePath: seed)))
        }
        guard let broken = Play.once(scenario).0 else {
            show(scenario)
            print("passed")
            return
        }
        if !whole { scenario = Play.shrunk(scenario, broken.verdict) }
        show(scenario)
        print("\(broken.verdict): \(Play.once(scenario).0?.description ?? broken.description)")
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        print(String(decoding: try encoder.encode(scenario), as: UTF8.self))
        throw ExitCode(1)
    }

    private func show(_ scenario: Scenario) {
        guard let world = try? World(scenario, keepsTrace: true) else { return }
        defer { world.close() }
        try? world.play()
        for line in world.trace.lines { print(line) }
    }
}

struct Planted: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Build in known bugs, one at a time, and see that each is found.")

    @Option(help: "Seeds to try for each.") var seeds: UInt64 = 300

    func run() throws {
        Simulator.beDeterministic()
        var found = 0
        for bug in PlantedBug.allCases {
            let seed = (1...seeds).first { Play.once(Scenario(seed: $0), bug: bug).0 != nil }
            if seed != nil { found += 1 }
            print(
                "\(bug.rawValue): \(seed.map { "found by seed \($0)" } ?? "not found in \(seeds)")")
        }
        print("\(found) of \(PlantedBug.allCases.count) planted bugs found")
        if found < PlantedBug.allCases.count { throw ExitCode(1) }
    }
}
