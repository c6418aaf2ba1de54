// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingCore
import TingStore
import TingTerminal

struct Search: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Find records by the words in them.",
        discussion: """
            Finds Chinese of one and two characters, and Danish however it is typed: `kobenhavn` \
            and `koebenhavn` find København. Several words must all be there; joined ones, as in \
            `P-4000`, as they stand together.

            Examples:
              ting search 地下水
              ting search soil aarhus
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Words.") var text: [String]

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("At most so many, the best first.", valueName: "number"))
    var limit: Int?

    func validate() throws { try check(limit: limit) }

    func run() throws {
        let replica = try session.replica()
        let progress = console.progress
        let hits = try replica.search(text.joined(separator: " ").normalized, limit: limit) {
            progress.report("\($0) of \($1) records indexed")
        }
        progress.end()
        try replica.read { db in
            let records = try hits.compactMap { hit in
                try replica.schema.collection(hit.collection).flatMap {
                    try RecordTable($0).record(db, hit.id)
                }
            }
            if global.json {
                let rows = limit == nil ? records.sorted { $0.id < $1.id } : records
                return console.data(.array(rows.map(\.jsonWithCollection)))
            }
            guard !records.isEmpty else { return console.note("Nothing found.") }
            let text = try RecordText(replica, db, shortening: records.map(\.id))
            var table = TextTable(headings: ["id", "collection", "name"])
            table.cellWidth = Terminal.width.map { max(20, $0 * 2 / 3) }
            table.rows = records.map { [text.short($0.id), $0.collection.name, $0.name] }
            console.data(table.lines(style: console.style))
        }
    }
}
