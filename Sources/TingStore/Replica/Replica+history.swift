// SPDX-License-Identifier: Apache-2.0

import GRDB
public import TingCore

/// What was accepted, as far as the replica has it.
extension Replica {
    /// Entries that touched the record (all, without one), newest first.
    public func history(of record: RecordID?, since: Version = 0, limit: Int? = nil) throws
        -> [Entry]
    {
        try read { db in
            guard let record else {
                return try HistoryTables.entries(
                    db, where: "h.version > ? ORDER BY h.version DESC LIMIT ?",
                    [since, limit ?? -1])
            }
            return try HistoryTables.entries(
                db,
                where: """
                    h.version > ? AND h.version IN (SELECT version FROM ting_touch WHERE record = ?)
                    ORDER BY h.version DESC LIMIT ?
                    """, [since, record.description, limit ?? -1])
        }
    }

    /// The accepted change set of this id.
    public func entry(_ id: ChangeSetID) throws -> Entry? {
        try read { db in
            try HistoryTables.entries(db, where: "h.change_set = ?", [id.description]).first
        }
    }

    /// Where the history begins that is here; `nil` for version 1.
    public func floor() throws -> HistoryFloor? { try read { try HistoryFloor.read($0) } }
}
