// SPDX-License-Identifier: Apache-2.0

import CSQLiteConfig
import Foundation
public import GRDB
public import TingCore

/// The truth about a replica (promise 12). Times in milliseconds since 1970.
public struct ReplicaStatus: Equatable, Sendable {
    public var workspace: String
    public var replica: ReplicaID
    public var epoch: Epoch
    public var digest: Hash
    public var version: Version
    /// The newest version heard of.
    public var head: Version
    /// Operations not yet accepted, invalid ones aside.
    public var outbox: Int
    public var quarantine: Int
    public var conflicts: Int
    public var invalid: [InvalidEdit]
    public var oldestUnsynced: Int64?
    public var lastSync: Int64?
    public var nextRetry: Int64?
    public var lastError: String?
    public var role: Role?
    /// Why change sets in the outbox wait, if the server said so.
    public var deferred: [String]
    /// Whether `verify` found records that differ from what was received.
    public var isSuspect: Bool
    /// Why what other tools wrote could not be sealed, if so: it counts in `outbox` all the same.
    public var unsealed: ResultCode?
}

extension Replica {
    /// Seals what other tools wrote, then tells how things stand. Needs no network.
    ///
    /// Tells it also where nothing can be written: `unsealed` says why.
    public func status() throws -> ReplicaStatus {
        var invalid: [InvalidEdit] = []
        var failure: ResultCode?
        do { invalid = try seal() } catch let error as DatabaseError where error.isAboutWriting {
            failure = error.resultCode
            invalid = try read(held)
        }
        return try read { db in
            let noted =
                failure == nil
                ? 0
                : try Int.fetchOne(
                    db, sql: "SELECT count(DISTINCT record) FROM ting_note WHERE kind <> 'k'") ?? 0
            let identity = try identity(db)
            guard let row = try Row.fetchOne(db, sql: "SELECT * FROM ting_replica"),
                let box = try Row.fetchOne(
                    db, sql: "SELECT coalesce(sum(operations), 0), min(time) FROM ting_outbox")
            else { throw ReplicaError.notAReplica(path) }
            return try ReplicaStatus(
                workspace: identity.workspace, replica: identity.replica,
                epoch: identity.base.epoch, digest: HistoryTables.stateHash(db),
                version: identity.base.version, head: row.decode(forColumn: "head"),
                outbox: noted + box.decode(Int.self, atIndex: 0),
                quarantine: Int.fetchOne(db, sql: "SELECT count(*) FROM ting_quarantine") ?? 0,
                conflicts: Int.fetchOne(
                    db, sql: "SELECT count(*) FROM conflict WHERE status = 'open'") ?? 0,
                invalid: invalid, oldestUnsynced: box.decode(atIndex: 1),
                lastSync: row.decode(forColumn: "last_sync"),
                nextRetry: row.decode(forColumn: "next_retry"),
                lastError: row.decode(forColumn: "last_error"),
                role: row.decode(String?.self, forColumn: "role").flatMap(Role.init(rawValue:)),
                deferred: String.fetchAll(
                    db,
                    sql: """
                        SELECT DISTINCT deferred FROM ting_outbox WHERE deferred IS NOT NULL
                        ORDER BY 1
                        """),
                isSuspect: row.decode(forColumn: "suspect"), unsealed: failure)
        }
    }

