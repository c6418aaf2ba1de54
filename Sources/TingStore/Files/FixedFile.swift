// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

/// A database file that this process can't write, nor its log: it is read as it stands, without locks.
///
/// That is sound while nobody else writes it, which it can't prevent: whoever read asks afterwards.
struct FixedFile: Sendable {
    private let path: String
    private let before: Stand

    private struct Stand: Equatable, Sendable {
        var file: UInt64
        var size: Int64
        var seconds: Int
        var nanoseconds: Int
    }

    /// `nil` where the file can't be read, or its log has what the file lacks.
    init?(_ path: String) {
        guard access(path, R_OK) == 0, Self.isWhole(path), let now = Self.stand(path) else {
            return nil
        }
        self.path = path
        before = now
    }

    /// - Throws: `DatabaseError` where another program wrote meanwhile: what was read may be of two times.
    func check() throws {
        guard Self.isWhole(path), Self.stand(path) == before else {
            throw DatabaseError(resultCode: .SQLITE_BUSY_SNAPSHOT)
        }
    }

    private static func stand(_ path: String) -> Stand? {
        var found = stat()
        guard stat(path, &found) == 0 else { return nil }
        return Stand(
            file: UInt64(found.st_ino), size: Int64(found.st_size), seconds: found.st_mtim.tv_sec,
            nanoseconds: found.st_mtim.tv_nsec)
    }

    /// Whether there is no log beside it, or an empty one.
    private static func isWhole(_ path: String) -> Bool {
        var log = stat()
        return stat(path + "-wal", &log) != 0 ? errno == ENOENT : log.st_size == 0
    }
}
