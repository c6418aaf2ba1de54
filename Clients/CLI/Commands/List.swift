// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRDB
import TingClient
import TingCore
import TingStore

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
        name: .customLong("where"),
        help: ArgumentHelp("Only those for which this holds.", valueName: "SQL"))
    var condition: String?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("The field to sort by.", valueName: "field"))
    var sort: String?

    @Option(help: ArgumentHelp("At most so many.", valueName: "number"))
    var limit: Int?

    @Option(help: ArgumentHelp("The fields to show, between commas.", valueName: "a,b"))
    var columns: String?

    @Flag(help: "Comma-separated values (RFC 4180), every field unless --columns names some.")
    var csv = false

    func run() throws {
        let replica = try session.replica()
        let collection = try session.collection(collection, replica)
        let named = try columns.map { try fields($0, of: collection) }
        let order = try order(collection)
        try replica.read { db in
            let records = try RecordTable(collection).records(
                db, where: condition, orderBy: order, limit: limit)
            if global.json {
                console.data(.array(records.map { json($0, named) }))
            } else if csv {
                try printCSV(records, named ?? [nil] + collection.fields)
            } else {
                let shown = named ?? [nil] + DefaultColumns.of(collection, records)
                let ids = shown.contains(nil) ? records.map(\.id) : []
                try printTable(records, shown, RecordText(replica, db, shortening: ids))
            }
        }
    }

    /// The columns by name; `nil` stands for the id.
    private func fields(_ text: String, of collection: CollectionSchema) throws -> [Field?] {
        try text.split(separator: ",").map { part in
            let name = part.filter { !$0.isWhitespace }
            return name == "id" ? nil : try FieldChanges.field(name, in: collection)
        }
    }

    private func order(_ collection: CollectionSchema) throws -> String {
        guard let sort else { return "id" }
        let name = String(sort.drop(while: { $0 == "-" }))
        if name != "id" { _ = try FieldChanges.field(name, in: collection) }
        return RecordTable.quoted(name) + (sort.hasPrefix("-") ? " DESC" : "") + ", id"
    }

    private func json(_ record: RecordRow, _ named: [Field?]?) -> JSONValue {
        guard let named else { return record.json }
        // The id is always there: what a program reads it can name again.
        return .object(
            [("id", .text(record.id))]
                + named.compactMap { $0 }.map { ($0.name, JSONValue(record[$0.name])) })
    }

    private func cell(_ record: RecordRow, _ field: Field?) -> String {
        field.map { RecordText.text(record[$0.name], of: $0) } ?? record.id
    }

    private func printCSV(_ records: [RecordRow], _ fields: [Field?]) throws {
        var text = CSVText.line(fields.map { $0?.name ?? "id" })
        for record in records {
            text += CSVText.line(
                fields.map { field in
                    // Sets stand as in the file, so that elements with commas survive.
                    field?.kind == .set
                        ? JSONValue(record[field?.name ?? ""]).text : cell(record, field)
                })
        }
        Terminal.write(text)
    }

    private func printTable(_ records: [RecordRow], _ fields: [Field?], _ text: RecordText) throws {
        guard !records.isEmpty else { return console.note("No \(collection) here.") }
        var table = TextTable(headings: fields.map { $0?.name ?? "id" })
        table.cellWidth = Terminal.width.map { max(12, $0 / 3) }
        for (index, field) in fields.enumerated() {
            if let kind = field?.kind, [.integer, .counter, .money].contains(kind) {
                table.rightAligned.insert(index)
            }
        }
        table.rows = records.map { record in
            fields.map { field in field == nil ? text.short(record.id) : cell(record, field) }
        }
        console.data(table.lines(style: console.style))
    }
}

/// The few fields that say most about a record.
enum DefaultColumns {
    private static let preferred = [
        "code", "short", "title", "title_en", "title_da", "title_zh", "name", "name_en", "name_da",
        "name_zh", "family", "given", "subject", "text", "body", "kind", "field", "status",
        "start", "due", "planned", "at", "time", "signed", "end", "progress", "amount", "currency",
    ]

    /// At most six preferred fields that some of the records fill; the first fields where none is.
    static func of(_ collection: CollectionSchema, _ records: [RecordRow]) -> [Field] {
        let filled = collection.fields.filter { field in
            records.contains { $0[field.name] != field.standard && $0[field.name] != .null }
        }
        let found = preferred.compactMap { name in filled.first { $0.name == name } }
        return Array((found.isEmpty ? filled : found).prefix(6))
    }
}