    /// All members, past ones too, as of the last sync.
    public func members() throws -> [Member] {
        try read { db in
            try Row.fetchAll(db, sql: "SELECT id, name, email, role FROM member ORDER BY id")
                .compactMap { row in
                    guard let id = try MemberID(row.decode(String.self, atIndex: 0)) else {
                        return nil
                    }
                    return try Member(
                        id: id, name: row.decode(atIndex: 1), email: row.decode(atIndex: 2),
                        role: row.decode(String?.self, atIndex: 3).flatMap(Role.init(rawValue:)))
                }
        }
    }

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
        let waiting = try String.fetchAll(
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

    /// Has SQLite check the file, and recomputes both digests from rows and history. The next sync
    /// mends records that differ, and starts over where the history does.
    /// - Returns: What was computed, and whether it is what the replica reports.
    public func verify() throws -> (state: Hash, history: Hash, matches: Bool) {
        let isWhole = try read { try String.fetchAll($0, sql: "PRAGMA integrity_check") } == ["ok"]
        return try sealed { db in
            let base = try identity(db).base
            let state = try tables.recomputedDigest(db)
            let history = try computedHistory(db)
            let isRight = try isWhole && HistoryTables.isStored(db, state)
            let chained = try HistoryTables.digest(db, at: base.version) ?? .zero
            let doubt = history != chained ? Doubt.history : isRight ? nil : .records
            if let doubt {
                try db.execute(
                    sql: "UPDATE ting_replica SET suspect = ?", arguments: [doubt.rawValue])
            }
            return (state.hash, history, doubt == nil)
        }
    }

    /// The state digest, computed from the shared values of all records.
    package func stateDigest() throws -> Hash { try read { try tables.recomputedDigest($0).hash } }

    /// What `verify` found to differ, as `ting_replica.suspect` keeps it.
    enum Doubt: Int {
        case records = 1
        case history = 2
    }

    /// The history digest; zeros where an entry can't be read.
    private func computedHistory(_ db: Database) throws -> Hash {
        do {
            let start = try HistoryFloor.read(db).map { ($0.version - 1, $0.digest) } ?? (0, .zero)
            return try HistoryTables.recomputedDigest(db, after: start)
        } catch is StoredFormError {
            return .zero
        } catch is CBORError {
            return .zero
        } catch is RowDecodingError {
            return .zero
        }
    }

    /// What `verify` found since the replica was last put right.
    func doubt() throws -> Doubt? {
        try read { db in
            try Int.fetchOne(db, sql: "SELECT suspect FROM ting_replica").flatMap(Doubt.init)
        }
    }

    /// Builds the indexes anew: one that lost a row hides it from every look by id.
    func rebuildIndexes() throws { try quietly { try $0.execute(sql: "REINDEX") } }
}

extension DatabaseError {
    /// Whether reading goes on where writing failed.
    var isAboutWriting: Bool {
        [.SQLITE_FULL, .SQLITE_READONLY, .SQLITE_BUSY, .SQLITE_LOCKED].contains(resultCode)
    }
}

extension RecordTables {
    /// The state digest, computed from the shared values of all records.
    func recomputedDigest(_ db: Database) throws -> StateDigest {
        var digest = StateDigest()
        var aside: Set<RecordID> = []
        for text in try String.fetchAll(db, sql: "SELECT record FROM ting_shared") {
            guard let record = RecordID(text), let shared = try SharedRecords.read(db, record)
            else { continue }
            aside.insert(record)
            guard shared.state == .live else { continue }
            digest.add(RecordContent(shared.collection, record, shared.values))
        }
        for collection in schema.collections {
            let names = collection.fields.map { "\"\($0.name)\"" }.joined(separator: ", ")
            let rows = try Row.fetchCursor(
                db, sql: "SELECT id, \(names) FROM \"\(collection.name)\"")
            while let row = try rows.next() {
                guard let record = try RecordID(row.decode(String.self, atIndex: 0)),
                    !aside.contains(record)
                else {
                    continue
                }
                var values: [String: Value] = [:]
                for (position, field) in collection.fields.enumerated() {
                    let value = field.value(row[position + 1])
                    if value != field.standard { values[field.name] = value }
                }
                digest.add(RecordContent(collection.name, record, values))
            }
        }
        return digest
    }
}

extension HistoryTables {
    /// The history digest, computed from every entry after a version, whose digest is given.
    static func recomputedDigest(
        _ db: Database, after start: (version: Version, digest: Hash)
    ) throws -> Hash {
        var (version, digest) = start
        while true {
            let page = try entries(db, since: version, byteLimit: Limits.pageByteLimit)
            for entry in page {
                guard entry.version == version + 1 else {
                    throw StoredFormError.malformed("history")
                }
                digest = HistoryDigest.next(after: digest, entry)
                version = entry.version
            }
            if page.isEmpty { return digest }
        }
    }
}

extension Replica {
    /// Copies the replica consistently while it is in use. The copy is on disk when this returns;
    /// half a copy is not left behind.
    public func backup(to target: String) throws {
        let isTaken = ting_sqlite_exists(target) != 0
        do {
            try queue.writeWithoutTransaction { db in
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
