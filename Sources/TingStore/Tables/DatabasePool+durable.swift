// SPDX-License-Identifier: Apache-2.0

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

    /// Has what other processes left in the log synced. SQLite refuses a checkpoint at once, whatever
    /// the busy timeout, while another process makes one.
    func syncLog() throws {
        let end = ContinuousClock.now + .seconds(Limits.serverBusySeconds)
        while true {
            do {
                _ = try writeWithoutTransaction { try $0.checkpoint(.passive) }
                return
            } catch let error as DatabaseError
                where error.resultCode == .SQLITE_BUSY && ContinuousClock.now < end
            {
                usleep(5_000)
            }
        }
    }
}
