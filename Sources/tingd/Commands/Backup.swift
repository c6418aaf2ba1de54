// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingPlanning
import TingServer
import TingTerminal

struct Backup: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copy everything consistently, while the server runs.",
        discussion: """
            tingd backup --data /srv/ting --to /backup/ting-$(date +%F)

            A workspace whose file can't be read is told, and ends it with 1: the others are copied, \
            and `incomplete.json` in the copy names what it lacks.

            The copy holds keys and members' data: keep it as safe as the server.
            """)

    @OptionGroup var options: DataOption

    @Option(name: .long, help: ArgumentHelp("A new folder for the copy.", valueName: "dir"))
    var to: String

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    func run() throws {
        let progress = ProgressLine(isWanted: !json)
        let report = try options.withOperator { person in
            defer { progress.end() }
            return try person.backup(to: to) { progress.announce("copying \($0) (\($1) of \($2))") }
        }
        if json { try Output.json(report) }
        let count = report.workspaces.count
        ErrorPresenter.note("tingd: copied \(count) workspace\(count == 1 ? "" : "s") to \(to)")
        guard let first = report.lacking.first else { return }
        for file in report.lacking { ErrorPresenter.complain(file.sentence, hint: nil) }
        throw ServerError(
            "The backup is incomplete: it lacks what can't be read.", hint: first.remedy)
    }
}

struct Restore: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a data folder from a backup; replicas give back what came after it.",
        discussion: """
            tingd restore --data /srv/ting --from /backup/ting-2026-01-31

            The server must not run. What lies in the data folder is moved aside. Each workspace \
            starts a new epoch: replicas notice it, and nothing they hold is lost. Devices, members \
            and join codes that were withdrawn since the backup stay so, as far as the data folder \
            still tells.
            """)

    @OptionGroup var options: DataOption

    @Option(name: .long, help: ArgumentHelp("A folder that backup made.", valueName: "dir"))
    var from: String

    func run() throws {
        let progress = ProgressLine(isWanted: true)
        defer { progress.end() }
        let restoration = try Operator.restore(
            options.data, from: from, schema: PlanningSchema.schema, progress: progress.announce
        ) { aside in
            progress.end()
            // Before it is done: whoever stops it now knows where to look.
            ErrorPresenter.note("tingd: moving what is in \(options.data) to \(aside)")
        }
        progress.end()
        if let aside = restoration.aside {
            ErrorPresenter.note("tingd: what was in \(options.data) is now in \(aside)")
        }
        for slug in restoration.kept {
            ErrorPresenter.note(
                "tingd: the backup lacks the workspace \(slug): its file stays as it was")
        }
        for slug in restoration.left {
            ErrorPresenter.note(
                "tingd: the workspace \(slug) came after the backup, which has another of that name: it is not restored; keep that folder"
            )
        }
        for (slug, count) in restoration.unproven.sorted(by: { $0.key < $1.key }) {
            ErrorPresenter.note(
                "tingd: \(count) of the entries in the archive of \(slug) can't be taken back: nothing proves them; keep that folder"
            )
        }
        for archive in restoration.unreadableArchives {
            let advice = access(archive.path, F_OK) == 0 ? "; keep that file" : ""
            ErrorPresenter.note(
                "tingd: \(archive.sentence) What only it held is not taken back\(advice).")
        }
        if !restoration.knowsWithdrawals {
            ErrorPresenter.note(
                """
                tingd: devices and members that were withdrawn after the backup are back: look at \
                `tingd devices` and `tingd members`. Its unused join codes are not.
                """)
        } else if restoration.withdrawn > 0 {
            ErrorPresenter.note(
                """
                tingd: what was withdrawn after the backup stays so: \(restoration.withdrawn) of its \
                devices, members, roles and join codes
                """)
        }
        ErrorPresenter.note("tingd: restored; start it with `tingd serve --data \(options.data)`")
        guard let first = restoration.lost.first else { return }
        for file in restoration.lost { ErrorPresenter.complain(file.sentence, hint: nil) }
        throw ServerError(
            "The backup lacks a workspace that can't be read in the replaced folder either: all else is restored.",
            hint: first.remedy)
    }
}
