// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

/// Opens a replica's file, also where the disk is full, or the disk or folder read-only: reading must go
/// on there.
enum ReplicaFile {
    /// - Parameter first: What must be readable for the file to count as open.
    static func open<T>(
        _ path: String, _ configuration: Configuration, reading first: (Database) throws -> T
    ) throws -> (queue: DatabaseQueue, first: T, fixed: FixedFile?) {
        func opened(_ name: String, _ configuration: Configuration) throws -> (DatabaseQueue, T) {
            let queue = try DatabaseQueue(path: name, configuration: configuration)
            return (queue, try queue.read(first))
        }
        do {
            let (queue, first) = try opened(path, configuration)
            return (queue, first, nil)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_IOERR {
            // Most likely the log's index, a file, finds no room; SQLite does not say so. Who has the
            // database for themselves keeps it in memory (sqlite.org/vfs.html, `unix-excl`): others wait
            // until this process ends.
            let (queue, first) = try opened(address(of: path, "vfs=unix-excl"), configuration)
            return (queue, first, nil)
        } catch let error as DatabaseError
            where [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(error.resultCode)
        {
            // The log and its index find no place beside it. Whole without them, it can be read.
            guard !isWritable(folder(of: path)), let fixed = FixedFile(path) else { throw error }
            var reading = Configuration()
            reading.foreignKeysEnabled = false
            reading.readonly = true
            let (queue, first) = try opened(address(of: path, "immutable=1"), reading)
            return (queue, first, fixed)
        }
    }

    private static func address(of path: String, _ options: String) -> String {
        let escaped = path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed)
        return "file:\(escaped ?? path)?\(options)"
    }

    private static func folder(of path: String) -> String {
        (path as NSString).deletingLastPathComponent
    }

    /// Whether files can be made in a folder: neither its permissions nor its file system forbid it.
    private static func isWritable(_ folder: String) -> Bool { access(folder, W_OK) == 0 }
}
