// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRDB
import TingClient
import TingCore
import TingStore
import TingTerminal

struct Revert: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "revert",
        abstract: "Undo a change set by an edit of its own.",
        discussion: """
            Puts back what each field held before, takes back what was added to sets and counters, \
            deletes what was added, restores what was deleted. What has changed since then, or \
            others wrote just so, stays as it is, and is named: a field, or a record with what lies \
            below it. So does a conflict that it settled. The history keeps both.

            Example:
              ting log JWP-017        shows change sets
              ting revert 3b9f
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The change set: its id, or the end of it.") var changeset: String

    @OptionGroup var history: MessageOption

    func run() throws {
        let replica = try session.replica()
        try replica.seal()
        let target = try ChangeSetFinder(replica).changeSet(changeset)
        let text =
            history.message ?? "Revert \(target.id)"
            + (target.message.isEmpty ? "" : ": \(target.message)")
        let outcome = try replica.write(message: text) { db in
            try replica.revert(db, target)
        }
        console.outcome(
            .object([
                ("change_set", .text(target.id.description)),
                ("reverted", .integer(outcome.count)),
                (
                    "left",
                    .array(
                        outcome.left.map { left in
                            .object([
                                ("collection", .text(left.collection)),
                                ("record", .text(left.record.description)),
                                ("field", .text(left.field)),
                            ])
                        })
                ),
            ]),
            sentence(outcome))
        if !global.json, !outcome.left.isEmpty {
            let told = try replica.read { try self.sentences(outcome.left, replica, $0) }
            for sentence in told { console.warn(sentence) }
        }
        try session.warnAboutRole(replica, console)
    }

    /// What stays, and why.
    private func sentences(
        _ left: [Reverted.Place], _ replica: Replica, _ db: Database
    ) throws -> [String] {
        let conflicts = left.filter { $0.collection == CollectionSchema.conflict.name }
        let text = try RecordText(
            replica, db, shortening: conflicts.map(\.record.description))
        return try left.map { left in
            if left.collection == CollectionSchema.conflict.name,
                let conflict = try replica.conflict(db, left.record)
            {
                let name = "conflict \(text.short(conflict.id.description))"
                return try "\(name) stays settled\(Self.other(conflict, replica, db))"
            }
            let place = left.field.map { ".\($0)" } ?? ""
            return
                "\(left.collection)\(place) of \(left.record) was edited since, or by others too; it stays."
        }
    }

    /// The value that was not taken: a long text in part.
    private static func other(
        _ conflict: Conflict, _ replica: Replica, _ db: Database
    ) throws -> String {
        guard let field = conflict.field else { return "." }
        let value = try RecordText.text(conflict.other, of: field, replica, db)
        let line = Terminal.printableLine(String(value.prefix(shownCharacters)))
        let rest = value.count > shownCharacters ? " …" : "."
        return "; its other value was \(line.isEmpty ? "empty" : line)\(rest)"
    }

    private static let shownCharacters = 80

    private func sentence(_ outcome: Reverted) -> String {
        switch (outcome.count, outcome.left.count) {
        case (0, 0): "Nothing was left to revert."
        case (0, _): "Nothing was reverted."
        default: "Reverted \(outcome.count.counted("edit"))."
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
