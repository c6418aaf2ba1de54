// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingClient
import TingCore
import TingStore
import TingTerminal

/// A change set as people and programs read it.
struct ChangeSetView {
    let changeSet: ChangeSet
    let schema: Schema

    init(_ changeSet: ChangeSet, _ schema: Schema) {
        self.changeSet = changeSet
        self.schema = schema
    }

    /// Everything that a person wrote in it.
    var json: JSONValue { .object(members) }

    /// The members of its JSON object, for those who add more.
    var members: [(String, JSONValue)] {
        [
            ("id", .text(changeSet.id.description)),
            ("message", .text(changeSet.message.isEmpty ? nil : changeSet.message)),
            ("time", .text(TimeText.rfc3339(changeSet.time))),
            ("epoch", .text(changeSet.base.epoch.description)),
            ("base", .integer(changeSet.base.version)),
            ("operations", .array(changeSet.operations.map(Self.json))),
        ]
    }

    private static func json(_ operation: TingCore.Operation) -> JSONValue {
        .object([
            ("kind", .text(operation.kind.rawValue)), ("collection", .text(operation.collection)),
            ("record", .text(operation.record.description)),
            ("time", .text(TimeText.rfc3339(operation.time))),
            (
                "fields",
                .object(
                    operation.fields.map { edit in
                        (
                            edit.field,
                            .object([
                                ("before", JSONValue(edit.before)),
                                ("after", JSONValue(edit.after)),
                            ])
                        )
                    })
            ),
        ])
    }

    /// `1 added, 2 changed`.
    var summary: String {
        let kinds: [TingCore.Operation.Kind] = [.insert, .update, .delete, .restore]
        return kinds.compactMap { kind in
            let count = changeSet.operations.count { $0.kind == kind }
            return count == 0 ? nil : "\(count) \(kind.past)"
        }.joined(separator: ", ")
    }

    /// The first few edits, one a line: `changed project JWP-017 Clean water (end, status)`; those
    /// of one record, where one is named.
    func headlines(_ db: Database, only record: RecordID? = nil) throws -> [String] {
        let operations = changeSet.operations.filter { record == nil || $0.record == record }
        let shown = operations.count <= Self.headlineLimit + 1 ? Int.max : Self.headlineLimit
        var lines = try operations.prefix(shown).map { operation in
            let record = try schema.collection(operation.collection).flatMap {
                try RecordTable($0).recordOrLast(db, operation.record)
            }
            let name = record?.name ?? ""
            var line = "  \(operation.kind.past) \(operation.collection) "
            line += Terminal.printableLine(name.isEmpty ? operation.record.description : name)
            guard operation.kind == .update, !operation.fields.isEmpty else { return line }
            return line + " (\(operation.fields.map(\.field).joined(separator: ", ")))"
        }
        let rest = operations.count - lines.count
        if rest > 0 { lines.append("  … and \(rest) more: \(summary) in all") }
        return lines
    }

    private static let headlineLimit = 3

    /// Each edit with its values before and after; of one record, where one is named.
    func patch(_ style: TextStyle, only record: RecordID? = nil) -> [String] {
        changeSet.operations.filter { record == nil || $0.record == record }.flatMap { operation in
            let sign =
                switch operation.kind {
                case .insert: "+"
                case .update: "~"
                case .delete: "-"
                case .restore: "^"
                }
            let head = "  \(sign) \(operation.collection) \(operation.record)"
            return [style.bold(head)] + operation.fields.flatMap { lines($0, operation, style) }
        }
    }

    private func lines(
        _ edit: FieldEdit, _ operation: TingCore.Operation, _ style: TextStyle
    ) -> [String] {
        let field = schema.collection(operation.collection)?.field(edit.field)
        func text(_ value: Value) -> String {
            Terminal.printable(RecordText.text(value, of: field)).replacing("\n", with: "\n      ")
        }
        if edit.before == edit.after { return ["    \(edit.field): kept as it is"] }
        if case .set(let after) = edit.after {
            let (old, new) = (Set(edit.before.elements), Set(after))
            return ["    \(edit.field):"]
                + old.subtracting(new).sorted().map { style.red("    - \(Terminal.printable($0))") }
                + new.subtracting(old).sorted().map {
                    style.green("    + \(Terminal.printable($0))")
                }
        }
        var lines = ["    \(edit.field):"]
        if !edit.before.isNull { lines.append(style.red("    - \(text(edit.before))")) }
        if !edit.after.isNull { lines.append(style.green("    + \(text(edit.after))")) }
        return lines
    }
}

extension TingCore.Operation.Kind {
    /// What was done, in the past tense.
    var past: String {
        switch self {
        case .insert: "added"
        case .update: "changed"
        case .delete: "deleted"
        case .restore: "restored"
        }
    }
}
