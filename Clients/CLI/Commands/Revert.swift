// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRDB
import TingClient
import TingCore
import TingStore

struct Revert: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "revert",
        abstract: "Undo a change set by an edit of its own.",
        discussion: """
            Puts back what each field held before, takes back what was added to sets and counters, \
            deletes what was added, restores what was deleted. A field that has changed since then \
            stays as it is, and is named. The history keeps both.

            Example:
              ting log JWP-017        shows change sets
              ting revert 3b9f
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The change set: its id, or the end of it.") var changeset: String

    @Option(
        name: [.customShort("m"), .long],
        help: ArgumentHelp("What to say of it in the history.", valueName: "text"))
    var message: String?

    /// What a revert did, and what it left.
    struct Outcome {
        var reverted = 0
        /// Fields, as collection, record and name, that have changed since.
        var left: [(collection: String, record: String, field: String?)] = []

        var sentence: String {
            switch (reverted, left.count) {
            case (0, 0): "Nothing was left to revert."
            case (0, _): "Nothing was reverted."
            default: "Reverted \(reverted.counted("edit"))."
            }
        }
    }

    func run() throws {
        let replica = try session.replica()
        try replica.seal()
        let target = try ChangeSetFinder(replica).changeSet(changeset)
        let text =
            message ?? "Revert \(target.id)" + (target.message.isEmpty ? "" : ": \(target.message)")
        let outcome = try replica.write(message: text) { db in
            var outcome = Outcome()
            for operation in target.operations.reversed() {
                try undo(operation, replica, db, &outcome)
            }
            return outcome
        }
        console.outcome(
            .object([
                ("change_set", .text(target.id.description)),
                ("reverted", .integer(outcome.reverted)),
                (
                    "left",
                    .array(
                        outcome.left.map { left in
                            .object([
                                ("collection", .text(left.collection)),
                                ("record", .text(left.record)),
                                ("field", .text(left.field)),
                            ])
                        })
                ),
            ]),
            outcome.sentence)
        if !global.json {
            for left in outcome.left {
                let place = left.field.map { ".\($0)" } ?? ""
                console.warn(
                    "\(left.collection)\(place) of \(left.record) has changed since; it stays.")
            }
        }
        try session.warnAboutRole(replica, console)
    }

    private func undo(
        _ operation: TingCore.Operation, _ replica: Replica, _ db: Database,
        _ outcome: inout Outcome
    ) throws {
        guard let collection = replica.schema.collection(operation.collection) else { return }
        let table = RecordTable(collection)
        let values = try table.values(db, operation.record)
        switch operation.kind {
        case .insert, .restore:
            guard values != nil else { return }
            outcome.reverted += try replica.delete(db, collection.name, operation.record)
        case .delete:
            guard values == nil else { return }
            outcome.reverted += try replica.restore(db, collection.name, operation.record)
        case .update:
            guard let values else {
                outcome.left.append((collection.name, operation.record.description, nil))
                return
            }
            var undone: [String: Value] = [:]
            for edit in operation.fields where edit.before != edit.after {
                guard let field = collection.field(edit.field) else { continue }
                let current = values[edit.field] ?? field.standard
                if let value = Self.undone(edit, field, current) {
                    if value != current { undone[edit.field] = value }
                } else {
                    outcome.left.append(
                        (collection.name, operation.record.description, edit.field))
                }
            }
            try replica.update(db, collection.name, operation.record, undone)
            outcome.reverted += undone.count
        }
    }

    /// The value without the edit; `nil` where it can't be told apart from what came later.
    static func undone(_ edit: FieldEdit, _ field: Field, _ current: Value) -> Value? {
        switch field.kind {
        case .set:
            let (before, after) = (Set(edit.before.elements), Set(edit.after.elements))
            return .set(
                of: Set(current.elements).subtracting(after.subtracting(before))
                    .union(before.subtracting(after)))
        case .counter:
            let step = (edit.after.integer ?? 0).subtractingReportingOverflow(
                edit.before.integer ?? 0)
            let result = (current.integer ?? 0).subtractingReportingOverflow(step.partialValue)
            return step.overflow || result.overflow ? nil : .integer(result.partialValue)
        default:
            func shown(_ value: Value) -> Value { value.isNull ? field.standard : value }
            return [shown(edit.after), shown(edit.before)].contains(current)
                ? shown(edit.before) : nil
        }
    }
}

/// Finds a change set by its id or the end of it: in the history, or still in the outbox.
struct ChangeSetFinder {
    let replica: Replica

    init(_ replica: Replica) { self.replica = replica }

    func changeSet(_ text: String) throws -> ChangeSet {
        let pending = try replica.outbox().map(\.changeSet).filter {
            $0.id.description.hasSuffix(text)
        }
        let accepted = try replica.read { db in
            try String.fetchAll(
                db,
                sql:
                    "SELECT change_set FROM history WHERE substr(change_set, -length(?1)) = ?1 LIMIT 3",
                arguments: [text])
        }
        guard pending.count + accepted.count < 2, !text.isEmpty else {
            throw CommandError(
                .error, code: "ambiguous", "`\(text)` is the end of several change sets' ids.",
                remedy: "Give more characters of the id.")
        }
        if let only = pending.first { return only }
        if let id = accepted.first.flatMap({ ChangeSetID($0) }), let entry = try replica.entry(id) {
            return entry.changeSet
        }
        if let floor = try FloorText(replica) {
            throw CommandError(
                .error, code: "not_found",
                "There is no change set `\(text)` here. \(floor.sentence)", remedy: floor.remedy)
        }
        throw CommandError(
            .error, code: "not_found", "There is no change set `\(text)` here.",
            remedy: "`ting log` shows the ids of change sets.")
    }
}
