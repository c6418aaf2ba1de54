// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Play seeds, each twice, and say which fail.",
        discussion: """
            Examples:
              ting-sim run --seeds 1-2000
              ting-sim run --seeds 1-500 --fault replies --fault backups
            """)

    @Option(help: ArgumentHelp("Which seeds: 7 or 1-2000.", valueName: "A-B")) var seeds = "1-100"
    @Option(
        help: ArgumentHelp("A fault that every seed has; may be given again.", valueName: "NAME"))
    var fault: [Scenario.Fault] = []
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

    /// What the seeds came to.
    private struct Report: Codable {
        var failures: [String] = []
        var counts = World.Counts()

        mutating func add(_ other: Report) {
            failures += other.failures
            counts.add(other.counts)
        }
    }

    func run() throws {
        Simulator.beDeterministic()
        guard let range = Self.range(seeds) else { return }
        let isPart = ProcessInfo.processInfo.environment[Self.partVariable] != nil
        let report = !isPart && range.count > 1 ? try spread(range) : play(range)
        if isPart { return print(try encoded(report)) }
        try show(report, range)
        if !report.failures.isEmpty { throw ExitCode(1) }
    }

    private func play(_ range: ClosedRange<UInt64>) -> Report {
        range.reduce(into: Report()) { report, seed in
            let outcome = Play.thoroughly(Scenario(seed: seed, always: Set(fault)))
            report.counts.add(outcome.counts)
            if let broken = outcome.broken {
                report.failures.append("seed \(seed) \(broken.verdict): \(broken.description)")
            }
        }
    }

    private func show(_ report: Report, _ range: ClosedRange<UInt64>) throws {
        let bound = 3 / Double(range.count)
        if json {
            print(try encoded(report))
        } else {
            for failure in report.failures { print(failure) }
            print(report.counts.sentence)
            if report.failures.isEmpty {
                print("No failure in \(range.count) runs bounds its rate by \(bound).")
            }
        }
        func count(_ verdict: String) -> Int {
            report.failures.count { $0.contains(" \(verdict): ") }
        }
        let verdicts = ["lost", "different", "stuck"].map { "\(count($0)) \($0)" }
        let wrong = count("wrong")
        print(
            "\(range.count) seeds, \(verdicts.joined(separator: ", "))"
                + (wrong > 0 ? ", \(wrong) wrong" : ""))
    }

    private func encoded(_ report: Report) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(report), as: UTF8.self)
    }

    // MARK: Processes

    /// Set for a process that plays a part of the seeds.
    private static let partVariable = "TING_SIM_PART"

    /// Shares the seeds among processes, SQLite's generator being one a process: each takes the
    /// next part when it has played one.
    private func spread(_ range: ClosedRange<UInt64>) throws -> Report {
        let size = UInt64(max(1, min(500, (range.count + jobs - 1) / jobs)))
        var starts = Array(
            stride(from: range.lowerBound, through: range.upperBound, by: UInt64.Stride(size))
        )[...]
        var running: [Part] = []
        var report = Report()
        while !starts.isEmpty || !running.isEmpty {
            while running.count < jobs, let start = starts.popFirst() {
                running.append(try Part(start...min(start + size - 1, range.upperBound), fault))
            }
            report.add(running.removeFirst().report())
        }
        return report
    }

    /// A process that plays some of the seeds.
    private struct Part {
        private let process = Process()
        private let output = Pipe()
        private let seeds: String

        init(_ range: ClosedRange<UInt64>, _ faults: [Scenario.Fault]) throws {
            seeds = "\(range.lowerBound)-\(range.upperBound)"
            process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments =
                ["run", "--seeds", seeds] + faults.flatMap { ["--fault", $0.rawValue] }
            process.environment = ProcessInfo.processInfo.environment.merging(
                [Run.partVariable: "1"], uniquingKeysWith: { _, new in new })
            process.standardOutput = output
            try process.run()
        }

        func report() -> Report {
            let data = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            if let report = try? JSONDecoder().decode(Report.self, from: data) { return report }
            return Report(failures: ["seed \(seeds) wrong: the process crashed"])
        }
    }
}

extension World.Counts {
    fileprivate var sentence: String {
        """
        \(repliesLost) replies lost after a commit, \(sentAgain) change sets sent again \
        (\(sentByCopy) from another file), \(copiesFound) copies found, \(startOvers) replicas \
        started over, \(givenBack) change sets given back.
        """
    }
}
