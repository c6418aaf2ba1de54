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
    private(set) var version: Version
    private(set) var historyDigest: Hash
    private(set) var digest: StateDigest
    /// Whether an entry under this replica's id came that it never sealed: the file is a copy.
    private(set) var sealedElsewhere = false
    private var dirty: Set<RecordID> = []

    init(_ replica: Replica, _ db: Database) throws {
        self.replica = replica
        self.db = db
        identity = try replica.identity(db)
        version = identity.base.version
        historyDigest = try HistoryTables.digest(db, at: version) ?? .zero
        digest = try HistoryTables.stateDigest(db)
    }

    mutating func take(_ entry: Entry, _ summary: inout IntegrateSummary) throws {
        guard entry.version == version + 1 else {
            throw ReplicaError.digestDiffers(version: entry.version)
        }
        let effects = entry.allEffects
        guard effects.allSatisfy(replica.knows) else {
            throw ReplicaError.schemaBehind(version: entry.version)
        }
        for effect in effects { try apply(effect, entry.version) }
        let hash = entry.changeSet.hash
        historyDigest = HistoryDigest.next(
            after: historyDigest, changeSet: hash, effects: entry.changeSet.effectsHash(effects),
            author: entry.author, accepted: entry.accepted)
        try HistoryTables.append(db, entry, hash: hash, digest: historyDigest)
        version = entry.version
        try settle(entry, hash, &summary)
        for effect in effects
        where effect.collection == CollectionSchema.conflict.name && effect.state == .live {
            summary.conflicts.append(effect.record)
        }
    }

    /// An entry whose id and hash are in the outbox is its verdict.
    private mutating func settle(
        _ entry: Entry, _ hash: Hash, _ summary: inout IntegrateSummary
    ) throws {
        let waiting = try Data.fetchOne(
            db.cachedStatement(sql: "SELECT hash FROM ting_outbox WHERE change_set = ?"),
            arguments: [entry.changeSet.id.description])
        guard let waiting else {
            let wasRejected = try replica.release(db, entry.changeSet.id, hash)
            if entry.replica == identity.replica, !wasRejected, try !wasDiscarded(hash) {
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

    /// Whether it left this outbox unsent, as far as anyone here knew: it had been sent after all.
    private func wasDiscarded(_ hash: Hash) throws -> Bool {
        try Bool.fetchOne(
            db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM ting_link WHERE hash = ?)"),
            arguments: [Data(hash.bytes)]) ?? false
    }

    private mutating func apply(_ effect: Effect, _ version: Version) throws {
        let (collection, record) = (effect.collection, effect.record)
        let aside = try SharedRecords.read(db, record)
        let old =
            aside == nil
            ? try replica.tables.read(db, collection, record)
            : aside?.state == .live ? aside?.values : nil
        if let old { digest.remove(RecordContent(collection, record, old)) }
        var new = old
        switch effect.state {
        case .deleted: new = nil
        case .live: new = values(effect, [:])
        case .updated: new = old.map { values(effect, $0) }
        }
        if let new { digest.add(RecordContent(collection, record, new)) }
        guard aside != nil || new == nil else {
            return try replica.tables.write(db, collection, record, new ?? [:])
        }
        guard new != nil || old != nil else { return }
        try SharedRecords.write(
            db, record,
            SharedRecord(
                collection: collection, state: new == nil ? .deleted : .live,
                values: new ?? old ?? [:], deleted: new == nil ? version : nil))
        dirty.insert(record)
    }

    private func values(_ effect: Effect, _ start: [String: Value]) -> [String: Value] {
        var values = start
        let collection = replica.schema.collection(effect.collection)
        for pair in effect.values {
            let standard = collection?.field(pair.field)?.standard ?? .null
            values[pair.field] = pair.value == standard ? nil : pair.value
        }
        return values
    }

    mutating func finish() throws {
        try replica.materialize(db, dirty)
        try HistoryTables.store(db, digest)
        try db.execute(
            sql: "UPDATE ting_replica SET version = ?, head = max(head, ?)",
            arguments: [version, version])
    }
}
