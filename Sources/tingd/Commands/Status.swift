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
            headings: ["workspace", "version", "floor", "members", "bytes", "quota", "epoch"],
            status.workspaces.map { one in
                func known(_ text: String) -> String { one.problem == nil ? text : "-" }
                return [
                    one.slug, known(String(one.head)), known(String(one.floor)),
                    String(one.members), known(String(one.used)),
                    one.quota.map(String.init) ?? "none", known(one.epoch),
                ]
            })
        for problem in status.workspaces.compactMap(\.problem) {
            ErrorPresenter.complain(problem, hint: nil)
        }
    }
}
