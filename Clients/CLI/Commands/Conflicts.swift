// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
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
                console.data(Array(found.map { lines($0, text) }.joined(separator: [""])))
            }
            return found
        }
        if failOnConflicts, conflicts.contains(where: { $0.isOpen }) {
            throw Finish.openConflicts
        }
    }

    private func lines(_ conflict: Conflict, _ text: RecordText) -> [String] {
        let style = console.style
        let settled = conflict.isOpen ? "" : " (\(conflict.status))"
        var lines = [
            style.bold(text.short(conflict.id.description))
                + "  \(Terminal.printableLine(conflict.sentence(text)))\(settled)"
        ]
        if let field = conflict.field {
            func shown(_ value: Value) -> String {
                let text = Terminal.printable(RecordText.text(value, of: field))
                return text.isEmpty
                    ? style.dim("(empty)") : text.replacing("\n", with: "\n          ")
            }
            func by(_ name: String?) -> String { name.map { style.dim("  \($0)") } ?? "" }
            lines.append("  before  \(shown(conflict.before))")
            lines.append("  kept    \(shown(conflict.kept))\(by(text.member(conflict.keptBy)))")
            lines.append("  other   \(shown(conflict.other))\(by(text.member(conflict.otherBy)))")
        }
        guard conflict.isOpen else { return lines }
        let short = text.short(conflict.id.description)
        let choices = conflict.field == nil ? "keep | take (delete it)" : "keep | take | value=V"
        lines.append(style.dim("  ting resolve \(short) \(choices)"))
        return lines
    }
}
