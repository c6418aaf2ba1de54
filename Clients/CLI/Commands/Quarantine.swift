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
            ListChangeSets<Quarantine>.self, ShowChangeSets<Quarantine>.self,
            RetryQuarantine.self, EditQuarantine.self, ExportChangeSets<Quarantine>.self,
            DiscardChangeSets<Quarantine>.self,
        ],
        defaultSubcommand: ListChangeSets<Quarantine>.self)

    /// The members of its JSON object, for those who add more.
    static func members(_ item: QuarantinedChangeSet, _ schema: Schema) -> [(String, JSONValue)] {
        ChangeSetView(item.changeSet, schema).members + [
            ("code", .text(item.code.rawValue)), ("detail", .text(item.detail)),
            ("remedy", .text(item.code.remedy)), ("rejected", .text(TimeText.rfc3339(item.time))),
            ("damaged", .bool(item.isDamaged)),
        ]
    }
}

extension Quarantine: ChangeSetBox {
    static var name: String { "quarantine" }
    static var contents: String { "what was rejected" }
    static var exportFile: String { "rejected.json" }
    static var importPlace: String { ", into quarantine" }

    static func items(of replica: Replica, _ console: Console) throws -> [QuarantinedChangeSet] {
        try replica.quarantine()
    }

    static func changeSet(of item: QuarantinedChangeSet) -> ChangeSet { item.changeSet }

    static func json(_ item: QuarantinedChangeSet, _ schema: Schema) -> JSONValue {
        .object(members(item, schema))
    }

    static func exported(
        _ item: QuarantinedChangeSet, _ schema: Schema, _ workspace: String
    ) -> JSONValue {
        EditsFile.json(item, schema, workspace)
    }

    static var columns: [(heading: String, text: (QuarantinedChangeSet) -> String)] {
        [("rejected", { TimeText.short($0.time) }), ("code", { $0.code.rawValue })]
    }

    static func account(of item: QuarantinedChangeSet) -> [String] {
        (item.isDamaged ? ["Its bytes changed on this disk: it is not what was written."] : [])
            + ["\(item.code.rawValue): \(item.detail)", item.code.remedy]
    }

    static func hints(_ items: [QuarantinedChangeSet]) -> [String] {
        Set(items.map(\.code)).sorted { $0.rawValue < $1.rawValue }
            .map { "\($0.rawValue): \($0.remedy)" }
    }

    static func carried(_ ids: [ChangeSetID], of replica: Replica) throws -> Int { 0 }
    static func dependents(on ids: [ChangeSetID], of replica: Replica) throws -> Int { 0 }

    static func discard(_ ids: [ChangeSetID], of replica: Replica) throws -> Int {
        try replica.discardQuarantine(ids)
        return 0
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
        let picked = try Quarantine.items(of: replica, console, named: ids)
        try replica.retryQuarantine(picked.map(\.changeSet.id))
        console.outcome(
            .object([("retried", .array(picked.map { .text($0.changeSet.id.description) }))]),
            picked.isEmpty
                ? "The quarantine is empty: there is nothing to retry."
                : "\(picked.count.counted("change set")) back in the outbox; `ting sync` sends what is there."
        )
    }
}

struct EditQuarantine: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Make its edits again, with other values.",
        discussion: """
            Writes the edits into the tables again, as one new change set, and takes the rejected \
            one out of quarantine. The fields named are those that it edits; `ting set --help` has \
            their forms, and += and -= go on from what is shown now. Fields that are not named get \
            the rejected values again; counters and sets, what it did to them.

            Examples:
              ting quarantine edit 3b9f status=active && ting sync
              ting quarantine edit 3b9f spent_h+=4
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The change set.") var id: String
    @Argument(help: ArgumentHelp("What to write instead.", valueName: "field=value"))
    var fields: [String] = []

    func run() throws {
        let replica = try session.replica()
        let picked = try Quarantine.items(of: replica, console, named: [id])
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
