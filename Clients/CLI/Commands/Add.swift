// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingCore

struct Add: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
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

    @OptionGroup var history: MessageOption

    var edit: RecordEdit {
        RecordEdit(
            verb: .add, options: global.values, target: collection, fields: fields,
            message: history.text)
    }

    func run() throws { try edit.run() }
}
