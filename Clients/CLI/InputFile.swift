// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingClient
import TingStore
import TingTerminal

/// A file that an argument names; `-` is standard input, or standard output.
enum InputFile {
    static func read(_ path: String) throws -> Data {
        if path == "-" { return try StandardFiles.readInput() }
        guard let data = NamedFile.contents(of: ClientHome.absolute(path)) else {
            throw CommandError(
                .error, code: "not_read", "The file \(path) can't be read.",
                remedy: "Check the path and its permissions.")
        }
        return data
    }

    /// Whether something is a file with a name that tells of its contents, and no pipe or device.
    static func isRegular(_ path: String) -> Bool {
        var kind = stat()
        return stat(ClientHome.absolute(path), &kind) == 0 && kind.st_mode & S_IFMT == S_IFREG
    }

    /// Writes a file for its owner alone, as `NamedFile` does.
    static func write(_ data: Data, to path: String) throws {
        if path == "-" {
            Terminal.write(data)
            if let failure = CommandError.incompleteOutput { throw failure }
            return
        }
        do { try NamedFile.write(data, to: ClientHome.absolute(path)) } catch {
            let reason = String(cString: strerror(error.code)).lowercased()
            throw CommandError(
                .error, code: "not_written", "The file \(path) can't be written: \(reason).",
                remedy: "Check the path, its permissions and the free space.")
        }
    }
}

extension StandardFiles {
    /// All of standard input.
    static func readInput() throws -> Data {
        do { return try FileHandle.standardInput.readToEnd() ?? Data() } catch {
            throw CommandError(
                .error, code: "not_read", "Standard input can't be read; nothing was changed.",
                remedy: "Pipe the text in, or name a file.")
        }
    }
}
