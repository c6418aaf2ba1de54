// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingClient
import TingCore
import TingStore
import TingTerminal

/// What `ting list` does, once its arguments are read.
struct RecordList: Equatable {
    var options = CommonOptions()
    var collection: String
    /// A condition of SQL.
    var condition: String?
    /// A field; downward with a hyphen before it.
    var sort: String?
    var limit: Int?
    /// Names between commas.
    var columns: String?
    var csv = false

    func run() throws {
        let session = Session(options: options)
        let console = Console(json: options.json, quiet: options.quiet)
        let replica = try session.replica()
        let collection = try session.collection(collection, replica)
        guard condition?.allSatisfy(\.isWhitespace) != true else {
            throw CommandError(
                .usage, code: "usage", "`--where` is empty.",
                remedy: "Write a condition, `--where \"status = 'active'\"`, or leave it out.")
        }
        let named = try columns.map { try fields($0, of: collection) }
        let order = try order(collection)
        try replica.read { db in
            let records = try RecordTable(collection).records(
                db, where: condition, orderBy: order, limit: limit)
            if options.json {
                console.data(.array(records.map { json($0, named) }))
            } else if csv {
                try printCSV(records, named ?? [nil] + collection.fields)
            } else {
                let shown =
                    named ?? [nil] + DefaultColumns.of(collection, records).map(Optional.some)
                let isShort = shown.contains(nil) && !records.isEmpty
                let short =
                    isShort ? try RecordText.shortIDs(records.map(\.id), replica, db) : nil
                printTable(records, shown, short, console)
            }
        }
    }

    /// The columns by name; `nil` stands for the id.
    private func fields(_ text: String, of collection: CollectionSchema) throws -> [Field?] {
        let names = text.split(separator: ",").map { $0.filter { !$0.isWhitespace } }
        guard !names.isEmpty else {
            throw CommandError(
                .usage, code: "usage", "`--columns` names no column.",
                remedy: "Write `--columns id,title_en`, or leave it out.")
        }
        return try names.map { name in
            name == "id" ? nil : try FieldChanges.field(name, in: collection)
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
        var told: Set<String> = []
        let fields = named.compactMap { $0 }.filter { told.insert($0.name).inserted }
        return .object(
            [("id", .text(record.id))] + fields.map { ($0.name, JSONValue(record[$0.name])) })
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

    private func printTable(
        _ records: [RecordRow], _ fields: [Field?], _ short: ShortIDs?, _ console: Console
    ) {
        guard !records.isEmpty else { return console.note("No \(collection) here.") }
        var table = TextTable(headings: fields.map { $0?.name ?? "id" })
        table.cellWidth = Terminal.width.map { max(12, $0 / 3) }
        for (index, field) in fields.enumerated() {
            if let kind = field?.kind, [.integer, .counter, .money].contains(kind) {
                table.rightAligned.insert(index)
            }
        }
        table.rows = records.map { record in
            fields.map { field in
                field == nil ? short?.short(record.id) ?? record.id : cell(record, field)
            }
        }
        console.data(table.lines(style: console.style))
    }
}

extension RecordList {
    /// `nil` for everything that is no plain `list`: see `PlainArguments`.
    init?(_ arguments: [String]) {
        guard arguments.first == "list",
            let plain = PlainArguments(
                arguments.dropFirst(), flags: ["--csv"],
                options: ["--where", "--sort", "--limit", "--columns"]),
            plain.operands.count == 1
        else { return nil }
        var limit: Int?
        if let text = plain.value("--limit") {
            guard let number = Int(text) else { return nil }
            limit = number
        }
        self.init(
            options: plain.options, collection: plain.operands[0],
            condition: plain.value("--where"), sort: plain.value("--sort"), limit: limit,
            columns: plain.value("--columns"), csv: plain.flags.contains("--csv"))
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
