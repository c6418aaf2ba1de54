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

    @OptionGroup var history: MessageOption

    func run() throws {
        let replica = try session.replica()
        let settled = try replica.write(message: history.text) { db in
            let conflict = try find(replica, db)
            try replica.settle(db, conflict, by: settlement(of: conflict, replica, db))
            return conflict
        }
        console.outcome(
            .object([
                ("id", .text(settled.id.description)),
                ("collection", .text(settled.collection)),
                ("record", .text(settled.record)), ("field", .text(settled.field?.name)),
                ("status", .text("settled")),
            ]),
            "Settled; the next sync tells everyone.")
        try session.warnAboutRole(replica, console)
    }

    private func find(_ replica: Replica, _ db: Database) throws -> Conflict {
        do {
            let found = try RecordFinder(replica).record(
                db, conflict, in: [CollectionSchema.conflict.name])
            if let found = try replica.conflict(db, found.id) { return found }
        } catch let error as InputError where error.code == "not_found" {}
        throw CommandError(
            .error, code: "not_found", "There is no conflict `\(conflict)` here.",
            remedy: "`ting conflicts --all` lists them; `ting sync` brings what is new.")
    }

    private func settlement(
        of conflict: Conflict, _ replica: Replica, _ db: Database
    ) throws -> Settlement {
        switch choice {
        case "keep": return .keep
        case "take": return .take
        default:
            guard let input = FieldInput(choice), input.field == "value" else {
                throw CommandError(
                    .usage, code: "usage", "`\(choice)` is no way to settle a conflict.",
                    remedy: "Write keep, take or value=V.")
            }
            return .value(try value(for: conflict, replica, db))
        }
    }

    private func value(
        for conflict: Conflict, _ replica: Replica, _ db: Database
    ) throws -> Value {
        guard let field = conflict.field,
            let schema = replica.schema.collection(conflict.collection)
        else {
            throw CommandError(
                .usage, code: "whole_record",
                "This conflict is about a whole record: it has no one value.",
                remedy: "Write keep or take; change its fields with `ting set`.")
        }
        let renamed = field.name + choice.drop(while: { $0 != "=" && $0 != "+" && $0 != "-" })
        let values = try FieldChanges([renamed]).values(
            schema, current: [field.name: conflict.kept], reader: session.reader(replica, db))
        return values[field.name] ?? .null
    }
}
