// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingClient

/// A file that an argument names; `-` is standard input, or standard output.
enum InputFile {
    static func read(_ path: String) throws -> Data {
        if path == "-" { return try FileHandle.standardInput.readToEnd() ?? Data() }
        guard let data = FileManager.default.contents(atPath: ClientHome.absolute(path)) else {
            throw CommandError(
                .error, code: "not_read", "The file \(path) can't be read.",
                remedy: "Check the path and its permissions.")
        }
        return data
    }

    /// Writes a file for its owner alone, whole or not at all.
    static func write(_ data: Data, to path: String) throws {
        if path == "-" {
            Terminal.write(data)
            if let failure = Terminal.outputFailure { throw failure }
            return
        }
        try PrivateFile.write(Array(data), to: ClientHome.absolute(path))
    }
}
