// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingCore
import TingStore
import TingTerminal

struct Members: TingCommand, AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "members",
        abstract: "List who is here; owners change roles, and take members out.",
        discussion: """
            The list is that of the last sync and needs no network; a change does, and takes effect \
            within a second. Past members stay, without a role: the history names them. New ones \
            come by `ting invite`.

            Examples:
              ting members --json
              ting members --role li.lei@example.cn=viewer
              ting members --remove anna@example.org
            """)

    @OptionGroup var global: GlobalOptions

    @Option(help: ArgumentHelp("Give a member another role.", valueName: "email=role"))
    var role: [String] = []

    @Option(help: ArgumentHelp("Take a member out.", valueName: "email"))
    var remove: [String] = []

    /// What is to become of a member: another role, or none.
    private struct Change {
        let email: String
        let role: Role?
    }

    func validate() throws { _ = try changes }

    private var changes: [Change] {
        get throws {
            try role.map { text in
                guard let sign = text.lastIndex(of: "="),
                    let role = Role(rawValue: String(text[text.index(after: sign)...]))
                else {
                    throw ValidationError(
                        "--role reads like anna@example.org=editor, not \(text): owner, editor or viewer."
                    )
                }
                return Change(email: String(text[..<sign]), role: role)
            } + remove.map { Change(email: $0, role: nil) }
        }
    }

    func run() async throws {
        let replica = try session.replica()
        let changes = try changes
        show(
            changes.isEmpty ? try replica.members() : try await apply(changes, replica),
            try replica.identity().member)
    }

    /// Changes them one by one, and gives the members as they are then.
    private func apply(_ changes: [Change], _ replica: Replica) async throws -> [Member] {
        let slug = try replica.identity().workspace
        return try await session.atServer(of: replica) { connection in
            var members = try await connection.members(of: slug)
            // All are found before any is changed.
            let found = try changes.map {
                ($0.role, try Self.member($0.email, among: members, slug))
            }
            for (role, member) in found {
                do {
                    if let role {
                        members = try await connection.setRole(role, of: member.id, in: slug)
                        console.note("\(member.name) is \(role.rawValue) now.")
                    } else {
                        try await connection.remove(member.id, from: slug)
                        for index in members.indices where members[index].id == member.id {
                            members[index].role = nil
                        }
                        console.note("\(member.name) is no member any more.")
                    }
                } catch var error as ClientError where error.code == "conflict" {
                    error.remedy = "`ting members --role EMAIL=owner` makes another one."
                    throw error
                }
            }
            return members
        }
    }

    private static func member(
        _ email: String, among members: [Member], _ slug: String
    ) throws -> Member {
        let key = email.normalized.lowercased()
        let found = members.first { $0.role != nil && $0.email.normalized.lowercased() == key }
        guard let found else {
            throw CommandError(
                .error, code: "not_found", "\(email) is no member of \(slug).",
                remedy: "`ting members` lists them; `ting invite` brings new ones.")
        }
        return found
    }

    private func show(_ members: [Member], _ own: MemberID?) {
        if global.json {
            return console.data(
                .array(
                    members.sorted { $0.id.description < $1.id.description }.map { member in
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
