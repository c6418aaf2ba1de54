// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingCore
import TingStore

struct Delete: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete a record, with its children.",
        discussion: """
            Says how many records went. `ting restore ID` brings them back.

            Example:
              ting delete JWP-017
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The record.") var id: String

    @OptionGroup var history: MessageOption

    func run() throws {
        let replica = try session.replica()
        let (found, count) = try replica.write(message: history.text) { db in
            let found = try RecordFinder(replica).record(db, id)
            return (found, try replica.delete(db, found.collection, found.id))
        }
        console.outcome(
            .object([
                ("collection", .text(found.collection)), ("id", .text(found.id.description)),
                ("deleted", .integer(count)),
            ]),
            count == 1 ? "Deleted 1 record." : "Deleted \(count) records: it and its children.")
        if !global.json {
            console.hint("`ting restore \(found.id)` brings back what was deleted.")
        }
        try session.warnAboutRole(replica, console)
    }
}
