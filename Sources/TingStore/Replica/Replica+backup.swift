// SPDX-License-Identifier: Apache-2.0

import CSQLiteConfig
import Foundation
import GRDB

extension Replica {
    /// Copies the replica consistently while it is in use. The copy is on disk when this returns, and
    /// like the replica only its owner can read it; half a copy is not left behind.
    /// - Throws: `DatabaseError`.
    public func backup(to target: String) throws {
        let isTaken = ting_sqlite_exists(target) != 0
        do {
            // SQLite fills an empty file, and leaves its mode; its own would be open to everyone.
            if !isTaken {
                let file = open(target, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
                if file >= 0 { Foundation.close(file) }
            }
            try access { db in
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
