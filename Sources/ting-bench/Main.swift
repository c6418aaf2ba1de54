// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// Measures Ting as ratios to the limits under it.
@main
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ting-bench",
        abstract: "Measure Ting as ratios to what SQLite and TLS allow.",
        discussion: """
            Both sides are measured in turn in one run; the median of the ratios stands, with the
            least and the greatest.

            Examples:
              ting-bench P1
              ting-bench all --json
              ting-bench P9 --bin .build-static/bin
              ting-bench guards
              ting-bench guards --counts
              ting-bench line
            """,
        subcommands: [Measure.self, FarLine.self, Plots.self, Plant.self, Bare.self],
        defaultSubcommand: Measure.self)
}

struct Measure: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Measure a metric (the default).")

    static var metrics: [any Metric.Type] {
        [
            LocalEdits.self, ShellEdits.self, PullApply.self, Cloning.self, RoundTrips.self,
            WireBytes.self, Pushes.self, FanOut.self, IdleFollowers.self, Commands.self,
            Reads.self,
        ]
    }

    private static var names: String { metrics.map { $0.name }.joined(separator: ", ") }

    @Argument(
        help: ArgumentHelp(
            "\(names), `all` or `guards`; several may be named.", valueName: "metric"))
    var chosen: [String]

    @Flag(help: "Print one line of JSON a metric.") var json = false
    @Option(help: "Records of the standard workspace (w: 10000, W: 1000000).")
    var records = 10_000
    @Option(help: "Rows, edits or pushes of one sample.") var rows = 10_000
    @Option(help: "Pairs of samples, at least 7 for a figure to publish.") var pairs = 7
    @Option(help: "The seed of the records.") var seed: UInt64 = 1
    @Option(help: "Followers of P7 and P8.") var followers = 1_000
    @Option(help: "The replica of S1, instead of a new one: `ting-bench plant` makes it.")
    var file: String?
    @Flag(help: "Of the guards only those that count, and what P1, P2, P5 and P6 cost in counts.")
    var counts = false
    @Option(
        help: ArgumentHelp(
            "The folder of ting and tingd (default: this program's own).", valueName: "folder"))
    var bin: String?

    func validate() throws {
        let known =
            Self.metrics.map { $0.name.lowercased() } + ["all", "guards"]
            + Guards.names.map { $0.lowercased() }
        for name in chosen where !known.contains(name.lowercased()) {
            throw ValidationError("there is no \(name): name \(Self.names), all or guards")
        }
        guard records >= 100, rows >= 64, pairs >= 1, followers >= 1 else {
            throw ValidationError("at least 100 records, 64 rows, one pair and one follower")
        }
    }

    func run() async throws {
        var options = Bench.Options()
        options.records = records
        options.rows = rows
        options.pairs = pairs
        options.seed = seed
        options.followers = followers
        options.file = file
        options.programs = bin ?? Self.ownFolder
        let bench = Bench(options)
        defer { bench.end() }
        let wanted = Set(chosen.map { $0.lowercased() })
        var isFirst = true
        for metric in Self.metrics
        where wanted.contains("all") && metric.isOfAll || wanted.contains(metric.name.lowercased())
        {
            let result = try await metric.init().run(bench)
            if json {
                print(try result.jsonLine)
            } else {
                if isFirst { print(Result.heading) }
                for line in result.table { print(line) }
            }
            isFirst = false
            fflush(nil)
        }
        let broken = try await Guards.run(bench, wanted, json: json, countsOnly: counts)
        if broken > 0 { throw ExitCode(1) }
    }

    static var ownFolder: String {
        let own =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return (own as NSString).deletingLastPathComponent
    }
}

/// The bare TLS server, started by P7 and P8 as a process of its own.
struct Bare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(shouldDisplay: false)

    @Option var certificate: String
    @Option var key: String

    func run() async throws { try await BareServer.run(certificate: certificate, key: key) }
}
