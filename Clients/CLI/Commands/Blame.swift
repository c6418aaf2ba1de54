// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRDB
import TingClient
import TingCore
import TingStore
import TingTerminal

struct Blame: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "blame",
        abstract: "Say for each field of a record who wrote its value, and when.",
        discussion: """
            The time is when the server accepted it; of what waits here, when it was written.

            Example:
              ting blame JWP-017
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The record.") var id: String

    private struct Line {
        var field: Field
        var value: Value
        var entry: Entry?
        var pending: ChangeSet?
    }

    func run() throws {
        let replica = try session.replica()
        try session.sealForReading(replica, console)
        let (record, names) = try replica.read { db in
            let found = try RecordFinder(replica).record(db, id)
            let table = RecordTable(try session.collection(found.collection, replica))
            guard let record = try table.record(db, found.id) else {
                throw ReplicaError.unknownRecord(id)
            }
            return (record, try RecordText(replica, db))
        }
        guard let recordID = RecordID(record.id) else { throw ReplicaError.unknownRecord(id) }
        let lines = try lines(record, recordID, replica)
        if global.json {
            return console.data(.array(lines.map { json($0, names) }))
        }
        var table = TextTable(headings: ["field", "author", "when", "version", "value"])
        table.rightAligned = [3]
        table.cellWidth = Terminal.width.map { max(20, $0 / 2) }
        table.rows = lines.map { line in
            let time = line.entry?.accepted ?? line.pending?.time
            return [
                line.field.name,
                line.pending != nil ? "you, not yet sent" : author(line, names) ?? "",
                time.map(TimeText.short) ?? "", line.entry.map { String($0.version) } ?? "",
                RecordText.text(line.value, of: line.field),
            ]
        }
        console.data(table.lines(style: console.style))
        let told = Set(lines.map(\.field.name))
        let isSilent = record.collection.fields.contains {
            !told.contains($0.name) && record[$0.name] != $0.standard
        }
        if isSilent { console.noteFloor(try FloorText(replica)) }
    }

    /// The fields that somebody wrote, with the newest edit of each.
    private func lines(_ record: RecordRow, _ id: RecordID, _ replica: Replica) throws -> [Line] {
        let origins = try replica.read {
            try FieldOrigins(replica, $0).origins(of: id, in: record.collection)
        }
        return record.collection.fields.compactMap { field in
            var line = Line(field: field, value: record[field.name])
            switch origins[field.name] {
            case .accepted(let entry): line.entry = entry
            case .waiting(let changeSet): line.pending = changeSet
            case nil: return nil
            }
            return line
        }
    }

    private func author(_ line: Line, _ names: RecordText) -> String? {
        line.entry.flatMap { names.member($0.author.description) }
    }

    private func json(_ line: Line, _ names: RecordText) -> JSONValue {
        let entry = line.pending == nil ? line.entry : nil
        let time = entry?.accepted ?? line.pending?.time
        return .object([
            ("field", .text(line.field.name)), ("value", JSONValue(line.value)),
            ("author", .text(entry.flatMap { names.member($0.author.description) })),
            ("time", .text(time.map(TimeText.rfc3339))),
            ("version", entry.map { .integer($0.version) } ?? .null),
            (
                "change_set",
                .text((line.pending?.id ?? entry?.changeSet.id)?.description)
            ),
        ])
    }
}
