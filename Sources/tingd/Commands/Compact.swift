// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingCore
import TingServer
import TingTerminal

struct Compact: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Move old history from a workspace to the archive beside it.",
        discussion: """
            tingd compact --data /srv/ting --workspace energy \\
              --before 2025-01-01 --dry-run
            tingd compact --data /srv/ting --workspace energy --keep 5000

            Records, deletions, conflicts and every verdict stay as they are. The archive holds what \
            was written, for `tingd log`; `tingd backup` takes it along, `tingd verify` checks it. \
            Works while the server runs. Members who were away for longer go on from a snapshot, with \
            all their edits. What has been moved does not come back into the workspace. \
            Give one of --keep, --before and --to, or none for the default of --keep.
            """)

    @OptionGroup var options: DataOption

    @OptionGroup var place: WorkspaceOption

    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp(
            "How many versions stay (default \(Limits.keptVersions)).", valueName: "versions"))
    var keep: Int64?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Versions accepted on this day (UTC) or later stay.", valueName: "date"))
    var before: String?

    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp("The oldest version that stays.", valueName: "version"))
    var to: Int64?

    @Flag(name: .long, help: "Tell what would be moved, and move nothing.")
    var dryRun = false

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    func validate() throws {
        guard [keep != nil, before != nil, to != nil].filter({ $0 }).count <= 1 else {
            throw ValidationError("Only one of --keep, --before and --to can be given.")
        }
        if let before, Self.time(before) == nil {
            throw ValidationError("--before reads like 2025-01-01, not \(before).")
        }
        if let keep, keep < 1 { throw ValidationError("--keep is at least 1: the head stays.") }
        if let to, to < 1 { throw ValidationError("--to is a version, from 1 on.") }
    }

    private var target: FloorTarget {
        if let time = before.flatMap(Self.time) { return .since(time) }
        if let to { return .version(to) }
        return .keep(keep ?? Limits.keptVersions)
    }

    /// Milliseconds since 1970 at the start of a day in UTC.
    static func time(_ day: String) -> Int64? {
        let style = Date.ISO8601FormatStyle(timeZone: .gmt).year().month().day()
        // The style reads a day that is none, and what begins like one.
        guard let date = try? style.parse(day), date.formatted(style) == day else { return nil }
        return Int64(date.timeIntervalSince1970) * 1_000
    }

    func run() throws {
        try options.withOperator(makesFiles: true) { person in
            let slug = try place.slug(of: person)
            let progress = ProgressLine(isWanted: !json)
            let done = try person.compact(slug, to: target, dryRun: dryRun) {
                progress.report("\(slug): the floor is version \($0) of \($1)")
            }
            progress.end()
            if json { return try Output.json(done) }
            guard done.floor > done.floorBefore else {
                return ErrorPresenter.note(
                    "tingd: \(slug): nothing to move; the floor is version \(done.floor)")
            }
            Output.line(
                "\(slug): \(dryRun ? "would move" : "moved") versions \(done.floorBefore) to "
                    + "\(done.floor - 1), \(done.archivedBytes) bytes, to the archive")
            if dryRun { return }
            Output.line("the workspace took \(done.bytesBefore) bytes and takes \(done.bytesAfter)")
        }
    }
}
