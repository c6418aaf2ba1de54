// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingClient
import TingStore

struct PrintPath: TingCommand {
    static let configuration = CommandConfiguration(
        commandName: "path",
        abstract: "Print where the replica's file is.",
        discussion: """
            Example:
              sqlite3 "$(ting path)" "SELECT code, status FROM project"
            """)

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let path = try session.replica().path
        console.result(.object([("path", .text(path))]), [path])
    }
}
