// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRDB
import TingClient
import TingCore
import TingStore

struct Resolve: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve",
        abstract: "Settle a conflict, once, for everyone.",
        discussion: """
            keep     the value that stands stays
            take     the other value is taken (a deletion is carried out)
            value=V  another value altogether, as in `ting set`

            Examples:
              ting resolve 9c1e keep
              ting resolve 9c1e take -m 'Steering committee, 12 May'
              ting resolve 9c1e value=2027-06-30
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The conflict.") var conflict: String

    @Argument(
        help: ArgumentHelp("keep, take or value=V.", valueName: "choice"),
        completion: .list(["keep", "take"]))
    var choice: String

    @Option(
        name: [.customShort("m"), .long],
        help: ArgumentHelp("What to say of it in the history.", valueName: "text"))
    var message = ""

    func run() throws {
        let replica = try session.replica()
        let view = try replica.write(message: message) { db in
            let view = try find(replica, db)
            guard let id = RecordID(view.id), let record = RecordID(view.record) else {
                throw ReplicaError.unknownRecord(conflict)
            }
            guard view.status == "open" else {
                throw CommandError(
                    .error, code: "already_settled", "The conflict \(conflict) is settled already.",
                    remedy:
                        "Change the value with `ting set \(view.record) …` if it should be another."
                )
            }
            try settle(view, record, replica, db)
            try replica.update(
                db, CollectionSchema.conflict.name, id, ["status": .text("settled")])
            return view
        }
        console.outcome(
            .object([
                ("id", .text(view.id)), ("collection", .text(view.collection)),
                ("record", .text(view.record)), ("field", .text(view.field?.name)),
                ("status", .text("settled")),
            ]),
            "Settled; the next sync tells everyone.")
        try session.warnAboutRole(replica, console)
    }

    private func find(_ replica: Replica, _ db: Database) throws -> ConflictView {
        do {
            let found = try RecordFinder(replica).record(
                db, conflict, in: [CollectionSchema.conflict.name])
            if let view = try ConflictView.one(found.id, replica, db) { return view }
        } catch let error as InputError where error.code == "not_found" {}
        throw CommandError(
            .error, code: "not_found", "There is no conflict `\(conflict)` here.",
            remedy: "`ting conflicts --all` lists them; `ting sync` brings what is new.")
    }

    private func settle(
        _ view: ConflictView, _ record: RecordID, _ replica: Replica, _ db: Database
    ) throws {
        let isLive =
            try replica.schema.collection(view.collection).map {
                try RecordTable($0).contains(db, record)
            } ?? false
        switch choice {
        case "keep":
            // A keep is an edit too: who had not seen it meets a new conflict.
            guard isLive else { return }
            try replica.keep(db, view.collection, record, field: view.field?.name)
        case "take": try take(view, record, isLive, replica, db)
        default:
            guard let input = FieldInput(choice), input.field == "value" else {
                throw CommandError(
                    .usage, code: "usage", "`\(choice)` is no way to settle a conflict.",
                    remedy: "Write keep, take or value=V.")
            }
            try write(view, record, isLive, replica, db)
        }
    }

    private func take(
        _ view: ConflictView, _ record: RecordID, _ isLive: Bool, _ replica: Replica, _ db: Database
    ) throws {
        if view.field == nil {
            // The other side of a record's conflict is its deletion.
            if isLive { _ = try replica.delete(db, view.collection, record) }
            return
        }
        try put(view.other, view, record, isLive, replica, db)
    }

    private func write(
        _ view: ConflictView, _ record: RecordID, _ isLive: Bool, _ replica: Replica, _ db: Database
    ) throws {
        guard let field = view.field, let schema = replica.schema.collection(view.collection) else {
            throw CommandError(
                .usage, code: "usage",
                "This conflict is about a whole record: it has no one value.",
                remedy: "Write keep or take; change its fields with `ting set`.")
        }
        let renamed = field.name + choice.drop(while: { $0 != "=" && $0 != "+" && $0 != "-" })
        let values = try FieldChanges([renamed]).values(
            schema, current: [field.name: view.kept], reader: session.reader(replica, db))
        try put(values[field.name] ?? .null, view, record, isLive, replica, db)
    }

    /// Writes the chosen value; a record that was deleted comes back for it.
    private func put(
        _ value: Value, _ view: ConflictView, _ record: RecordID, _ isLive: Bool,
        _ replica: Replica, _ db: Database
    ) throws {
        guard let field = view.field else { return }
        if !isLive { _ = try replica.restore(db, view.collection, record) }
        if isLive, value == view.kept {
            return try replica.keep(db, view.collection, record, field: field.name)
        }
        try replica.update(db, view.collection, record, [field.name: value])
    }
}
