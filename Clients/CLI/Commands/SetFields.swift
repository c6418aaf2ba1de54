// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingCore
import TingStore

struct SetFields: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Change fields of a record.",
        discussion: """
            Examples:
              ting set JWP-017 status=active end=2027-06
              ting set 4f2a partners+=dma partners-=sepa
              ting set 4f2a spent_h+=3 summary=@summary.txt

            ID is a full id, the end of one, or a code.

            field=        clears              field=@FILE   is what the file holds
            field==TEXT   is TEXT as it is    field=-       is what standard input holds
            field+=x,y    adds to a set       field-=x      removes from a set
            field+=3      counts up           field-=3      counts down (counters)

            An element that holds a comma: field+==TEXT, field-==TEXT.
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The record.") var id: String

    @Argument(help: ArgumentHelp("What to change.", valueName: "field=value"))
    var fields: [String]

    @Option(
        name: [.customShort("m"), .long],
        help: ArgumentHelp("What to say of it in the history.", valueName: "text"))
    var message = ""

    func run() throws {
        let replica = try session.replica()
        let changes = try FieldChanges(fields)
        let found = try replica.write(message: message) { db in
            let found = try RecordFinder(replica).record(db, id)
            let table = RecordTable(try session.collection(found.collection, replica))
            let current = try table.values(db, found.id) ?? [:]
            let values = try changes.values(
                table.collection, current: current, reader: session.reader(replica, db))
            try table.update(db, found.id, values)
            return found
        }
        if global.json {
            console.data(
                .object([
                    ("collection", .text(found.collection)), ("id", .text(found.id.description)),
                    ("fields", .array(changes.fieldNames.map { .text($0) })),
                ]))
        }
        try session.warnAboutRole(replica, console)
    }
}
