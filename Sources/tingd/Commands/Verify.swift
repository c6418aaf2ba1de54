// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingPlanning
import TingServer
import TingStore
import TingTerminal

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Recompute every digest and check every file.",
        discussion: """
            tingd verify --data /srv/ting
            tingd verify --data /backup/ting-2026-01-31

            Nothing is changed; a backup may lie on a disk that can only be read.
            """)

    @OptionGroup var options: DataOption

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    func run() throws {
        let found = try verification()
        if json {
            try Output.json(found)
        } else {
            for workspace in found.workspaces {
                Output.line(
                    "\(workspace.slug): version \(workspace.version), \(workspace.records) records")
            }
        }
        guard found.problems.isEmpty else {
            for problem in found.problems { ErrorPresenter.complain(problem, hint: nil) }
            throw ServerError(
                found.problems.count == 1
                    ? "1 problem was found." : "\(found.problems.count) problems were found.",
                hint: "Keep a copy of the folder, then see `tingd restore --help`.")
        }
        if !json { Output.line("all digests and files are right") }
    }

    private func verification() throws -> Verification {
        let progress = ProgressLine(isWanted: !json)
        defer { progress.end() }
        return try Verification(
            of: DataFolder(reading: options.data), schema: PlanningSchema.schema
        ) { slug, step in
            switch step {
            case .file: progress.announce("\(slug): checking the file")
            case .records(let done, let all):
                progress.report("\(slug): \(done) of \(all) records checked")
            case .history(let version, let all):
                progress.report("\(slug): history checked to version \(version) of \(all)")
            }
        }
    }
}
