// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingClient
import TingStore
import TingTerminal

/// A file that an argument names; `-` is standard input, or standard output.
enum InputFile {
    static func read(_ path: String) throws -> Data {
        if path == "-" { return try StandardFiles.readInput() }
        guard let data = contents(of: ClientHome.absolute(path)) else {
            throw CommandError(
                .error, code: "not_read", "The file \(path) can't be read.",
                remedy: "Check the path and its permissions.")
        }
        return data
    }

    /// All bytes of a file, or of a pipe to its end; `nil` where they can't be read.
    static func contents(of path: String) -> Data? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        return try? file.readToEnd() ?? Data()
    }

    /// Whether something is a file with a name that tells of its contents, and no pipe or device.
    static func isRegular(_ path: String) -> Bool {
        var kind = stat()
        return stat(ClientHome.absolute(path), &kind) == 0 && kind.st_mode & S_IFMT == S_IFREG
    }

    /// Writes a file for its owner alone, whole or not at all, where `path` or the link there leads.
    ///
    /// What is no regular file (a pipe, a device) takes the bytes; a folder is not made.
    static func write(_ data: Data, to path: String) throws {
        if path == "-" {
            Terminal.write(data)
            if let failure = CommandError.incompleteOutput { throw failure }
            return
        }
        do {
            let target = try target(of: ClientHome.absolute(path))
            var kind = stat()
            if stat(target, &kind) == 0, kind.st_mode & S_IFMT != S_IFREG {
                try writeInPlace(data, to: target)
            } else {
                try WholeFile.write(data, to: target)
            }
        } catch {
            let reason = String(cString: strerror(error.code)).lowercased()
            throw CommandError(
                .error, code: "not_written", "The file \(path) can't be written: \(reason).",
                remedy: "Check the path, its permissions and the free space.")
        }
    }

    /// Where symbolic links lead from here, also to a file that is not there yet.
    private static func target(of path: String) throws(FileFailure) -> String {
        var path = path
        for _ in 0..<linkLimit {
            guard let next = try? FileManager.default.destinationOfSymbolicLink(atPath: path) else {
                return path
            }
            let folder = (path as NSString).deletingLastPathComponent
            path = next.hasPrefix("/") ? next : "\(folder)/\(next)"
        }
        throw FileFailure(path, ELOOP)
    }

    /// As many as Linux follows.
    private static let linkLimit = 40

    private static func writeInPlace(_ data: Data, to path: String) throws(FileFailure) {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw FileFailure(path, errno) }
        defer { close(file) }
        var rest = data[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw FileFailure(path, count < 0 ? errno : ENOSPC) }
            rest = rest.dropFirst(count)
        }
    }
}
