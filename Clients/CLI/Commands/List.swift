// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingCore

struct List: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the records of a collection.",
        discussion: """
            Examples:
              ting list project --where "status = 'active'" --sort end
              ting list task --where "due < '2027'" --columns title,due --csv
              ting list organisation --json

            `--where` takes any condition of SQLite on the columns. `--sort -end` sorts downward.
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(
        help: "Which records: project, task, organisation, …",
        completion: .list(Session.schema.collections.map(\.name)))
    var collection: String

    @Option(
        name: .customLong("where"), parsing: .unconditional,
        help: ArgumentHelp("Only those for which this holds.", valueName: "SQL"))
    var condition: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("The field to sort by.", valueName: "field"))
    var sort: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("At most so many.", valueName: "number"))
    var limit: Int?

    @Option(help: ArgumentHelp("The fields to show, between commas.", valueName: "a,b"))
    var columns: String?

    @Flag(help: "Comma-separated values (RFC 4180), every field unless --columns names some.")
    var csv = false

    func validate() throws { try check(limit: limit) }

    var list: RecordList {
        RecordList(
            options: global.values, collection: collection, condition: condition, sort: sort,
            limit: limit, columns: columns, csv: csv)
    }

    func run() throws { try list.run() }
}
