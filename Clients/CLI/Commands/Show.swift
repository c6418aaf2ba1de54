// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRDB
import TingClient
import TingCore
import TingStore
import TingTerminal

struct Show: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a record, with all its fields.",
        discussion: """
            Examples:
              ting show JWP-017
              ting show 4f2a --json
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The record: its id, the end of it, or its code.") var id: String

    func run() throws {
        let replica = try session.replica()
        try replica.read { db in
            let found = try RecordFinder(replica).record(
                db, id, in: replica.schema.collections.map(\.name))
            let table = RecordTable(try session.collection(found.collection, replica))
            guard let record = try table.record(db, found.id) else {
                throw ReplicaError.unknownRecord(id)
            }
            guard !global.json else { return console.data(record.jsonWithCollection) }
            console.data(try lines(record, replica, db))
        }
    }

    private func lines(_ record: RecordRow, _ replica: Replica, _ db: Database) throws -> [String] {
        let style = console.style
        var lines = [style.bold("\(record.collection.name) \(record.id)")]
        let fields = record.collection.fields.filter {
            !record[$0.name].isNull && record[$0.name] != .set([])
        }
        let width = fields.map(\.name.utf8.count).max() ?? 0
        for field in fields {
            let gap = String(repeating: " ", count: width - field.name.utf8.count)
            let text = Terminal.printable(
                try RecordText.text(record[field.name], of: field, replica, db))
            let indent = String(repeating: " ", count: width + 2)
            lines.append(
                style.dim(field.name) + gap + "  " + text.replacing("\n", with: "\n" + indent))
        }
        let open = try openConflicts(record.id, db)
        if open > 0 {
            lines.append(
                style.yellow("\(open.counted("open conflict")): see `ting conflicts`."))
        }
        return lines
    }

    private func openConflicts(_ id: String, _ db: Database) throws -> Int {
        try Int.fetchOne(
            db,
            sql: "SELECT count(*) FROM conflict WHERE record = ? AND \(Replica.openConflict)",
            arguments: [id]) ?? 0
    }
}
