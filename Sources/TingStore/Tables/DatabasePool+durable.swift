// SPDX-License-Identifier: Apache-2.0

import CSQLite
import CSQLiteConfig
import Foundation
package import GRDB
import TingCore

extension DatabasePool {
    /// Opens a file whose commits are on disk when they return.
    ///
    /// GRDB sets `synchronous` to NORMAL as a pool turns to WAL, after every hook of its
    /// configuration, and under NORMAL a power cut may take a commit back. So FULL is set after that.
    package static func durable(
        path: String, configuration: Configuration = Configuration()
    ) throws -> DatabasePool {
        let pool = try DatabasePool(path: path, configuration: configuration)
        try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        return pool
    }

    /// Has what other processes left in the log put into the file, and the log emptied.
    ///
    /// Syncing the log would not do. After a sync that failed, a system may take its pages for written
    /// though the disk lacks them, and every later sync succeeds; then a power cut leaves the log's
    /// earlier commits, and SQLite puts those over the later ones in the file. SQLite refuses a
    /// checkpoint at once, whatever the busy timeout, while another process makes one.
    func syncLog() throws {
        let end = ContinuousClock.now + .seconds(Limits.serverBusySeconds)
        while true {
            do {
                let log = try writeWithoutTransaction { try $0.checkpoint(.passive) }
                if log.walFrameCount > 0 { try emptyLog() }
                return
            } catch let error as DatabaseError
                where error.resultCode == .SQLITE_BUSY && ContinuousClock.now < end
            {
                usleep(5_000)
            }
        }
    }

    /// Unless another process reads the file just now.
    private func emptyLog() throws {
        try writeWithoutTransaction { db in
            sqlite3_busy_timeout(db.sqliteConnection, 0)
            defer {
                sqlite3_busy_timeout(db.sqliteConnection, Int32(Limits.serverBusySeconds * 1_000))
            }
            do { try db.checkpoint(.truncate) } catch let error as DatabaseError
                where error.resultCode == .SQLITE_BUSY
            {}
        }
        let code = ting_sqlite_sync(path + "-wal")
        guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
    }
}
