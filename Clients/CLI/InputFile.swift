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

    /// The bytes of a file to its end, or more than `limit` of them; `nil` where it can't be read.
    static func contents(of path: String, upTo limit: Int) -> Data? {
        FileHandle(forReadingAtPath: path).flatMap { try? $0.contents(upTo: limit) }
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

extension FileHandle {
    /// All bytes to the end, or one more than `limit`: what has no end, as some devices, is not read for it.
    fileprivate func contents(upTo limit: Int) throws -> Data {
        var bytes = Data()
        while bytes.count <= limit,
            let more = try read(upToCount: limit + 1 - bytes.count), !more.isEmpty
        {
            bytes.append(more)
        }
        return bytes
    }
}

extension StandardFiles {
    /// All of standard input, or one byte more than `limit`.
    static func readInput(upTo limit: Int? = nil) throws -> Data {
        let input = FileHandle.standardInput
        do {
            if let limit { return try input.contents(upTo: limit) }
            return try input.readToEnd() ?? Data()
        } catch {
            throw CommandError(
                .error, code: "not_read", "Standard input can't be read; nothing was changed.",
                remedy: "Pipe the text in, or name a file.")
        }
    }
}
