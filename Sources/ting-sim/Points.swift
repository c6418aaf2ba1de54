// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

struct Points: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Strike every disk call of a scripted run, one at a time.",
        discussion: """
            A script of edits, seals, syncs, conflicts, quarantine, discards, clones, backups, new
            epochs and mending runs on a server and three replicas. At each call on a disk the
            power is cut, or the call fails: with an I/O error, for want of space, for want of file
            handles. Then everything acknowledged must be there, nothing be half done, and the
            script go on as it does without faults.

            Examples:
              ting-sim points --every 40
              ting-sim points --power
              ting-sim points --calls --only 100-119
            """)

    @Flag(help: "Power cuts alone.") var power = false
    @Flag(help: "Failing calls alone.") var calls = false
    @Option(help: "Strike one call in so many.") var every = 1
    @Option(help: "Operations of the script.") var operations = 250
    @Option(help: "Operations that are played, and compared, after each fault.") var reach = 5
    @Option(help: ArgumentHelp("Which operations are struck: 7 or 0-99.", valueName: "A-B"))
    var only: String?
    @Option(help: "Processes at a time.") var jobs = ProcessInfo.processInfo.activeProcessorCount
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard operations > 0, every > 0, reach >= 0, jobs > 0, struck != nil else {
            throw ValidationError("Write --only as 7 or 0-99, and counts above 0.")
        }
    }

    private var struck: Range<Int>? {
        guard let only else { return 0..<operations }
        guard let range = Run.range(only), range.upperBound < UInt64(operations) else { return nil }
        return Int(range.lowerBound)..<Int(range.upperBound) + 1
    }

    private var faults: [PointsRun.Fault] {
        PointsRun.Fault.allCases.filter { power == calls || ($0 == .powerCut) == power }
    }

    func run() throws {
        Simulator.beDeterministic()
        guard let struck else { return }
        let (points, failures) =
            jobs > 1 && struck.count > 1 ? try spread(struck) : try play(struck)
        if json {
            let object: [String: Any] = ["points": points, "failures": failures]
            let data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
            print(String(decoding: data, as: UTF8.self))
        } else {
            for failure in failures { print(failure) }
        }
        let counts = ["lost", "different", "stuck", "wrong"].map { name in
            (name, failures.count { $0.contains(" \(name): ") })
        }.filter { $0.0 != "wrong" || $0.1 > 0 }.map { "\($0.1) \($0.0)" }
        print("\(points) points, \(counts.joined(separator: ", "))")
        if !failures.isEmpty { throw ExitCode(1) }
    }

    private func play(_ struck: Range<Int>) throws -> (Int, [String]) {
        let run = try PointsRun(
            PointsScript(count: operations), faults: faults, every: every, reach: reach)
        do {
            try run.play(struck)
            return (run.points, run.failures)
        } catch {
            return (run.points, run.failures + ["point none wrong: \(error)"])
        }
    }

    /// Shares the operations among processes: a process has one simulated disk.
    private func spread(_ struck: Range<Int>) throws -> (Int, [String]) {
        let size = (struck.count + jobs - 1) / jobs
        var shares: [Range<Int>] = []
        for start in stride(from: struck.lowerBound, to: struck.upperBound, by: size) {
            shares.append(start..<min(start + size, struck.upperBound))
        }
        let results = try ChildRuns(
            shares.map { share in
                ["points", "--every", "\(every)", "--operations", "\(operations)", "--reach"]
                    + ["\(reach)", "--only", "\(share.lowerBound)-\(share.upperBound - 1)"]
                    + ["--jobs", "1"] + (power ? ["--power"] : []) + (calls ? ["--calls"] : [])
            }
        ).results()
        return results.reduce((0, [])) { sum, lines in
            let count = lines.last?.split(separator: " ").first.flatMap { Int($0) }
            return (
                sum.0 + (count ?? 0),
                sum.1 + lines.filter { $0.hasPrefix("point ") }
                    + (count == nil ? ["point none wrong: a process crashed"] : [])
            )
        }
    }
}

/// Several runs of this program at a time, each with one process.
struct ChildRuns {
    private let runs: [(Process, Pipe)]

    init(_ arguments: [[String]]) throws {
        runs = try arguments.map { arguments in
            let (process, output) = (Process(), Pipe())
            process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments = arguments
            process.standardOutput = output
            try process.run()
            return (process, output)
        }
    }

    /// What each printed, line by line, when all have ended.
    func results() -> [[String]] {
        runs.map { process, output in
            let text = String(
                decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return text.split(separator: "\n").map(String.init)
        }
    }
}
