// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

/// Opens a replica's file, also where the disk is full or read-only: reading must go on there.
enum ReplicaFile {
    /// - Parameter first: What must be readable for the file to count as open.
    static func open<T>(
        _ path: String, _ configuration: Configuration, reading first: (Database) throws -> T
    ) throws -> (queue: DatabaseQueue, first: T) {
        func opened(_ name: String, _ configuration: Configuration) throws -> (DatabaseQueue, T) {
            let queue = try DatabaseQueue(path: name, configuration: configuration)
            return (queue, try queue.read(first))
        }
        do {
            return try opened(path, configuration)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_IOERR {
            // Most likely the log's index, a file, finds no room; SQLite does not say so. Who has the
            // database for themselves keeps it in memory (sqlite.org/vfs.html, `unix-excl`): others wait
            // until this process ends.
            return try opened(address(of: path, "vfs=unix-excl"), configuration)
        } catch let error as DatabaseError
            where error.resultCode == .SQLITE_CANTOPEN && isFixed(path)
        {
            // Nobody can change it, so nothing of it needs a lock or an index.
            var reading = Configuration()
            reading.foreignKeysEnabled = false
            reading.readonly = true
            return try opened(address(of: path, "immutable=1"), reading)
        }
    }

    private static func address(of path: String, _ options: String) -> String {
        let escaped = path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed)
        return "file:\(escaped ?? path)?\(options)"
    }

    /// Whether the file lies on a read-only file system, and is whole without a log.
    private static func isFixed(_ path: String) -> Bool {
        var system = statvfs()
        guard statvfs(path, &system) == 0, system.f_flag & UInt(ST_RDONLY) != 0 else {
            return false
        }
        let log = try? FileManager.default.attributesOfItem(atPath: path + "-wal")
        return (log?[.size] as? Int ?? 0) == 0
    }
}
