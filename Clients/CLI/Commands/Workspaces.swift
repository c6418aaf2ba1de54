// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingClient
import TingTerminal

struct Workspaces: TingCommand, AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workspaces",
        abstract: "List your workspaces on the servers you joined, and the replicas here.",
        discussion: """
            Examples:
              ting workspaces
              ting workspaces --local      only what is on this device, without the network
            """)

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Only replicas on this device; asks no server.") var local = false

    private struct Line {
        var server: String
        var slug: String
        var role: String?
        var head: Int64?
        var file: String?
        /// Whether the replica's file is not where it was: moved, removed, or on a disk that is away.
        var isMissing = false
    }

    func run() async throws {
        let home = try session.home()
        let known = try home.configuration()
        var lines = known.replicas.map { replica in
            let path = home.path(of: replica)
            return Line(
                server: replica.server, slug: replica.workspace, file: path,
                isMissing: !FileManager.default.fileExists(atPath: path))
        }
        var failure: (any Error)?
        for server in local ? [] : known.servers {
            do { merge(try await listing(server.url), server.url, into: &lines) } catch {
                failure = error
            }
        }
        lines.sort { ($0.server, $0.slug) < ($1.server, $1.slug) }
        show(lines, isEmpty: known.servers.isEmpty)
        if let failure { throw failure }
    }

    private func listing(_ url: String) async throws -> [WorkspaceSummary] {
        try await session.connection(to: url).use { try await $0.workspaces() }
    }

    private func merge(_ found: [WorkspaceSummary], _ url: String, into lines: inout [Line]) {
        for workspace in found {
            let same = lines.indices.filter {
                lines[$0].server == url && lines[$0].slug == workspace.slug
            }
            if same.isEmpty {
                lines.append(
                    Line(
                        server: url, slug: workspace.slug, role: workspace.role,
                        head: workspace.head))
            }
            for index in same {
                lines[index].role = workspace.role
                lines[index].head = workspace.head
            }
        }
    }

    private func show(_ lines: [Line], isEmpty: Bool) {
        if global.json {
            return console.data(
                .array(
                    lines.map { line in
                        .object([
                            ("workspace", .text(line.slug)), ("server", .text(line.server)),
                            ("role", .text(line.role)),
                            ("head", line.head.map { .integer($0) } ?? .null),
                            ("replica", .text(line.file)), ("missing", .bool(line.isMissing)),
                        ])
                    }))
        }
        if global.quiet { return console.data(lines.map(\.slug)) }
        guard !lines.isEmpty else {
            return console.note(
                isEmpty ? "No server joined yet: run `ting join ADDRESS`." : "No workspaces yet.")
        }
        var table = TextTable(headings: ["workspace", "role", "version", "server", "replica"])
        table.rightAligned = [2]
        table.rows = lines.map { line in
            [
                line.slug, line.role ?? "–", line.head.map { String($0) } ?? "–", line.server,
                line.file.map { $0 + (line.isMissing ? " (missing)" : "") } ?? "–",
            ]
        }
        console.data(table.lines(style: console.style))
    }
}
