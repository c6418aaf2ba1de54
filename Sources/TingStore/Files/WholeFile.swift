// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What the system said when a file could not be written or locked.
package struct FileFailure: Error, Equatable, Sendable {
    package let path: String
    package let code: Int32

    package init(_ path: String, _ code: Int32) {
        self.path = path
        self.code = code
    }
}

/// Files that only their owner may read, replaced whole or not at all.
package enum WholeFile {
    /// Writes beside `path`, under a name that no other run has, flushes, then renames over it: after
    /// a power cut the old or the new is there. A failure leaves no draft.
    package static func write(_ bytes: some Sequence<UInt8>, to path: String) throws(FileFailure) {
        var name = Array("\(path).XXXXXX".utf8CString)
        let file = mkstemp(&name)  // Readable by its owner alone.
        guard file >= 0 else { throw FileFailure(path, errno) }
        let draft = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var code = write(Array(bytes), to: file)
        if close(file) != 0, code == 0 { code = errno }
        if code == 0, rename(draft, path) != 0 { code = errno }
        guard code == 0 else {
            unlink(draft)
            throw FileFailure(path, code)
        }
        flush(folder: (path as NSString).deletingLastPathComponent)
    }

    /// Makes a folder for its owner alone, and those above it.
    package static func makeFolder(_ path: String) throws(FileFailure) {
        guard mkdir(path, 0o700) != 0 else { return }
        let code = errno
        if code == EEXIST { return }
        let above = (path as NSString).deletingLastPathComponent
        guard code == ENOENT, !above.isEmpty, above != path else { throw FileFailure(path, code) }
        try makeFolder(above)
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw FileFailure(path, errno) }
    }

    /// - Returns: 0, or the error's number.
    private static func write(_ bytes: [UInt8], to file: Int32) -> Int32 {
        guard fcntl(file, F_SETFD, FD_CLOEXEC) == 0 else { return errno }
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes {
                Foundation.write(file, $0.baseAddress, $0.count)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return count < 0 ? errno : ENOSPC }
            done += count
        }
        return fsync(file) == 0 ? 0 : errno
    }

    /// The name is on disk too; where a file system can't do that, it does so by itself.
    private static func flush(folder path: String) {
        let folder = open(path.isEmpty ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        _ = fsync(folder)
        _ = close(folder)
    }
}
