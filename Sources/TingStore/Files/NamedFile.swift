// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// A file that a person names, of whatever kind: also a pipe, a device, or a link to one of these.
package enum NamedFile {
    /// All its bytes, of a pipe to its end; `nil` where they can't be read.
    package static func contents(of path: String) -> Data? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        return try? file.readToEnd() ?? Data()
    }

    /// Writes a file for its owner alone, whole or not at all, where `path` or the link there leads.
    ///
    /// What is no regular file (a pipe, a device) takes the bytes; a folder is not made.
    package static func write(_ data: Data, to path: String) throws(FileFailure) {
        let target = try target(of: path)
        var kind = stat()
        if stat(target, &kind) == 0, kind.st_mode & S_IFMT != S_IFREG {
            try writeInPlace(data, to: target)
        } else {
            try WholeFile.write(data, to: target)
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
