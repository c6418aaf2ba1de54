// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

/// SQLite files, as files.
package enum DatabaseFile {
    /// Copies a file that no program writes, with its log if whoever had it open last was killed:
    /// transactions may stand there alone, or be undone by it.
    package static func copy(_ source: String, to target: String) throws {
        for suffix in ["", "-wal", "-journal"]
        where suffix.isEmpty || FileManager.default.fileExists(atPath: source + suffix) {
            try FileManager.default.copyItem(atPath: source + suffix, toPath: target + suffix)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600], ofItemAtPath: target + suffix)
        }
    }

    /// Opens a file to look at it: where it lies if that changes nothing there, or else a copy of it.
    ///
    /// Copied is what an older program left, what has a killed program's log to be undone, and what
    /// lies with a log on a disk that can only be read.
    /// - Parameters:
    ///   - inPlace: Opens the file for reading; throws, or gives `nil`, where that won't do.
    ///   - copy: Opens a copy, which may be changed.
    package static func look<T>(
        at path: String, copies folder: String, inPlace: (String) throws -> T?,
        copy open: (String) throws -> T
    ) throws -> T {
        do {
            if let found = try inPlace(path) { return found }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
            throw error
        } catch {
            // The copy tells what is wrong, if anything is.
        }
        let copy = "\(folder)/\(UUID().uuidString).sqlite"
        try Self.copy(path, to: copy)
        return try open(copy)
    }
}
