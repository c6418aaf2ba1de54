// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRDB
import TingClient
import TingCore
import TingStore

struct Restore: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Bring a deleted record back.",
        discussion: """
            It comes back with its last values, and with the children that went with it.

            Example:
              ting restore 4f2a
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The record: its id, or the end of it.") var id: String

    @OptionGroup var history: MessageOption

    func run() throws {
        let replica = try session.replica()
        let (found, count) = try replica.write(message: history.text) { db in
            let found = try find(replica, db)
            return (found, try replica.restore(db, found.collection, found.id))
        }
        guard count > 0 else { throw notDeleted }
        console.outcome(
            .object([
                ("collection", .text(found.collection)), ("id", .text(found.id.description)),
                ("restored", .integer(count)),
            ]),
            count == 1 ? "Restored 1 record." : "Restored \(count) records: it and its children.")
        try session.warnAboutRole(replica, console)
    }

    private func find(
        _ replica: Replica, _ db: Database
    ) throws -> (collection: String, id: RecordID) {
        let found = try replica.locate(db, ending: id)
        if let only = found.first, found.count == 1 { return only }
        guard found.isEmpty else {
            throw CommandError(
                .error, code: "ambiguous", "`\(id)` is the end of \(found.count) ids.",
                remedy: "Give more characters of the id.")
        }
        do {
            // By their codes live records alone are known.
            _ = try RecordFinder(replica).record(db, id)
        } catch let error as InputError where error.code == "not_found" {
            throw CommandError(
                .error, code: "not_found",
                "There is no record, live or deleted, with the id \(id).",
                remedy: "`ting log` shows the ids of what was deleted.")
        }
        throw notDeleted
    }

    private var notDeleted: CommandError {
        CommandError(
            .error, code: "not_deleted", "The record \(id) is not deleted.",
            remedy: "Look at it with `ting show \(id)`.")
    }
}
