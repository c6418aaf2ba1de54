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

    package func history(
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
    private let replica: Replica
    private let db: Database
    private let floor: HistoryFloor?
    private var entries: [Version: Touched] = [:]
    private static let entriesLimit = 16

    /// What an entry did.
    private struct Touched {
        var operations: [RecordID: [TingCore.Operation]]
        /// Whether it has other effects than its author wrote.
        var isMerged: Bool
    }

    package init(_ replica: Replica, _ db: Database) throws {
        self.replica = replica
        self.db = db
        floor = try HistoryFloor.read(db)
    }

    /// - Returns: `nil` where what was done to the record in part lies below the floor.
    package mutating func fields(of record: RecordID) throws -> Set<String>? {
        let versions = try Version.storedAll(
            db.cachedStatement(
                sql: """
                    SELECT version FROM ting_touch WHERE record = ?
                    AND version IN (SELECT version FROM history) ORDER BY version
                    """), arguments: [record.description])
        if floor != nil, try !isMade(record, in: versions.first) { return nil }
        var found: Set<String> = []
        for version in versions {
            for operation in try touched(version)?.operations[record] ?? [] {
                found.formUnion(operation.fields.map(\.field))
            }
        }
        let waiting = try String.storedAll(
            db.cachedStatement(sql: "SELECT field FROM ting_pending WHERE record = ?"),
            arguments: [record.description])
        return found.union(waiting.flatMap { PendingFields($0).names })
    }

    /// Whether the record came to be with the oldest entry that is here of it, or with none as yet.
    ///
    /// An insert of a record that was there already is an update, and has other effects than its author wrote.
    private mutating func isMade(_ record: RecordID, in oldest: Version?) throws -> Bool {
        guard let oldest, let entry = try touched(oldest) else {
            return try SharedRecords.read(db, record)?.state == .absent
        }
        return !entry.isMerged
            && entry.operations[record, default: []].contains { $0.kind == .insert }
    }

    private mutating func touched(_ version: Version) throws -> Touched? {
        if let known = entries[version] { return known }
        guard let entry = try HistoryTables.entries(db, versions: [version]).first else {
            return nil
        }
        if entries.count >= Self.entriesLimit { entries.removeAll() }
        let touched = Touched(
            operations: Dictionary(grouping: entry.changeSet.operations, by: \.record),
            isMerged: entry.effects != nil)
        entries[version] = touched
        return touched
    }
}
