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

    /// The accepted change set of this id.
    public func entry(_ id: ChangeSetID) throws -> Entry? {
        try read { try entry($0, id) }
    }

    package func entry(_ db: Database, _ id: ChangeSetID) throws -> Entry? {
        try HistoryTables.entries(db, where: "h.change_set = ?", [id.description]).first
    }

    /// Where the history begins that is here; `nil` for version 1.
    public func floor() throws -> HistoryFloor? { try read { try HistoryFloor.read($0) } }
}

/// The fields of records that somebody edited: in the history, or in the outbox.
///
/// For who asks of many records, within one transaction: an entry that touches thousands is read once.
package struct WrittenFields {
    private let db: Database
    private let floor: HistoryFloor?
    private let entries: DecodedEntries

    package init(_ db: Database) throws {
        self.db = db
        floor = try HistoryFloor.read(db)
        entries = DecodedEntries(db)
    }

    /// - Returns: `nil` where what was done to the record in part lies below the floor.
    package func fields(of record: RecordID) throws -> Set<String>? {
        let parts = try entries.parts(touching: record)
        if floor != nil, try !isMade(record, in: parts.first) { return nil }
        let found = Set(parts.lazy.flatMap(\.operations).flatMap(\.fields).map(\.field))
        let waiting = try String.storedAll(
            db.cachedStatement(sql: "SELECT field FROM ting_pending WHERE record = ?"),
            arguments: [record.description])
        return found.union(waiting.flatMap { PendingFields($0).names })
    }

    /// Whether the record came to be with the oldest entry that is here of it, or with none as yet.
    ///
    /// An insert of a record that was there already is an update, and has other effects than its author wrote.
    private func isMade(_ record: RecordID, in oldest: DecodedEntries.Part?) throws -> Bool {
        guard let oldest else { return try SharedRecords.read(db, record)?.state == .absent }
        return oldest.entry.effects == nil && oldest.operations.contains { $0.kind == .insert }
    }
}
