// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingCore
import TingServer

struct Members: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List members, change their roles, remove them.",
        discussion: """
            tingd members --data /srv/ting
            tingd members --data /srv/ting --workspace energy \\
              --role li.lei@example.cn=viewer
            tingd members --data /srv/ting --workspace energy \\
              --remove anna@example.org

            A change takes effect within a second, also on open connections.
            """)

    @OptionGroup var options: DataOption

    @OptionGroup var place: WorkspaceOption

    @Option(name: .long, help: ArgumentHelp("Give a member another role.", valueName: "email=role"))
    var role: [String] = []

    @Option(name: .long, help: ArgumentHelp("Take a member out.", valueName: "email"))
    var remove: [String] = []

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    func validate() throws {
        for change in role where Self.parse(change) == nil {
            throw ValidationError("--role reads like anna@example.org=editor, not \(change).")
        }
    }

    func run() throws {
        try options.withOperator { person in
            if !role.isEmpty || !remove.isEmpty { try change(person) }
            if let workspace = place.workspace { try person.find(workspace) }
            let rows = try person.accounts.memberRows().filter {
                place.workspace == nil || $0.workspace == place.workspace
            }
            if json { try Output.json(rows.map(Line.init)) } else { Self.print(rows) }
        }
    }

    private func change(_ person: Operator) throws {
        let slug = try place.slug(of: person)
        for change in role {
            guard let (email, role) = Self.parse(change) else { continue }
            try person.setRole(role, email: email, in: slug)
        }
        for email in remove { try person.setRole(nil, email: email, in: slug) }
        if try !person.hasOwner(slug) {
            ErrorPresenter.note(
                "tingd: \(slug) has no owner now: make one with --role EMAIL=owner, or invite one")
        }
    }

    private static func parse(_ change: String) -> (email: String, role: Role)? {
        guard let sign = change.lastIndex(of: "="),
            let role = Role(rawValue: String(change[change.index(after: sign)...]))
        else { return nil }
        return (String(change[..<sign]), role)
    }

    private static func print(_ rows: [Accounts.MemberRow]) {
        guard !rows.isEmpty else { return }
        Output.table(
            headings: ["workspace", "role", "email", "name", "devices"],
            rows.map {
                [
                    $0.workspace, $0.member.role?.rawValue ?? "", $0.member.email,
                    $0.member.name, $0.devices == 0 ? "invited" : String($0.devices),
                ]
            })
    }

    private struct Line: Encodable {
        let workspace: String
        let id: String
        let name: String
        let email: String
        let role: String?
        let devices: Int
        let last_seen: Date?

        init(_ row: Accounts.MemberRow) {
            workspace = row.workspace
            id = row.member.id.description
            name = row.member.name
            email = row.member.email
            role = row.member.role?.rawValue
            devices = row.devices
            last_seen = row.lastSeen.map { Date(timeIntervalSince1970: Double($0) / 1_000) }
        }

        func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: Key.self)
            try values.encode(workspace, forKey: .workspace)
            try values.encode(id, forKey: .id)
            try values.encode(name, forKey: .name)
            try values.encode(email, forKey: .email)
            try values.encode(role, forKey: .role)
            try values.encode(devices, forKey: .devices)
            try values.encode(last_seen, forKey: .last_seen)
        }

        private enum Key: CodingKey { case workspace, id, name, email, role, devices, last_seen }
    }
}
