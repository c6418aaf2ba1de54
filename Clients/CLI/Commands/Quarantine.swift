// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingCore
import TingStore

struct Quarantine: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quarantine",
        abstract: "See what the server rejected, and why.",
        discussion: """
            Rejected edits are kept, out of the tables, until you retry or discard them.

            Examples:
              ting quarantine
              ting quarantine show --json
              ting quarantine retry
              ting quarantine edit 3b9f status=active
              ting quarantine discard 3b9f --yes
            """,
        subcommands: [
            ListQuarantine.self, ShowQuarantine.self, RetryQuarantine.self, EditQuarantine.self,
            ExportQuarantine.self, DiscardQuarantine.self,
        ],
        defaultSubcommand: ListQuarantine.self)

    static func json(_ item: QuarantinedChangeSet, _ schema: Schema) -> JSONValue {
        .object(members(item, schema))
    }

    /// The members of its JSON object, for those who add more.
    static func members(_ item: QuarantinedChangeSet, _ schema: Schema) -> [(String, JSONValue)] {
        ChangeSetView(item.changeSet, schema).members + [
            ("code", .text(item.code.rawValue)), ("detail", .text(item.detail)),
            ("remedy", .text(item.code.remedy)), ("rejected", .text(TimeText.rfc3339(item.time))),
            ("damaged", .bool(item.isDamaged)),
        ]
    }
}

struct ListQuarantine: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List what was rejected.",
        discussion: """
            Example:
              ting quarantine list --json
            """)

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let replica = try session.replica()
        let items = try replica.quarantine()
        if global.json {
            return console.data(.array(items.map { Quarantine.json($0, replica.schema) }))
        }
        guard !items.isEmpty else { return console.note("The quarantine is empty.") }
        let short = ShortIDs(items.map(\.changeSet.id.description))
        var table = TextTable(headings: ["change set", "rejected", "code", "what", "message"])
        table.rows = items.map { item in
            [
                short.short(item.changeSet.id.description), TimeText.short(item.time),
                item.code.rawValue, ChangeSetView(item.changeSet, replica.schema).summary,
                item.changeSet.message,
            ]
        }
        console.data(table.lines(style: console.style))
        for code in Set(items.map(\.code)).sorted(by: { $0.rawValue < $1.rawValue }) {
            console.hint("\(code.rawValue): \(code.remedy)")
        }
    }
}

struct ShowQuarantine: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show what was rejected, with its values.",
        discussion: """
            Example:
              ting quarantine show 3b9f
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Change sets; all, when none is named.") var ids: [String] = []

    func run() throws {
        let replica = try session.replica()
        let picked = try ChangeSetPick(ids: ids).from(replica.quarantine(), id: \.changeSet.id)
        if global.json {
            return console.data(.array(picked.map { Quarantine.json($0, replica.schema) }))
        }
        for item in picked {
            console.data("change set \(item.changeSet.id)")
            if item.isDamaged {
                console.data("  Its bytes changed on this disk: it is not what was written.")
            }
            console.data("  \(item.code.rawValue): \(Terminal.printable(item.detail))")
            console.data("  \(item.code.remedy)")
            console.data(ChangeSetView(item.changeSet, replica.schema).patch(console.style))
        }
    }
}

struct RetryQuarantine: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Put it back into the outbox, to be judged again.",
        discussion: """
            Example:
              ting quarantine retry && ting sync
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Change sets; all, when none is named.") var ids: [String] = []

    func run() throws {
        let replica = try session.replica()
        let picked = try ChangeSetPick(ids: ids).from(replica.quarantine(), id: \.changeSet.id)
        try replica.retryQuarantine(picked.map(\.changeSet.id))
        console.outcome(
            .object([("retried", .array(picked.map { .text($0.changeSet.id.description) }))]),
            "\(picked.count.counted("change set")) back in the outbox; `ting sync` sends what is there."
        )
    }
}

struct EditQuarantine: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Make its edits again, with other values.",
        discussion: """
            Writes the edits into the tables again, as one new change set, and takes the rejected
            one out of quarantine. The fields named are those that it edits; `ting set --help` has
            their forms, and += and -= go on from what is shown now. Fields that are not named get
            the rejected values again; counters and sets, what it did to them.

            Examples:
              ting quarantine edit 3b9f status=active && ting sync
              ting quarantine edit 3b9f spent_h+=4 partners+=dma
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The change set.") var id: String
    @Argument(help: ArgumentHelp("What to write instead.", valueName: "field=value"))
    var fields: [String] = []

    func run() throws {
        let replica = try session.replica()
        let picked = try ChangeSetPick(ids: [id]).from(replica.quarantine(), id: \.changeSet.id)
        guard let item = picked.first else { return }
        let changes = try FieldChanges(fields)
        let edited = Set(item.changeSet.operations.flatMap { $0.fields.map(\.field) })
        if let other = changes.fieldNames.first(where: { !edited.contains($0) }) {
            throw CommandError(
                .usage, code: "unknown_field", "The change set doesn't edit `\(other)`.",
                remedy: "It edits \(edited.sorted().joined(separator: ", ")).")
        }
        try replica.redoQuarantine(item.changeSet.id, message: "") { db, operation in
            guard let collection = replica.schema.collection(operation.collection) else {
                return [:]
            }
            let own = Set(operation.fields.map(\.field))
            // What others did since the rejected edit was made is no one's to undo.
            let shown = try RecordTable(collection).values(db, operation.record) ?? [:]
            return try changes.keeping(own).values(
                collection, current: shown, reader: session.reader(replica, db))
        }
        console.outcome(
            .object([("edited", .text(item.changeSet.id.description))]),
            "Its edits are in the tables again; `ting sync` sends them.")
    }
}

struct ExportQuarantine: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Print what was rejected as JSON, to keep or to pass on.",
        discussion: """
            `ting outbox import` takes it in again, into quarantine.

            Example:
              ting quarantine export > rejected.json
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Change sets; all, when none is named.") var ids: [String] = []

    func run() throws {
        let replica = try session.replica()
        let picked = try ChangeSetPick(ids: ids).from(replica.quarantine(), id: \.changeSet.id)
        console.data(.array(picked.map { EditsFile.json($0, replica.schema) }))
    }
}

struct DiscardQuarantine: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "discard",
        abstract: "Give up what was rejected, for good.",
        discussion: """
            Asks on a terminal; needs --yes elsewhere.

            Example:
              ting quarantine discard 3b9f --yes
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Change sets; all, when none is named.") var ids: [String] = []
    @Flag(name: [.customShort("y"), .long], help: "Don't ask.") var yes = false

    func run() throws {
        let replica = try session.replica()
        let picked = try ChangeSetPick(ids: ids).from(replica.quarantine(), id: \.changeSet.id)
        if !picked.isEmpty {
            try console.confirm(
                "Discard \(picked.count.counted("rejected change set")), for good?", yes: yes)
            try replica.discardQuarantine(picked.map(\.changeSet.id))
        }
        console.outcome(
            .object([("discarded", .array(picked.map { .text($0.changeSet.id.description) }))]),
            "Discarded \(picked.count.counted("change set")).")
    }
}
