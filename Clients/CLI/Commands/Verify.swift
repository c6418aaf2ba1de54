// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingCore
import TingStore
import TingTerminal

struct Verify: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Recompute the digests from records and history, and compare.",
        discussion: """
            Example:
              ting verify && echo sound
            """)

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let replica = try session.replica()
        let progress = console.progress
        let found = try replica.verify { step in
            switch step {
            case .file: progress.announce("checking the file")
            case .records(let done, let all): progress.report("\(done) of \(all) records checked")
            case .history(let version, let all):
                progress.report("history checked to version \(version) of \(all)")
            }
        }
        progress.end()
        let version = try replica.identity().base.version
        let mark =
            found.matches
            ? console.style.green("sound") : console.style.red("different from what it reports")
        console.result(
            .object([
                ("version", .integer(version)), ("state_digest", .text(found.state.description)),
                ("history_digest", .text(found.history.description)),
                ("matches", .bool(found.matches)),
            ]),
            [
                "version  \(version)", "state    \(found.state)", "history  \(found.history)",
                "The replica is \(mark).",
            ])
        guard found.matches else {
            throw CommandError(
                .error, code: "digest_differs",
                "The records or the history are not what this replica reports.",
                remedy: "Run `ting sync`: it mends what differs, and keeps what is unsynced.")
        }
    }
}
