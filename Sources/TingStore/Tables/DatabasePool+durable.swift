// SPDX-License-Identifier: Apache-2.0

package import GRDB

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
}
