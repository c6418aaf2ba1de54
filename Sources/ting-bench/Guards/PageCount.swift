// SPDX-License-Identifier: Apache-2.0

import CSQLite
import GRDB
import TingStore

/// How often SQLite asked for a page, from its cache or from the file.
enum PageCount {
    static func of(_ db: Database) -> Int { db.sqliteConnection.map(of) ?? 0 }

    static func of(_ handle: OpaquePointer) -> Int {
        var sum = 0
        for counter in [SQLITE_DBSTATUS_CACHE_HIT, SQLITE_DBSTATUS_CACHE_MISS] {
            var current: Int32 = 0
            var highest: Int32 = 0
            sqlite3_db_status(handle, counter, &current, &highest, 0)
            sum += Int(current)
        }
        return sum
    }
}

extension Replica {
    func pageCount() throws -> Int { try read(PageCount.of) }
}

extension Workspace {
    /// Of the connection that writes.
    func pageCount() throws -> Int {
        var count = 0
        try tamper { count = PageCount.of($0) }
        return count
    }
}
