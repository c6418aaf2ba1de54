// SPDX-License-Identifier: Apache-2.0

package import GRDB
public import TingCore

/// What was accepted, as far as the replica has it.
extension Replica {
    /// Entries that touched the record (all, without one), newest first.
    public func history(of record: RecordID?, since: Version = 0, limit: Int? = nil) throws
        -> [Entry]
    {
        try read { try history($0, of: record, since: since, limit: limit) }
    }

    private func history(
        _ db: Database, of record: RecordID?, since: Version = 0, limit: Int? = nil
    ) throws -> [Entry] {
        guard let record else {
            return try HistoryTables.entries(
                db, where: "h.version > ? ORDER BY h.version DESC LIMIT ?", [since, limit ?? -1])
        }
        return try HistoryTables.entries(
            db,
            where: """
                h.version > ? AND h.version IN (SELECT version FROM ting_touch WHERE record = ?)
                ORDER BY h.version DESC LIMIT ?
                """, [since, record.description, limit ?? -1])
    }

    /// The fields of a record that somebody edited: in the history that is here, or in the outbox.
    package func fieldsWritten(_ db: Database, of record: RecordID) throws -> Set<String> {
        let accepted = try history(db, of: record).flatMap(\.changeSet.operations)
            .filter { $0.record == record }.flatMap { $0.fields.map(\.field) }
        let waiting = try String.storedAll(
            db, sql: "SELECT field FROM ting_pending WHERE record = ?",
            arguments: [record.description])
        return Set(accepted).union(waiting.flatMap { PendingFields($0).names })
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
