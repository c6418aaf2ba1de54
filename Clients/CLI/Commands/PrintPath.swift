// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
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
        // Nothing is opened: the path helps where the file can't be.
        let path = try session.path()
        guard FileManager.default.fileExists(atPath: path) else {
            throw ReplicaError.notFound(path)
        }
        console.result(.object([("path", .text(path))]), [path])
    }
}
