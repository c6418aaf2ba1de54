// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingLink

/// Seconds over a long line, beside tools that do the same.
struct FarLine: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "line",
        abstract:
            "Measure a sync and a first clone over a long line, beside git, fossil and taskd.",
        discussion: """
            The line is emulated between two network namespaces: `near` has a round trip of 100 ms and
            loses nothing, `evening` is Denmark to a Chinese province: 300 ms ± 60, 15 % of packets lost
            on the way down and 0.5 % up, 1 Mbit/s down. Both members have edited before each sync.

            Examples:
              ting-bench line
              ting-bench line --tools ting,git --lines near --tries 3
            """)

    @Option(help: "Which tools, with commas between: ting, git, fossil, taskd.")
    var tools = "ting,git,fossil,taskd"
    @Option(help: "Which lines: near, evening.") var lines = "near,evening"
    @Option(help: "Records that everybody holds.") var records = 10_000
    @Option(help: "Edits of each member before a sync.") var edits = 20
    @Option(help: "Syncs of each kind.") var tries = 7
    @Option(help: "The seed of the records and of the line.") var seed: UInt64 = 1
    @Flag(help: "Measure no first clone: on a bad evening one takes minutes.") var noClone = false
    @Flag(help: "Print one line of JSON for each figure.") var json = false
    @Option(
        help: ArgumentHelp(
            "The folder of ting and tingd (default: this program's own).", valueName: "folder"))
    var bin: String?

    private static let rivals: [any Rival.Type] = [
        TingRival.self, GitRival.self, FossilRival.self, TaskRival.self,
    ]

    private static let profiles: [(name: String, profile: LinkProfile)] = [
        ("near", .roundTrip(.milliseconds(100))), ("evening", .farEvening),
    ]

    func validate() throws {
        let names = Self.rivals.map { $0.name }
        for tool in tools.split(separator: ",") where !names.contains(String(tool)) {
            throw ValidationError("there is no \(tool): name \(names.joined(separator: ", "))")
        }
        for line in lines.split(separator: ",")
        where !Self.profiles.contains(where: { $0.name == line }) {
            throw ValidationError("there is no \(line): name near or evening")
        }
        guard tries > 0, edits > 0, records >= edits * 40 else {
            throw ValidationError("at least one try, one edit, and 40 records an edit")
        }
    }

    func run() async throws {
        defer { Scratch.removeAll() }
        var options = Bench.Options()
        options.programs = bin ?? Measure.ownFolder
        var source = PlanningRecords(seed: seed)
        let all = source.next(records)
        if !json { print(Figure.heading) }
        for rival in Self.rivals where tools.split(separator: ",").contains(Substring(rival.name)) {
            let link = try Link(.clear, seed: seed)
            defer { link.close() }
            defer { Self.clear(link) }
            let tool = try await rival.init(all, link, options)
            for (name, profile) in Self.profiles
            where lines.split(separator: ",").contains(Substring(name)) {
                try await measure(tool, name, profile, link)
            }
        }
    }

    /// Ends what runs at the far end; some servers take no notice of SIGTERM.
    private static func clear(_ link: Link) {
        let ip = try? Program.system("ip", in: ["/usr/sbin", "/sbin"])
        let listed = try? ip?.output(["netns", "pids", link.namespace])
        for process in (listed ?? "").split(separator: "\n").compactMap({ pid_t($0) }) {
            kill(process, SIGKILL)
            var status: Int32 = 0
            waitpid(process, &status, 0)
        }
    }

    private func measure(
        _ tool: any Rival, _ line: String, _ profile: LinkProfile, _ link: Link
    ) async throws {
        var figure = Figure(type(of: tool).name, line, "sync of \(edits) edits each")
        for round in 0..<tries {
            try await tool.edit(edits, round: round + (line == "near" ? 0 : tries))
            try figure.add(over: link, profile, seed: seed &+ UInt64(round)) { try tool.sync() }
        }
        try report(figure)
        guard !noClone else { return }
        var first = Figure(type(of: tool).name, line, "first clone of \(records) records")
        try await tool.prepareClone()
        try first.add(over: link, profile, seed: seed) { try tool.clone() }
        try report(first)
    }

    private func report(_ figure: Figure) throws {
        print(json ? try figure.jsonLine : figure.row)
        fflush(nil)
    }

    /// What one tool took on one line.
    private struct Figure: Encodable {
        let tool: String
        let line: String
        let what: String
        private(set) var seconds: [Double] = []
        private(set) var bytes: [Double] = []

        init(_ tool: String, _ line: String, _ what: String) {
            (self.tool, self.line, self.what) = (tool, line, what)
        }

        /// Measures once, with the line as it is to be; it is clear again afterwards.
        mutating func add(
            over link: Link, _ profile: LinkProfile, seed: UInt64, _ body: () throws -> Void
        ) throws {
            link.change(to: profile, seed: seed)
            defer { link.change(to: .clear, seed: seed) }
            let start = ContinuousClock.now
            try body()
            seconds.append((ContinuousClock.now - start).seconds)
            bytes.append(Double(link.carried.bytes))
        }

        static let heading =
            "\("tool".padded(8))\("line".padded(9))\("what".padded(32))"
            + "\("seconds".leading(9))\("min – max".leading(17))\("bytes".leading(12))"

        var row: String {
            let range = String(
                format: "%.2f – %.2f", seconds.min() ?? 0, seconds.max() ?? 0)
            return tool.padded(8) + line.padded(9) + what.padded(32)
                + String(format: "%.2f", Pairs.median(seconds)).leading(9) + range.leading(17)
                + String(format: "%.0f", Pairs.median(bytes)).leading(12)
        }

        var jsonLine: String {
            get throws {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys]
                return String(decoding: try encoder.encode(self), as: UTF8.self)
            }
        }
    }
}

extension LinkProfile {
    /// The bad evening, with the line's rate: 1 Mbit/s on the way down.
    fileprivate static let farEvening: LinkProfile = {
        var profile = LinkProfile.badEvening
        profile.toNear.bytesPerSecond = 125_000
        return profile
    }()
}
