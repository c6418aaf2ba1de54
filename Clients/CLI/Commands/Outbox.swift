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
            ListChangeSets<Outbox>.self, ShowChangeSets<Outbox>.self,
            ExportChangeSets<Outbox>.self, ImportOutbox.self, DiscardChangeSets<Outbox>.self,
        ],
        defaultSubcommand: ListChangeSets<Outbox>.self)
}

extension Outbox: ChangeSetBox {
    static var name: String { "outbox" }
    static var contents: String { "change sets that wait to be sent" }
    static var exportFile: String { "edits.json" }
    static var importPlace: String { "" }

    /// With what other tools edited.
    static func items(of replica: Replica, _ console: Console) throws -> [ChangeSet] {
        let invalid = try replica.seal()
        if !console.json { console.warn(about: invalid) }
        return try replica.outbox().map(\.changeSet)
    }

    static func changeSet(of item: ChangeSet) -> ChangeSet { item }

    static func json(_ item: ChangeSet, _ schema: Schema) -> JSONValue {
        ChangeSetView(item, schema).json
    }

    static func exported(
        _ item: ChangeSet, _ schema: Schema, _ workspace: String
    ) -> JSONValue {
        EditsFile.json(item, schema, workspace)
    }

    static var columns: [(heading: String, text: (ChangeSet) -> String)] {
        [("when", { TimeText.short($0.time) })]
    }

    static func account(of item: ChangeSet) -> [String] { [] }
    static func hints(_ items: [ChangeSet]) -> [String] { [] }

    static func carried(_ ids: [ChangeSetID], of replica: Replica) throws -> Int {
        try replica.carried(of: ids)
    }

    /// As `Replica.discardOutbox` finds them.
    static func dependents(on ids: [ChangeSetID], of replica: Replica) throws -> Int {
        let gone = Set(ids)
        let all = try replica.outbox().map(\.changeSet)
        let left = all.filter { !gone.contains($0.id) }
        let made = Set(
            left.flatMap(\.operations).filter { $0.kind == .insert }.map(\.record))
        let touched = all.filter { gone.contains($0.id) }.reduce(into: Set<RecordID>()) {
            $0.formUnion($1.touched)
        }
        var lost = try replica.read { db in
            try touched.subtracting(made).filter {
                try SharedRecords.read(db, $0)?.state == .absent
            }
        }
        var count = 0
        for changeSet in left where !lost.isDisjoint(with: changeSet.concerned) {
            lost.formUnion(changeSet.touched)
            count += 1
        }
        return count
    }

    static func discard(_ ids: [ChangeSetID], of replica: Replica) throws -> Int {
        try replica.discardOutbox(ids)
    }
}

struct ImportOutbox: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Take in edits that an export wrote: they wait here again, or in quarantine.",
        discussion: """
            What is here already, or was accepted, is not taken twice. Exits with 5 where something \
            went to quarantine, like a sync.

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
        let before = try replica.unsynced().quarantine
        let taken = try replica.take(
            outbox: edits.outbox, quarantine: edits.quarantine, held: edits.held)
        let status = try replica.unsynced()
        let quarantined = max(0, status.quarantine - before)
        console.outcome(
            .object([
                ("imported", .integer(taken)), ("quarantined", .integer(quarantined)),
                ("outbox", .integer(status.outbox)),
                ("quarantine", .integer(status.quarantine)), ("invalid", .integer(status.invalid)),
            ]),
            account(taken, of: edits.count, quarantined))
        let twins = try replica.twins(of: edits.outbox + edits.quarantine.map(\.changeSet))
        if twins > 0 {
            console.warn(
                "other edits wait here under the id of \(twins.counted("change set")): run `ting sync`, then import again."
            )
        }
        if quarantined > 0 { throw Finish.quarantined }
    }

    private func account(_ taken: Int, of count: Int, _ quarantined: Int) -> String {
        guard taken > 0 else {
            return "Nothing was imported: what can be is here already, or was accepted."
        }
        return quarantined == 0
            ? "Imported \(taken) of \(count); `ting sync` sends what is there."
            : "Imported \(taken) of \(count), of them \(quarantined) into quarantine: `ting quarantine` shows why."
    }
}
