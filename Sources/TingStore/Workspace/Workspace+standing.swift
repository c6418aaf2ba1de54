// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import TingCore

/// How far a workspace is.
package struct WorkspaceStanding: Equatable, Sendable {
    package var head: Version
    package var epoch: Epoch
    /// The version of its schema.
    package var schema: Int
}

extension Workspace {
    package func standing() throws -> WorkspaceStanding {
        let head = try head()
        return WorkspaceStanding(head: head.version, epoch: head.epoch, schema: schema.version)
    }

    /// The same of a file that nobody has open, at a fraction of what opening it costs.
    ///
    /// - Parameter program: The schema of this program: opening makes an older file one of it.
    /// - Returns: `nil` where only opening tells: its log holds something, which may not be on disk yet.
    /// - Throws: `DatabaseError`, `StoredFormError`.
    package static func standing(
        at path: String, schema program: Schema
    ) throws -> WorkspaceStanding? {
        var file = stat()
        guard stat(path, &file) == 0, file.st_size > 0 else { return nil }
        var log = stat()
        guard stat(path + "-wal", &log) != 0 || log.st_size == 0 else { return nil }
        var configuration = Configuration()
        configuration.busyMode = .timeout(Double(Limits.serverBusySeconds))
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? queue.close() }
        return try queue.read { db in
            let row = try Row.fetchOne(db, sql: "SELECT epoch, schema FROM ting_workspace")
            guard let row, let epoch = try Epoch(row.decode(String.self, atIndex: 0)) else {
                throw StoredFormError.malformed("workspace")
            }
            return WorkspaceStanding(
                head: try HistoryTables.head(db), epoch: epoch,
                schema: max(try row.decode(atIndex: 1), program.version))
        }
    }
}
