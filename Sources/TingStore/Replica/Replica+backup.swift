// SPDX-License-Identifier: Apache-2.0

import CSQLiteConfig
import GRDB

extension Replica {
    /// Copies the replica consistently while it is in use. The copy is on disk when this returns;
    /// half a copy is not left behind.
    public func backup(to target: String) throws {
        let isTaken = ting_sqlite_exists(target) != 0
        do {
            try queue.writeWithoutTransaction { db in
                try db.execute(sql: "VACUUM INTO ?", arguments: [target])
            }
            // SQLite itself syncs it only from 3.44 on.
            let code = ting_sqlite_sync(target)
            guard code == ResultCode.SQLITE_OK.rawValue else {
                throw DatabaseError(resultCode: ResultCode(rawValue: code))
            }
        } catch {
            if !isTaken { _ = ting_sqlite_delete(target) }
            throw error
        }
    }
}
