// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRDB
import TingClient
import TingCore
import TingStore
import TingTerminal

struct Log: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Tell what happened, newest first; of one record, where one is named.",
        discussion: """
            Examples:
              ting log
              ting log JWP-017 -p
              ting log --since 2026-05-12
              ting log --since last-sync        what the last sync brought
              ting log --since 120 --json       what came after version 120

            The last sync is the last one with news: what it brought, and what it took of yours. One \
            that ended with nothing new does not count.

            A replica that began from a snapshot whose history starts later says so. \
            A date is the start of that day where this computer is, as the times shown are; a time \
            as `--json` prints it, in UTC, is fine too.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "A record.") var id: String?
    @Flag(name: [.customShort("p"), .long], help: "With every value before and after.") var patch =
        false

    @Option(
        help: ArgumentHelp(
            "From a date or time on, after a version, or what the last sync brought.",
            valueName: "since")
    )
    var since: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("At most so many.", valueName: "number"))
    var limit: Int?

    func validate() throws { try check(limit: limit) }

    func run() throws {
        let replica = try session.replica()
        // Edits by other tools belong to the story.
        try session.sealForReading(replica, console)
        let record = try id.map { id in try replica.read { try Self.anyRecord(id, replica, $0) } }
        let start = try start(replica)
        let pending = try replica.outbox().map(\.changeSet).reversed().filter { changeSet in
            record.map { record in changeSet.operations.contains { $0.record == record } } ?? true
                && (start.time.map { changeSet.time >= $0 } ?? !isLastSync)
        }
        var entries = try replica.history(
            of: record, since: start.version, limit: start.time == nil ? limit : nil)
        if let time = start.time { entries.removeAll { $0.accepted < time } }
        let all: [Item] = pending.map { .pending($0) } + entries.map { .accepted($0) }
        let items = limit.map { Array(all.prefix($0)) } ?? all
        let names = try replica.read { try RecordText(replica, $0) }
        if global.json {
            return console.data(.array(items.map { json($0, names, replica.schema) }))
        }
        let floor = try FloorText(replica, since: start.version)
        guard !items.isEmpty else {
            console.note("Nothing happened.")
            return console.noteFloor(floor)
        }
        try replica.read { db in
            for item in items { console.data(try lines(item, names, replica, db, record)) }
        }
        // What a limit or a date cuts off is another matter.
        if limit == nil, start.time.map({ floor?.reaches($0) ?? false }) ?? true {
            console.noteFloor(floor)
        }
    }

    private enum Item {
        case pending(ChangeSet)
        case accepted(Entry)

        var changeSet: ChangeSet {
            switch self {
            case .pending(let changeSet): changeSet
            case .accepted(let entry): entry.changeSet
            }
        }

        var entry: Entry? {
            if case .accepted(let entry) = self { entry } else { nil }
        }
    }

    private var isLastSync: Bool { since == "last-sync" }

    /// A record, live or deleted.
    static func anyRecord(_ id: String, _ replica: Replica, _ db: Database) throws -> RecordID {
        if let full = RecordID(id) { return full }
        do {
            return try RecordFinder(replica).record(db, id).id
        } catch let error as InputError where error.code == "not_found" {
            let deleted = try replica.locate(db, ending: id)
            if let only = deleted.first, deleted.count == 1 { return only.id }
            throw error
        }
    }

    private func start(_ replica: Replica) throws -> (version: Version, time: Int64?) {
        guard let since else { return (0, nil) }
        if isLastSync {
            return (try session.versionBeforeLastSync(replica) ?? 0, nil)
        }
        // Four digits that are no version yet are a year.
        let version = Version(since).flatMap { $0 >= 0 ? $0 : nil }
        let isYear = try since.utf8.count == 4 && version ?? 0 > replica.identity().base.version
        if let version, !isYear { return (version, nil) }
        if let time = TimeText.start(of: since) ?? TimeText.instant(since) { return (0, time) }
        throw CommandError(
            .usage, code: "usage", "`\(since)` is no date, version or `last-sync`.",
            remedy: "Write `--since 2026-05-12`, `--since 120` or `--since last-sync`.")
    }

    private func json(_ item: Item, _ names: RecordText, _ schema: Schema) -> JSONValue {
        let entry = item.entry
        return .object(
            [
                ("version", entry.map { .integer($0.version) } ?? .null),
                ("author", .text(entry.map { names.member($0.author.description) ?? "" })),
                ("accepted", .text(entry.map { TimeText.rfc3339($0.accepted) })),
                ("verdict", .text(entry.map { $0.effects == nil ? "applied" : "merged" })),
            ] + ChangeSetView(item.changeSet, schema).members)
    }

    private func lines(
        _ item: Item, _ names: RecordText, _ replica: Replica, _ db: Database, _ record: RecordID?
    ) throws -> [String] {
        let style = console.style
        let view = ChangeSetView(item.changeSet, replica.schema)
        var head: String
        if let entry = item.entry {
            head = style.bold("version \(entry.version)") + "  " + TimeText.short(entry.accepted)
            head += "  " + Terminal.printable(names.member(entry.author.description) ?? "")
            if entry.effects != nil { head += style.yellow("  merged") }
        } else {
            head = style.yellow("in the outbox") + "  " + TimeText.short(item.changeSet.time)
        }
        var lines = [head]
        let message = Terminal.printable(item.changeSet.message).replacing("\n", with: "\n  ")
        if !message.isEmpty { lines.append("  \(message)") }
        lines += patch ? view.patch(style, only: record) : try view.headlines(db, only: record)
        lines.append(style.dim("  change set \(item.changeSet.id)"))
        return lines
    }
}
