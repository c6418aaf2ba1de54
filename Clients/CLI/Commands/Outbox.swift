// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingCore
import TingStore

struct Outbox: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outbox",
        abstract: "See what waits here to be sent.",
        discussion: """
            Only `discard` gives an edit up; nothing else ever does.

            Examples:
              ting outbox
              ting outbox show
              ting outbox export > edits.json
              ting outbox import edits.json
              ting outbox discard 3b9f --yes
            """,
        subcommands: [
            ListOutbox.self, ShowOutbox.self, ExportOutbox.self, ImportOutbox.self,
            DiscardOutbox.self,
        ],
        defaultSubcommand: ListOutbox.self)
}

/// Picks the change sets that arguments name by the ends of their ids; all of them without arguments.
struct ChangeSetPick {
    let ids: [String]

    func from<Item>(_ items: [Item], id: (Item) -> ChangeSetID) throws -> [Item] {
        guard !ids.isEmpty else { return items }
        return try ids.map { text in
            let found = items.filter { id($0).description.hasSuffix(text) }
            if let only = found.first, found.count == 1 { return only }
            throw CommandError(
                .error, code: found.isEmpty ? "not_found" : "ambiguous",
                found.isEmpty
                    ? "No change set here has the id `\(text)`."
                    : "`\(text)` is the end of \(found.count) change sets' ids.",
                remedy: "List them first, and give more characters of the id.")
        }
    }
}

extension TingCommand {
    /// The outbox, with what other tools edited.
    func sealedOutbox(_ replica: Replica) throws -> [ChangeSet] {
        let invalid = try replica.seal()
        if !global.json { console.warn(about: invalid) }
        return try replica.outbox().map(\.changeSet)
    }

    func showDetails(_ changeSets: [ChangeSet], _ replica: Replica) {
        let views = changeSets.map { ChangeSetView($0, replica.schema) }
        if global.json { return console.data(.array(views.map(\.json))) }
        for view in views {
            let message = Terminal.printable(view.changeSet.message)
            console.data(
                "change set \(view.changeSet.id)" + (message.isEmpty ? "" : ": \(message)"))
            console.data(view.patch(console.style))
        }
    }
}

struct ListOutbox: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the change sets that wait.",
        discussion: """
            Example:
              ting outbox list --json
            """)

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let replica = try session.replica()
        let changeSets = try sealedOutbox(replica)
        if global.json { return showDetails(changeSets, replica) }
        guard !changeSets.isEmpty else { return console.note("The outbox is empty.") }
        let short = ShortIDs(changeSets.map(\.id.description))
        var table = TextTable(headings: ["change set", "when", "what", "message"])
        table.rows = changeSets.map { changeSet in
            [
                short.short(changeSet.id.description), TimeText.short(changeSet.time),
                ChangeSetView(changeSet, replica.schema).summary, changeSet.message,
            ]
        }
        console.data(table.lines(style: console.style))
    }
}

struct ShowOutbox: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show change sets that wait, with their values.",
        discussion: """
            Example:
              ting outbox show 3b9f
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Change sets; all, when none is named.") var ids: [String] = []

    func run() throws {
        let replica = try session.replica()
        let all = try sealedOutbox(replica)
        showDetails(try ChangeSetPick(ids: ids).from(all, id: \.id), replica)
    }
}

struct ExportOutbox: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Print change sets that wait as JSON, to keep or to pass on.",
        discussion: """
            `ting outbox import` takes it in again.

            Example:
              ting outbox export > edits.json
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Change sets; all, when none is named.") var ids: [String] = []

    func run() throws {
        let replica = try session.replica()
        let all = try sealedOutbox(replica)
        let picked = try ChangeSetPick(ids: ids).from(all, id: \.id)
        console.data(.array(picked.map { EditsFile.json($0, replica.schema) }))
    }
}

struct ImportOutbox: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Take in edits that an export wrote: they wait here again, or in quarantine.",
        discussion: """
            What is here already, or was accepted, is not taken twice.

            Examples:
              ting outbox import programme.edits.json
              ting outbox export | ting --replica other.sqlite outbox import -
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The file; `-` for standard input.", completion: .file()) var file: String

    func run() throws {
        let edits = try EditsFile(InputFile.read(file))
        let replica = try session.replica()
        let workspace = try replica.identity().workspace
        if let named = edits.workspace, named != workspace {
            throw CommandError(
                .error, code: "other_workspace",
                "These are edits of the workspace \(named), and this is a replica of \(workspace).",
                remedy: "Name the replica with `-w \(named)`.")
        }
        let taken = try replica.take(
            outbox: edits.outbox, quarantine: edits.quarantine, held: edits.held)
        let status = try replica.unsynced()
        console.outcome(
            .object([
                ("imported", .integer(taken)), ("outbox", .integer(status.outbox)),
                ("quarantine", .integer(status.quarantine)), ("invalid", .integer(status.invalid)),
            ]),
            taken == 0
                ? "Nothing to import: all of it is here already, or was accepted."
                : "Imported \(taken) of \(edits.count); `ting sync` sends what is there.")
    }
}

struct DiscardOutbox: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "discard",
        abstract: "Give up edits that were not sent, for good.",
        discussion: """
            Asks on a terminal; needs --yes elsewhere.

            Example:
              ting outbox discard 3b9f --yes
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Change sets; all, when none is named.") var ids: [String] = []
    @Flag(name: [.customShort("y"), .long], help: "Don't ask.") var yes = false

    func run() throws {
        let replica = try session.replica()
        let picked = try ChangeSetPick(ids: ids).from(try sealedOutbox(replica), id: \.id)
        var dependents = 0
        if !picked.isEmpty {
            try console.confirm(
                "Discard \(picked.count.counted("change set")) of the outbox, for good?", yes: yes)
            dependents = try replica.discardOutbox(picked.map(\.id))
        }
        console.outcome(
            .object([("discarded", .array(picked.map { .text($0.id.description) }))]),
            "Discarded \(picked.count.counted("change set")).")
        guard dependents > 0 else { return }
        console.warn(
            "\(dependents.counted("change set")) built on what is gone: in quarantine now.")
        throw Finish.quarantined
    }
}
