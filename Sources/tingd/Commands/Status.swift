// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingServer

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show workspaces, members, the last backup and the certificate's end.",
        discussion: "tingd status --data /srv/ting --json")

    @OptionGroup var options: DataOption

    @Flag(name: .long, help: "Print JSON.")
    var json = false

    func run() throws {
        try options.withOperator { person in
            let status = try person.status()
            if json { try Output.json(status) } else { show(status) }
        }
    }

    private func show(_ status: ServerStatus) {
        Output.table([
            ["server", "\(status.address) (\(status.running ? "running" : "not running"))"],
            [
                "certificate",
                "until \(Output.time(status.certificateEnd)) for \(status.certificateNames.joined(separator: ", "))",
            ],
            ["last backup", status.lastBackup.map(Output.time) ?? "never"],
        ])
        guard !status.workspaces.isEmpty else { return }
        Output.line()
        Output.table(
            [["WORKSPACE", "VERSION", "FLOOR", "MEMBERS", "BYTES", "QUOTA", "EPOCH"]]
                + status.workspaces.map {
                    [
                        $0.slug, String($0.head), String($0.floor), String($0.members),
                        String($0.used),
                        $0.quota.map(String.init) ?? "none", $0.epoch,
                    ]
                })
    }
}
