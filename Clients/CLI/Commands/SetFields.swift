// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct SetFields: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Change fields of a record.",
        discussion: """
            Examples:
              ting set JWP-017 status=active end=2027-06
              ting set 4f2a partners+=dma partners-=sepa
              ting set 4f2a spent_h+=3 body=@notes.txt

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

    @OptionGroup var history: MessageOption

    var edit: RecordEdit {
        RecordEdit(
            verb: .set, options: global.values, target: id, fields: fields, message: history.text)
    }

    func run() throws { try edit.run() }
}
