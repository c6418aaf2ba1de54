// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingCore
import TingServer
import TingTerminal

struct Log: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Tell a workspace's whole history, what is in the archive included, oldest first.",
        discussion: """
            tingd log --data /srv/ting --workspace energy
            tingd log --data /srv/ting --workspace energy --since 1200 --json
            tingd log --data /srv/ting --workspace energy \\
              0197a1b2-c3d4-7000-8000-0000000000aa

            --json prints one line a version, with every value.
            """)

    @OptionGroup var options: DataOption

    @OptionGroup var place: WorkspaceOption

    @Option(
        name: .long, parsing: .unconditional,
        help: ArgumentHelp("What came after a version.", valueName: "version"))
    var since: Int64 = 0

    @Flag(name: .long, help: "Print JSON, a line a version.")
    var json = false

    @Argument(help: "A record's whole id: only what touched it.")
    var id: String?

    func validate() throws {
        if since < 0 { throw ValidationError("--since is a version, from 0 on.") }
        if let id, RecordID(id) == nil {
            throw ValidationError("\(id) is not the whole id of a record.")
        }
    }

    func run() throws {
        try options.withOperator { person in
            let slug = try place.slug(of: person)
            let names = try person.memberNames()
            let record = id.flatMap { RecordID($0) }
            try person.eachEntry(of: slug, since: since, touching: record) { entry in
                if json { try Output.line(LogLine(entry).json) } else { show(entry, names, record) }
            }
        }
    }

    private func show(_ entry: Entry, _ names: [MemberID: String], _ record: RecordID?) {
        let time = Output.time(Date(timeIntervalSince1970: Double(entry.accepted) / 1_000))
        let author = names[entry.author] ?? entry.author.description
        let verdict = entry.effects == nil ? "" : "  merged"
        Output.line(
            "version \(entry.version)  \(time)  \(Terminal.printableLine(author))\(verdict)")
        if !entry.changeSet.message.isEmpty {
            Output.line("  \(Terminal.printableLine(entry.changeSet.message))")
        }
        for operation in entry.changeSet.operations
        where record.map({ $0 == operation.record }) ?? true {
            let fields = operation.fields.map(\.field).joined(separator: ", ")
            Output.line(
                "  \(operation.kind.rawValue) \(operation.collection) \(operation.record)  \(fields)"
            )
        }
    }
}

/// One version as a line of JSON.
private struct LogLine: Encodable {
    private let version: Int64
    private let author: String
    private let accepted: Date
    private let verdict: String
    private let change_set: String
    private let replica: String
    private let number: Int64
    private let message: JSONScalar
    private let operations: [Line]

    private struct Line: Encodable {
        let kind: String
        let collection: String
        let record: String
        let fields: [Change]
    }

    private struct Change: Encodable {
        let field: String
        let before: JSONScalar
        let after: JSONScalar
    }

    /// A value in the form that the schema's columns have.
    private struct JSONScalar: Encodable {
        let value: Value

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch value {
            case .null: try container.encodeNil()
            case .integer(let integer): try container.encode(integer)
            case .text(let text): try container.encode(text)
            case .set(let elements): try container.encode(elements)
            }
        }
    }

    init(_ entry: Entry) {
        version = entry.version
        author = entry.author.description
        accepted = Date(timeIntervalSince1970: Double(entry.accepted) / 1_000)
        verdict = entry.effects == nil ? "applied" : "merged"
        change_set = entry.changeSet.id.description
        replica = entry.replica.description
        number = entry.number
        let said = entry.changeSet.message
        message = JSONScalar(value: said.isEmpty ? .null : .text(said))
        operations = entry.changeSet.operations.map { operation in
            Line(
                kind: operation.kind.rawValue, collection: operation.collection,
                record: operation.record.description,
                fields: operation.fields.map {
                    Change(
                        field: $0.field, before: JSONScalar(value: $0.before),
                        after: JSONScalar(value: $0.after))
                })
        }
    }

    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            encoder.dateEncodingStrategy = .iso8601
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}
