// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingCore
import TingStore
import TingTerminal

struct Members: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "members",
        abstract: "List who is here, as of the last sync.",
        discussion: """
            Past members stay, without a role: the history names them.

            Example:
              ting members --json
            """)

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let replica = try session.replica()
        let members = try replica.members()
        let own = try replica.identity().member
        if global.json {
            return console.data(
                .array(
                    members.map { member in
                        .object([
                            ("id", .text(member.id.description)), ("name", .text(member.name)),
                            ("email", .text(member.email)), ("role", .text(member.role?.rawValue)),
                        ])
                    }))
        }
        guard !members.isEmpty else { return console.note("Nobody is known yet: run `ting sync`.") }
        var table = TextTable(headings: ["name", "email", "role"])
        let byName = members.sorted { ($0.name, $0.email) < ($1.name, $1.email) }
        table.rows = byName.map { member in
            [
                member.name + (member.id == own ? " (you)" : ""), member.email,
                member.role?.rawValue ?? "left",
            ]
        }
        console.data(table.lines(style: console.style))
    }
}
