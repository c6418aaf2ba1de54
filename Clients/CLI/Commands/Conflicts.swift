// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRDB
import TingClient
import TingCore
import TingStore
import TingTerminal

struct Conflicts: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "conflicts",
        abstract: "Show where two people changed the same thing.",
        discussion: """
            Each conflict holds the value kept and the other one. Settle it with `ting resolve`, \
            once, for everyone.

            Examples:
              ting conflicts
              ting conflicts --json --fail-on-conflicts
            """)

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Settled ones too.") var all = false
    @Flag(help: "Exit with 4 while conflicts are open.") var failOnConflicts = false

    func run() throws {
        let replica = try session.replica()
        // What another tool just settled counts.
        try session.sealForReading(replica, console)
        let conflicts = try replica.read { db in
            let found = try replica.conflicts(db, settledToo: all, byID: global.json)
            let text = try RecordText(
                replica, db, shortening: global.json ? [] : found.map(\.id.description))
            if global.json {
                console.data(.array(found.map { $0.json(text) }))
            } else if found.isEmpty {
                console.note("No open conflicts.")
            } else {
                let each = try found.map { try lines($0, text, replica, db) }
                console.data(Array(each.joined(separator: [""])))
            }
            return found
        }
        if failOnConflicts, conflicts.contains(where: { $0.isOpen }) {
            throw Finish.openConflicts
        }
    }

    private func lines(
        _ conflict: Conflict, _ text: RecordText, _ replica: Replica, _ db: Database
    ) throws -> [String] {
        let style = console.style
        let settled = conflict.isOpen ? "" : " (\(conflict.status))"
        var lines = [
            style.bold(text.short(conflict.id.description))
                + "  \(Terminal.printableLine(conflict.sentence(text)))\(settled)"
        ]
        if let field = conflict.field {
            func shown(_ value: Value) throws -> String {
                let text = Terminal.printable(try RecordText.text(value, of: field, replica, db))
                return text.isEmpty
                    ? style.dim("(empty)") : text.replacing("\n", with: "\n          ")
            }
            func by(_ name: String?) -> String { name.map { style.dim("  \($0)") } ?? "" }
            let (kept, other) = (try shown(conflict.kept), try shown(conflict.other))
            lines.append("  before  \(try shown(conflict.before))")
            lines.append("  kept    \(kept)\(by(text.member(conflict.keptBy)))")
            lines.append("  other   \(other)\(by(text.member(conflict.otherBy)))")
        }
        guard conflict.isOpen else { return lines }
        let short = text.short(conflict.id.description)
        let deletion = conflict.isRecordDeleted ? "keep | take" : "keep | take (delete it)"
        let choices = conflict.field == nil ? deletion : "keep | take | value=V"
        lines.append(style.dim("  ting resolve \(short) \(choices)"))
        return lines
    }
}
