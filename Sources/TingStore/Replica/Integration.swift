// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// Takes entries into a replica within one transaction.
///
/// Effects change what is shared; records with pending edits are shown anew with those on top,
/// which comes to the same as undoing and redoing the whole outbox.
struct Integration {
    private let replica: Replica
    private let db: Database
    private let identity: Replica.Identity
    private let tables: RowTables
    /// Whether any record's shared values stand beside its table.
    private var isAnyBeside: Bool
    private var hasher = RowHasher()
    private(set) var version: Version
    private(set) var historyDigest: Hash
    private(set) var digest: StateDigest
    /// Whether an entry under this replica's id came that it never sealed: the file is a copy.
    private(set) var sealedElsewhere = false
    private var dirty: Set<RecordID> = []

    /// - Parameter request: What the entries answer: where the replica stands there still, it says the
    ///   history's digest; zeros, as of a bundle's reply, say nothing.
    init(_ replica: Replica, _ db: Database, answering request: SyncRequest) throws {
        self.replica = replica
        self.db = db
        identity = try replica.identity(db)
        tables = RowTables(db, replica.tables)
        isAnyBeside = try HotStatement(db, "SELECT 1 FROM ting_shared LIMIT 1").isThere()
        version = identity.base.version
        historyDigest =
            request.base == identity.base && request.historyDigest != .zero
            ? request.historyDigest : try HistoryTables.digest(db, at: version) ?? .zero
        digest = try HistoryTables.stateDigest(db)
    }

    /// - Parameter position: Where the entry stands among those that are hashed.
    mutating func take(
        _ entry: Entry, _ hashed: HashedEntries, at position: Int,
        _ summary: inout IntegrateSummary
    ) throws {
        guard entry.version == version + 1 else {
            throw ReplicaError.digestDiffers(version: entry.version)
        }
        let effects = hashed.effects(at: position)
        for effect in effects { try apply(effect, entry.version) }
        let own = hashed.take(position)
        historyDigest = HistoryDigest.next(
            after: historyDigest, changeSet: own.hash, effects: own.effectsHash,
            author: entry.author, accepted: entry.accepted)
        try HistoryTables.append(
            db,
            NewEntry(entry, effects, hash: own.hash, digest: historyDigest, body: own.body))
        version = entry.version
        try settle(entry, own.hash, &summary)
        for effect in effects
        where effect.collection == CollectionSchema.conflict.name && effect.state == .live {
            summary.conflicts.append(effect.record)
        }
    }

    /// An entry whose id and hash are in the outbox is its verdict.
    private mutating func settle(
        _ entry: Entry, _ hash: Hash, _ summary: inout IntegrateSummary
    ) throws {
        let waiting = try Data.storedOne(
            db.cachedStatement(sql: "SELECT hash FROM ting_outbox WHERE change_set = ?"),
            arguments: [entry.changeSet.id.description])
        guard let waiting else {
            let wasRejected = try replica.release(db, entry.changeSet.id, hash)
            if entry.replica == identity.replica, !wasRejected, try !wasDiscarded(hash),
                try !hadCome(entry.version)
            {
                sealedElsewhere = true
            }
            summary.received += 1
            summary.authors.insert(entry.author)
            return
        }
        guard Array(waiting) == hash.bytes else { return }
        dirty.formUnion(try replica.leave(db, entry.changeSet.id) ?? [])
        summary.sent += 1
        if entry.effects != nil { summary.merged += 1 }
    }

    /// Whether it left this outbox unsent, as far as anyone here knew: it had been sent after all, or
    /// was on its way in a bundle.
    private func wasDiscarded(_ hash: Hash) throws -> Bool {
        try Bool.storedOne(
            db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM ting_link WHERE hash = ?)"),
            arguments: [Data(hash.bytes)]) ?? false
    }

    /// Whether it came before this replica started over, from an older snapshot of the same history.
    private func hadCome(_ version: Version) throws -> Bool {
        try Bool.storedOne(
            db.cachedStatement(
                sql: """
                    SELECT EXISTS (SELECT 1 FROM ting_restart
                    WHERE reason = ? AND epoch = ? AND version >= ? AND rowid >
                    (SELECT coalesce(max(rowid), 0) FROM ting_restart WHERE reason IN (?, ?)))
                    """),
            arguments: [
                SyncPlan.StartOver.notMended.rawValue, identity.base.epoch.description, version,
                SyncPlan.StartOver.anotherEpoch.rawValue, SyncPlan.StartOver.otherHistory.rawValue,
            ]) ?? false
    }

    private mutating func apply(_ effect: Effect, _ version: Version) throws {
        // What the schema lacks undoes the whole slice.
        guard let table = try tables.of(effect.collection),
            let row = table.row(nil, setting: effect.values)
        else { throw ReplicaError.schemaBehind(version: version) }
        let record = effect.record
        if isAnyBeside, let aside = try SharedRecords.read(db, record) {
            return try apply(effect, version, table, aside)
        }
        if effect.state == .live {
            // Most come to be: whether one was there is asked of the table as it takes the row.
            guard try !table.insert(record, row) else { return add(record, row, table) }
        }
        guard let old = try table.read(record) else { return }
        remove(record, old.values, table)
        guard effect.state != .deleted else {
            try setAside(effect, version, nil, old.values, table)
            return
        }
        guard effect.state != .live, let new = table.row(old.values, setting: effect.values) else {
            try table.update(record, old, to: row)
            return add(record, row, table)
        }
        try table.update(record, old, to: new, setting: effect.values)
        add(record, new, table)
    }

    /// Applies an effect to a record whose shared values stand beside its table.
    private mutating func apply(
        _ effect: Effect, _ version: Version, _ table: RowTable, _ aside: SharedRecord
    ) throws {
        let record = effect.record
        let old = aside.state == .live ? table.row(aside.values) : nil
        if let old { remove(record, old, table) }
        let new: [Value]? =
            switch effect.state {
            case .deleted: nil
            case .live: table.row(nil, setting: effect.values)
            case .updated: old.flatMap { table.row($0, setting: effect.values) }
            }
        if let new { add(record, new, table) }
        try setAside(effect, version, new, old, table)
    }

    /// Keeps what is shared beside the table, and has the record shown anew.
    private mutating func setAside(
        _ effect: Effect, _ version: Version, _ new: [Value]?, _ old: [Value]?, _ table: RowTable
    ) throws {
        guard let last = new ?? old else { return }
        isAnyBeside = true
        try SharedRecords.write(
            db, effect.record,
            SharedRecord(
                collection: effect.collection, state: new == nil ? .deleted : .live,
                values: table.values(last), deleted: new == nil ? version : nil))
        dirty.insert(effect.record)
    }

    private mutating func add(_ record: RecordID, _ row: [Value], _ table: RowTable) {
        digest.add(hasher.hash(table.collection, record, row), of: record)
    }

    private mutating func remove(_ record: RecordID, _ row: [Value], _ table: RowTable) {
        digest.remove(hasher.hash(table.collection, record, row), of: record)
    }

    mutating func finish() throws {
        // The search finds them anew by the entries that touched them.
        try replica.materialize(db, dirty, areTouched: true)
        try HistoryTables.store(db, digest)
        try db.execute(
            sql: "UPDATE ting_replica SET version = ?, head = max(head, ?)",
            arguments: [version, version])
    }
}
