// SPDX-License-Identifier: Apache-2.0

import CSQLiteConfig
package import GRDB

extension Database {
    /// Forbids, or allows again, statements that can make the file unreadable, as `PRAGMA writable_schema` does.
    package func setDefensive(_ isDefensive: Bool) {
        _ = ting_sqlite_set_defensive(
            UnsafeMutableRawPointer(sqliteConnection), isDefensive ? 1 : 0)
    }
}
