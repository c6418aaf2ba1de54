// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingClient
import TingCore
import TingStore
import TingTerminal

/// The `field=value` arguments of a command, read and ready to be applied to a record.
struct FieldChanges {
    private struct Change {
        var input: FieldInput
        var text: String
        var isExact: Bool

        var step: ValueReader.Step {
            ValueReader.Step(input.change, text, exact: isExact)
        }
    }

    private let changes: [Change]

    /// Reads the arguments, and the files and the standard input that they name.
    init(_ arguments: [String]) throws {
        try Self.refuseRepeats(arguments)
        var readsInput = false
        changes = try arguments.map { argument in
            guard let input = FieldInput(argument) else {
                throw CommandError(
                    .usage, code: "usage", "`\(argument)` is not of the form field=value.",
                    remedy: "Write `title_en='Clean water'`, `partners+=x` or `summary=@notes.txt`."
                )
            }
            switch input.source {
            case .literal(let text): return Change(input: input, text: text, isExact: false)
            case .exact(let text): return Change(input: input, text: text, isExact: true)
            case .file(let path):
                guard !path.isEmpty else {
                    throw CommandError(
                        .usage, code: "usage", "`\(argument)` names no file.",
                        remedy:
                            "Write `\(input.field)=@FILE`; `\(input.field)==@` takes the text as it is."
                    )
                }
                let data = InputFile.contents(of: path, upTo: Self.byteLimit)
                return Change(
                    input: input, text: try Self.text(data, of: path), isExact: false)
            case .standardInput:
                guard !readsInput else {
                    throw CommandError(
                        .usage, code: "usage", "Only one field can be read from standard input.",
                        remedy: "Read the others from files: `field=@FILE`.")
                }
                readsInput = true
                let data = try StandardFiles.readInput(upTo: Self.byteLimit)
                return Change(
                    input: input, text: try Self.text(data, of: "standard input"), isExact: false)
            }
        }
    }

    /// A value that another one replaces was a slip: which of them is meant, Ting can't know.
    private static func refuseRepeats(_ arguments: [String]) throws {
        var seen: Set<String> = []
        for input in arguments.lazy.compactMap(FieldInput.init) {
            guard !seen.insert(input.field).inserted, input.change == .assign else { continue }
            throw CommandError(
                .usage, code: "usage", "The field `\(input.field)` is given twice.",
                remedy:
                    "Name one value; += and -= on a set or counter may be repeated.")
        }
    }

    private init(changes: [Change]) { self.changes = changes }

    /// Those of some fields alone.
    func keeping(_ names: Set<String>) -> FieldChanges {
        FieldChanges(changes: changes.filter { names.contains($0.input.field) })
    }

    var fieldNames: [String] { Set(changes.map(\.input.field)).sorted() }

    /// Bytes that are read for one field: of more, none of it would fit a change set.
    private static let byteLimit = Limits.changeSetByteLimit

    /// The text without its last line end, which editors and `echo` add, and without the byte order
    /// mark that some put before UTF-8.
    private static func text(_ data: Data?, of place: String) throws -> String {
        guard let data else {
            throw CommandError(
                .error, code: "not_read", "\(place) can't be read.",
                remedy: "Name a readable file; `field==@TEXT` takes the text as it is.")
        }
        guard data.count <= byteLimit else {
            throw CommandError(
                .error, code: "invalid_value",
                "\(place) holds more than \(byteLimit) bytes: no field has room for that.",
                remedy: "Keep a text within \(Limits.textByteLimit) bytes.")
        }
        guard var text = String(validating: data, as: UTF8.self) else {
            throw CommandError(
                .error, code: "not_text", "\(place) is no text in UTF-8.",
                remedy: "Convert it first, for example with `iconv -t utf-8`.")
        }
        if text.last?.isNewline == true { text.removeLast() }
        if text.unicodeScalars.first == "\u{feff}" { text.unicodeScalars.removeFirst() }
        return text
    }

    /// The values that the fields take, starting from those of the record.
    func values(
        _ collection: CollectionSchema, current: [String: Value], reader: ValueReader
    ) throws -> [String: Value] {
        let steps = Dictionary(grouping: changes, by: \.input.field)
        var values: [String: Value] = [:]
        for change in changes where values[change.input.field] == nil {
            let field = try Self.field(change.input.field, in: collection)
            values[field.name] = try reader.value(
                (steps[field.name] ?? []).map(\.step), for: field,
                current: current[field.name] ?? .null)
        }
        return values
    }

    static func field(_ name: String, in collection: CollectionSchema) throws -> Field {
        if let field = collection.field(name) { return field }
        let names = collection.fields.map(\.name).joined(separator: ", ")
        throw CommandError(
            .usage, code: "unknown_field",
            "The collection \(collection.name) has no field `\(name)`.",
            remedy: "Its fields: \(names). `ting schema \(collection.name)` says what they take.")
    }
}

extension Session {
    /// The collection that people name.
    func collection(_ name: String, _ replica: Replica) throws -> CollectionSchema {
        try Self.collection(name, of: replica.schema)
    }

    static func collection(_ name: String, of schema: Schema) throws -> CollectionSchema {
        if let collection = schema.collection(name) { return collection }
        let names = schema.written.map(\.name).joined(separator: ", ")
        throw CommandError(
            .usage, code: "unknown_collection", "There is no collection `\(name)`.",
            remedy: "Collections: \(names).")
    }

    /// Reads values, with references looked up in the replica.
    func reader(_ replica: Replica, _ db: Database) -> ValueReader {
        let finder = RecordFinder(replica)
        return ValueReader { try finder.reference(db, $0, to: $1) }
    }

    /// Says so when the server will not take edits from this member (a replica refuses none).
    func warnAboutRole(_ replica: Replica, _ console: Console) throws {
        guard let member = try replica.identity().member else { return }
        let role = try replica.read { db in
            try String.fetchOne(
                db, sql: "SELECT role FROM member WHERE id = ?", arguments: [member.description])
        }
        guard role == Role.viewer.rawValue else { return }
        console.warn("you are a viewer here: the next sync will put this edit in quarantine.")
    }
}
