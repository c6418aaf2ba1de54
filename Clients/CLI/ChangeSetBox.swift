// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingCore
import TingStore
import TingTerminal

/// Where change sets are that the server has not accepted: the outbox, or the quarantine.
protocol ChangeSetBox {
    associatedtype Item

    /// Its name, and that of its command.
    static var name: String { get }
    /// What it holds, as help calls it.
    static var contents: String { get }
    /// For help: where an export goes, and where it is taken in again.
    static var exportFile: String { get }
    static var importPlace: String { get }

    static func items(of replica: Replica, _ console: Console) throws -> [Item]
    static func changeSet(of item: Item) -> ChangeSet
    static func json(_ item: Item, _ schema: Schema) -> JSONValue
    /// What `ting outbox import` takes in again.
    /// - Parameter workspace: Whose replica it is: it is taken in nowhere else.
    static func exported(_ item: Item, _ schema: Schema, _ workspace: String) -> JSONValue
    /// What a list says of it, between its id and its edits.
    static var columns: [(heading: String, text: (Item) -> String)] { get }
    /// Lines above its edits.
    static func account(of item: Item) -> [String]
    static func hints(_ items: [Item]) -> [String]
    /// How many of them may be on their way to the server in a bundle.
    static func carried(_ ids: [ChangeSetID], of replica: Replica) throws -> Int
    /// How many more would go to quarantine with them, since they build on what only these make.
    static func dependents(on ids: [ChangeSetID], of replica: Replica) throws -> Int
    /// - Returns: How many more went to quarantine, since they built on what is gone.
    static func discard(_ ids: [ChangeSetID], of replica: Replica) throws -> Int
}

extension ChangeSetBox {
    /// Those that arguments name by the ends of their ids; all of them without arguments.
    static func items(
        of replica: Replica, _ console: Console, named ids: [String]
    ) throws -> [Item] {
        let items = try items(of: replica, console)
        guard !ids.isEmpty else { return items }
        var named: Set<ChangeSetID> = []
        return try ids.compactMap { text in
            let found =
                text.isEmpty
                ? [] : items.filter { changeSet(of: $0).id.description.hasSuffix(text) }
            if let only = found.first, found.count == 1 {
                return named.insert(changeSet(of: only).id).inserted ? only : nil
            }
            throw CommandError(
                .error, code: found.isEmpty ? "not_found" : "ambiguous",
                found.isEmpty
                    ? "No change set in the \(name) has the id `\(text)`."
                    : "`\(text)` is the end of \(found.count) change sets' ids.",
                remedy: "List them first, and give more characters of the id.")
        }
    }
}

/// `ting outbox list`, `ting quarantine list`.
struct ListChangeSets<Box: ChangeSetBox>: TingCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "list", abstract: "List \(Box.contents).",
            discussion: """
                Example:
                  ting \(Box.name) list --json
                """)
    }

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let replica = try session.replica()
        let items = try Box.items(of: replica, console)
        if global.json {
            return console.data(.array(items.map { Box.json($0, replica.schema) }))
        }
        guard !items.isEmpty else { return console.note("The \(Box.name) is empty.") }
        let short = ShortIDs(items.map { Box.changeSet(of: $0).id.description })
        var table = TextTable(
            headings: ["change set"] + Box.columns.map(\.heading) + ["what", "message"])
        table.rows = items.map { item in
            let changeSet = Box.changeSet(of: item)
            return [short.short(changeSet.id.description)] + Box.columns.map { $0.text(item) }
                + [ChangeSetView(changeSet, replica.schema).summary, changeSet.message]
        }
        console.data(table.lines(style: console.style))
        for hint in Box.hints(items) { console.hint(hint) }
    }
}

/// `ting outbox show`, `ting quarantine show`.
struct ShowChangeSets<Box: ChangeSetBox>: TingCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "show", abstract: "Show \(Box.contents), with every value.",
            discussion: """
                Example:
                  ting \(Box.name) show 3b9f
                """)
    }

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Change sets; all, when none is named.") var ids: [String] = []

    func run() throws {
        let replica = try session.replica()
        let picked = try Box.items(of: replica, console, named: ids)
        if global.json {
            return console.data(.array(picked.map { Box.json($0, replica.schema) }))
        }
        for item in picked {
            let changeSet = Box.changeSet(of: item)
            let message = Terminal.printable(changeSet.message)
            console.data("change set \(changeSet.id)" + (message.isEmpty ? "" : ": \(message)"))
            console.data(Box.account(of: item).map { "  " + Terminal.printable($0) })
            console.data(ChangeSetView(changeSet, replica.schema).patch(console.style))
        }
    }
}

/// `ting outbox export`, `ting quarantine export`.
struct ExportChangeSets<Box: ChangeSetBox>: TingCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "export",
            abstract: "Print \(Box.contents) as JSON, to keep or to pass on.",
            discussion: """
                `ting outbox import` takes it in again\(Box.importPlace).

                Example:
                  ting \(Box.name) export > \(Box.exportFile)
                """)
    }

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Change sets; all, when none is named.") var ids: [String] = []

    func run() throws {
        let replica = try session.replica()
        let picked = try Box.items(of: replica, console, named: ids)
        let workspace = try replica.identity().workspace
        console.data(.array(picked.map { Box.exported($0, replica.schema, workspace) }))
    }
}

/// `ting outbox discard`, `ting quarantine discard`.
struct DiscardChangeSets<Box: ChangeSetBox>: TingCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "discard", abstract: "Give up \(Box.contents), for good.",
            discussion: """
                Asks on a terminal; needs --yes elsewhere.

                Example:
                  ting \(Box.name) discard 3b9f --yes
                """)
    }

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Change sets; all, when none is named.") var ids: [String] = []
    @Flag(name: [.customShort("y"), .long], help: "Don't ask.") var yes = false

    func run() throws {
        let replica = try session.replica()
        let picked = try Box.items(of: replica, console, named: ids)
            .map { Box.changeSet(of: $0).id }
        var dependents = 0
        if !picked.isEmpty {
            let carried = try Box.carried(picked, of: replica)
            if carried > 0 {
                console.warn(
                    "\(carried.counted("change set")) may be on the way in a bundle: the server takes what arrives, discarded here or not."
                )
            }
            if !yes { try console.confirm(question(picked, replica), yes: false) }
            dependents = try Box.discard(picked, of: replica)
        }
        console.outcome(
            .object([("discarded", .array(picked.map { .text($0.description) }))]),
            picked.isEmpty
                ? "The \(Box.name) is empty: there is nothing to discard."
                : "Discarded \(picked.count.counted("change set")).")
        guard dependents > 0 else { return }
        console.warn(
            "\(dependents.counted("change set")) built on what is gone: in quarantine now.")
        throw Finish.quarantined
    }

    private func question(_ picked: [ChangeSetID], _ replica: Replica) throws -> String {
        let dependents = try Box.dependents(on: picked, of: replica)
        let rest =
            dependents > 0
            ? " (what builds on it goes to quarantine: \(dependents.counted("change set")))" : ""
        return "Discard \(picked.count.counted("change set")) of the \(Box.name), for good\(rest)?"
    }
}
