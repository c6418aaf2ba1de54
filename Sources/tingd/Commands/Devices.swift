// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingCore
import TingServer

struct Devices: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List devices, and revoke those that were lost.",
        discussion: """
            tingd devices --data /srv/ting
            tingd devices --data /srv/ting --email li.lei@example.cn
            tingd devices --data /srv/ting --revoke 3b9f0c51

            A revoked device loses access within a second, also on open connections; its member keeps \
            the other devices. What it has not sent stays on its own disk.
            """)

    @OptionGroup var options: DataOption

    @Option(name: .long, help: ArgumentHelp("Only this member's devices.", valueName: "email"))
    var email: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Take a device's access away; the end of its id is enough.", valueName: "id"))
    var revoke: [String] = []

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    func run() throws {
        try options.withOperator { person in
            for end in revoke { try person.revoke(deviceEnding: end) }
            if let email, try person.accounts.member(email: email) == nil {
                throw ServerError("There is no account of \(email).", hint: "See `tingd members`.")
            }
            let rows = try person.accounts.deviceRows().filter {
                email.map($0.isOf(email:)) ?? true
            }
            if json { try Output.json(rows.map(Line.init)) } else { Self.print(rows) }
        }
    }

    private static func print(_ rows: [Accounts.DeviceRow]) {
        guard !rows.isEmpty else { return }
        Output.table(
            headings: ["device", "name", "email", "last seen"],
            rows.map { row in
                let seen = row.device.lastSeen.map { Output.time(date($0)) } ?? "never"
                return [
                    row.device.id.description, row.device.name, row.email,
                    row.revoked == nil ? seen : "revoked",
                ]
            })
    }

    private static func date(_ milliseconds: Int64) -> Date {
        Date(timeIntervalSince1970: Double(milliseconds) / 1_000)
    }

    private struct Line: Encodable {
        let id: String
        let name: String
        let email: String
        let created: Date
        let last_seen: Date?
        let revoked: Date?

        init(_ row: Accounts.DeviceRow) {
            id = row.device.id.description
            name = row.device.name
            email = row.email
            created = Devices.date(row.device.created)
            last_seen = row.device.lastSeen.map(Devices.date)
            revoked = row.revoked.map(Devices.date)
        }

        func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: Key.self)
            try values.encode(id, forKey: .id)
            try values.encode(name, forKey: .name)
            try values.encode(email, forKey: .email)
            try values.encode(created, forKey: .created)
            try values.encode(last_seen, forKey: .last_seen)
            try values.encode(revoked, forKey: .revoked)
        }

        private enum Key: CodingKey { case id, name, email, created, last_seen, revoked }
    }
}
