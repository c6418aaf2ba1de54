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

    /// The fields of a record that somebody edited: in the history, or in the outbox; `nil` where what
    /// was done to the record in part lies below the floor.
    package func fieldsWritten(_ db: Database, of record: RecordID) throws -> Set<String>? {
        let entries = try history(db, of: record)
        if try HistoryFloor.read(db) != nil, try !isMade(db, record, by: entries.last) {
            return nil
        }
        let accepted = entries.flatMap(\.changeSet.operations)
            .filter { $0.record == record }.flatMap { $0.fields.map(\.field) }
        let waiting = try String.storedAll(
            db, sql: "SELECT field FROM ting_pending WHERE record = ?",
            arguments: [record.description])
        return Set(accepted).union(waiting.flatMap { PendingFields($0).names })
    }

    /// Whether the record came to be with the oldest entry that is here of it, or with none as yet.
    ///
    /// An insert of a record that was there already is an update, and has other effects than its author wrote.
    private func isMade(_ db: Database, _ record: RecordID, by oldest: Entry?) throws -> Bool {
        guard let oldest else { return try SharedRecords.read(db, record)?.state == .absent }
        return oldest.effects == nil
            && oldest.changeSet.operations.contains { $0.record == record && $0.kind == .insert }
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
