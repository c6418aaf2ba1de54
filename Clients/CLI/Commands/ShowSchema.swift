// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingCore
import TingStore
import TingTerminal

struct ShowSchema: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "List the collections, or the fields of one: what they take, and how they merge.",
        discussion: """
            The schema is the replica's, or this program's where there is none. Merging: the later edit wins with `latest`, the larger value with `max` \
            and the smaller with `min`; `text` merges words, `set` elements, `counter` increments; \
            with `review` a second value waits as a conflict.

            Examples:
              ting schema
              ting schema task
              ting schema task --json
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "A collection.") var collection: String?

    func run() throws {
        let schema = (try? session.replica().schema) ?? Session.schema
        if let name = collection {
            let found = try Session.collection(name, of: schema)
            console.result(Self.json(found), table(of: found))
        } else {
            let written = schema.written
            console.result(.array(written.map(Self.json)), table(of: written))
        }
    }

    private func table(of collections: [CollectionSchema]) -> [String] {
        let languages = ["en", "da", "zh"]
        let table = TextTable(
            headings: ["collection"] + languages,
            rows: collections.map { one in [one.name] + languages.map { one.label[$0] ?? "" } })
        return table.lines(style: console.style)
    }

    private func table(of collection: CollectionSchema) -> [String] {
        let table = TextTable(
            headings: ["field", "takes", "default", "merges"],
            rows: collection.fields.map { field in
                [
                    field.name, Self.form(of: field), RecordText.text(field.standard, of: field),
                    field.policy.rawValue,
                ]
            })
        return table.lines(style: console.style)
    }

    /// What a field takes, in a few words.
    private static func form(of field: Field) -> String {
        let targets = field.to.isEmpty ? "any record" : field.to.joined(separator: " or ")
        let values = field.values.joined(separator: " | ")
        let unique = field.unique ? ", unique" : ""
        return switch field.kind {
        case .text, .counter: field.kind.rawValue + unique
        case .date: "date: YYYY, YYYY-MM or YYYY-MM-DD"
        case .time: "time: YYYY-MM-DDTHH:MM"
        case .enum: values
        case .reference: "id of \(targets)" + (field.parent ? ", its parent" : "")
        case .set where field.references: "set of ids of \(targets)"
        case .set: values.isEmpty ? "set" : "set of \(values)"
        case .integer: "integer" + range(of: field)
        case .money: "money: 1250.50"
        }
    }

    private static func range(of field: Field) -> String {
        switch (field.least, field.greatest) {
        case (let least?, let greatest?): " \(least) to \(greatest)"
        case (let least?, nil): " from \(least)"
        case (nil, let greatest?): " up to \(greatest)"
        case (nil, nil): ""
        }
    }

    /// As `Protocol/schema` has it, with every key.
    private static func json(_ collection: CollectionSchema) -> JSONValue {
        .object([
            ("name", .text(collection.name)), ("label", labels(collection.label)),
            ("fields", .array(collection.fields.map(json))),
        ])
    }

    private static func json(_ field: Field) -> JSONValue {
        .object([
            ("name", .text(field.name)), ("type", .text(field.kind.rawValue)),
            ("policy", .text(field.policy.rawValue)), ("default", JSONValue(field.standard)),
            ("values", .array(field.values.map { .text($0) })),
            ("to", .array(field.to.map { .text($0) })), ("parent", .bool(field.parent)),
            ("unique", .bool(field.unique)), ("references", .bool(field.references)),
            ("least", field.least.map { .integer($0) } ?? .null),
            ("greatest", field.greatest.map { .integer($0) } ?? .null),
            ("label", labels(field.label)),
        ])
    }

    private static func labels(_ labels: [String: String]) -> JSONValue {
        .object(labels.sorted { $0.key < $1.key }.map { ($0.key, .text($0.value)) })
    }
}
