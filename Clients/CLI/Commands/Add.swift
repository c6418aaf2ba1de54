// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingCore
import TingStore

struct Add: TingCommand {
    static let configuration = CommandConfiguration(
        abstract: "Add a record, and print its id.",
        discussion: """
            Examples:
              ting add project title_en='Clean water' status=active partners=dma,sepa
              ting add task project=JWP-017 title='Draft the work plan' due=2026-12
              ting add meeting minutes=@minutes.txt

            field=        is empty            field=@FILE   is what the file holds
            field==TEXT   is TEXT as it is    field=-       is what standard input holds
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(
        help: ArgumentHelp("What to add: \(Session.collectionNames)."),
        completion: .list(Session.schema.written.map(\.name)))
    var collection: String

    @Argument(help: ArgumentHelp("Its fields.", valueName: "field=value"))
    var fields: [String] = []

    @Option(
        name: [.customShort("m"), .long],
        help: ArgumentHelp("What to say of it in the history.", valueName: "text"))
    var message = ""

    func run() throws {
        let replica = try session.replica()
        let collection = try session.collection(collection, replica)
        guard collection.name != CollectionSchema.conflict.name else {
            throw CommandError(
                .usage, code: "unknown_collection", "Conflicts are written by the merge alone.",
                remedy: "Settle one with `ting resolve CONFLICT keep`.")
        }
        let changes = try FieldChanges(fields)
        var generator = SystemRandomNumberGenerator()
        let id = RecordID.timeOrdered(milliseconds: Session.clock(), using: &generator)
        try replica.write(message: message) { db in
            let values = try changes.values(
                collection, current: [:], reader: session.reader(replica, db))
            try RecordTable(collection).insert(db, id, values)
        }
        console.result(
            .object([("collection", .text(collection.name)), ("id", .text(id.description))]),
            [id.description])
        try session.warnAboutRole(replica, console)
    }
}
