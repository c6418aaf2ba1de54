// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// Tries the real programs in the real world, and says what got lost: nothing.
@main
struct Torture: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ting-torture",
        abstract: "Disturb the real `tingd` and `ting`, and see that nothing is lost.",
        discussion: """
            Processes, TLS and disks are real. Without an option, 100 programs are killed. Nothing \
            is lost when every acknowledged write is found again, all hold the same, and every \
            outbox is empty once the faults stop.

            Examples:
              ting-torture --kills 100
              ting-torture --minutes 30 --json
              ting-torture --cuts 97
              ting-torture --scenario full-replica
            """)

    @Option(help: "Kill so many programs while a team edits and syncs.") var kills: Int?
    @Option(
        help: ArgumentHelp(
            "Cut a sync, a clone and a join after each so many bytes; 1 cuts at every byte, and every 256th of a snapshot's body.",
            valueName: "step"))
    var cuts: Int?
    @Option(help: "With --cuts: only this exchange, sync, clone or join.") var exchange: String?
    @Option(
        help: ArgumentHelp(
            "Play a situation of the world, or `all`; see --list.", valueName: "name"))
    var scenario: String?
    @Option(help: "Partitions of that scenario, and 20 steps each of each member's evening.")
    var runs = 5
    @Flag(help: "List the scenarios.") var list = false
    @Option(help: "End after so many minutes, however far it got.") var minutes: Double?
    @Option(help: "What draws every random choice.") var seed: UInt64 = 1
    @Option(
        help: ArgumentHelp(
            "The folder with `ting` and `tingd`; without it, this program's own.",
            valueName: "folder"))
    var bin: String?
    @Flag(help: "Print JSON before the last line.") var json = false
    @Flag(name: .shortAndLong, help: "Print nothing while it runs.") var quiet = false

    func run() throws {
        guard !list else {
            for scenario in Scenario.all { print("\(scenario.name): \(scenario.about)") }
            return
        }
        signal(SIGPIPE, SIG_IGN)
        let ends = EndSignals()
        defer { withExtendedLifetime(ends) {} }
        let report = try play(Programs(folder: bin))
        if json {
            let data = try JSONSerialization.data(
                withJSONObject: report.json, options: [.sortedKeys])
            print(String(decoding: data, as: UTF8.self))
        } else {
            for line in report.lines { print(line) }
        }
        print(report.summary)
        if !report.findings.isEmpty { throw ExitCode(1) }
    }

    func validate() throws {
        guard cuts ?? 1 > 0, kills ?? 1 > 0, minutes ?? 1 > 0 else {
            throw ValidationError("Numbers are greater than 0.")
        }
        let names = CutRun.exchanges.map { $0.name }
        guard exchange.map(names.contains) ?? true else {
            throw ValidationError("--exchange is one of \(names.joined(separator: ", ")).")
        }
        let scenarios = Scenario.all.map(\.name) + ["all"]
        guard scenario.map(scenarios.contains) ?? true else {
            throw ValidationError("--scenario is one of \(scenarios.joined(separator: ", ")).")
        }
    }

    private func play(_ programs: Programs) throws -> Report {
        if let scenario { return try playScenarios(programs, named: scenario) }
        if let cuts { return try playCuts(programs, cuts) }
        let kills = kills ?? (minutes == nil ? 100 : .max)
        return try KillRun(programs: programs, seed: seed, kills: kills, end: end, say: say).run()
    }

    private func playScenarios(_ programs: Programs, named name: String) throws -> Report {
        var report = Report(unit: "runs", seed: seed)
        for scenario in Scenario.all where [scenario.name, "all"].contains(name) {
            say(scenario.name)
            report.add(try scenario.run(programs, seed: seed, runs: runs, end: end, say: say))
        }
        return report
    }

    private func playCuts(_ programs: Programs, _ step: Int) throws -> Report {
        try CutRun(
            programs: programs, step: step, only: exchange, seed: seed, end: end, say: say
        ).run()
    }

    private var end: ContinuousClock.Instant? {
        minutes.map { ContinuousClock.now + .seconds($0 * 60) }
    }

    private var say: @Sendable (String) -> Void {
        guard !quiet else { return { _ in } }
        return { FileHandle.standardError.write(Data("ting-torture: \($0)\n".utf8)) }
    }
}

/// On Ctrl-C, or when it is told to stop: the programs that it started go with it.
private final class EndSignals {
    private let sources: [any DispatchSourceSignal]

    init() {
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                Child.endAll()
                _exit(128 + number)
            }
            source.resume()
            return source
        }
    }
}
