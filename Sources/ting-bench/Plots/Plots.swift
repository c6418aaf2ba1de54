// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// Measures how costs grow with a workspace and with a server, and draws it.
struct Plots: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure how costs grow, and draw them.",
        discussion: """
            Writes growth.jsonl and charts as SVG into a folder. With --draw it draws what is there.

            Examples:
              ting-bench plots --to Docs/performance
              ting-bench plots --to Docs/performance --draw
            """)

    @Option(help: "The folder.") var to: String
    @Option(help: "The largest workspace, in records.") var records = 1_000_000
    @Option(help: "The most workspaces on one server.") var workspaces = 1_000
    @Option(help: "The folder of ting and tingd (default: this program's own).") var bin: String?
    @Flag(help: "Draw what growth.jsonl holds, and measure nothing.") var draw = false

    /// One line of growth.jsonl: of the one or of the other.
    struct Row: Codable {
        var workspace: WorkspaceGrowth?
        var server: ServerGrowth?
    }

    private var file: String { to + "/growth.jsonl" }

    func run() async throws {
        defer { Scratch.removeAll() }
        if !draw { try await measure() }
        let rows = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
            .map { try JSONDecoder().decode(Row.self, from: Data($0.utf8)) }
        for (name, chart) in Charts.all(
            rows.compactMap(\.workspace), rows.compactMap(\.server))
        {
            try chart.svg.write(toFile: "\(to)/\(name).svg", atomically: true, encoding: .utf8)
        }
    }

    private func measure() async throws {
        var options = Bench.Options()
        options.programs = bin ?? Measure.ownFolder
        var lines: [String] = []
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        func keep(_ row: Row) throws {
            lines.append(String(decoding: try encoder.encode(row), as: UTF8.self))
            try (lines.joined(separator: "\n") + "\n")
                .write(toFile: file, atomically: true, encoding: .utf8)
        }
        for size in Self.sizes(from: 1_000, to: records) {
            try keep(Row(workspace: WorkspaceGrowth(records: size, options)))
        }
        for server in try await ServerGrowth.measure(Self.sizes(from: 1, to: workspaces), options) {
            try keep(Row(server: server))
        }
    }

    /// Ten times as large each, and the largest.
    static func sizes(from least: Int, to most: Int) -> [Int] {
        Array(sequence(first: least) { $0 * 10 < most ? $0 * 10 : nil }.prefix { $0 < most }) + [
            most
        ]
    }
}

/// The charts of Docs/performance.md.
enum Charts {
    static func all(_ workspaces: [WorkspaceGrowth], _ servers: [ServerGrowth])
        -> [(name: String, chart: Chart)]
    {
        func line(_ name: String, _ value: (WorkspaceGrowth) -> Double) -> Chart.Line {
            Chart.Line(name: name, points: workspaces.map { (Double($0.records), value($0)) })
        }
        func line(_ name: String, _ value: (ServerGrowth) -> Double) -> Chart.Line {
            Chart.Line(name: name, points: servers.map { (Double($0.workspaces), value($0)) })
        }
        let records = "records in one workspace"
        return [
            (
                "rates",
                Chart(
                    title: "Rates while a workspace fills", across: records, upward: "records/s",
                    lines: [
                        line("local edits") { $0.editsPerSecond },
                        line("sync, both ends") { $0.syncedPerSecond },
                        line("snapshot") { Double($0.records) / $0.snapshotSeconds },
                        line("own digest") { Double($0.records) / $0.digestSeconds },
                        line("search index") { Double($0.records) / $0.indexSeconds },
                    ])
            ),
            (
                "sizes",
                Chart(
                    title: "File sizes", across: records, upward: "bytes",
                    lines: [
                        line("server's workspace") { Double($0.workspaceBytes) },
                        line("snapshot") { Double($0.snapshotBytes) },
                        line("replica, search index too") { Double($0.replicaBytes) },
                    ])
            ),
            (
                "commands",
                Chart(
                    title: "Commands, start to exit", across: records, upward: "ms",
                    lines: [
                        line("list --limit 50") { $0.listMilliseconds },
                        line("status") { $0.statusMilliseconds },
                        line("search --limit 50") { $0.searchMilliseconds },
                    ])
            ),
            (
                "memory",
                Chart(
                    title: "Peak memory of commands", across: records, upward: "KiB",
                    lines: [
                        line("list --limit 50") { Double($0.listKiB) },
                        line("first search (indexes)") { Double($0.searchKiB) },
                        line("verify") { Double($0.verifyKiB) },
                    ])
            ),
            (
                "workspaces",
                Chart(
                    title: "Workspaces on one server, each asked in turn", across: "workspaces",
                    upward: "",
                    lines: [
                        line("memory, KiB") { Double($0.memoryKiB) },
                        line("file handles") { Double($0.fileHandles) },
                        line("requests/s") { $0.requestsPerSecond },
                    ])
            ),
        ]
    }
}
