// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
public import TingCore

/// Where rejected change sets wait until their author edits, retries, exports or discards them (promise 6).
extension Replica {
    /// Change sets that the server rejected, oldest first.
    /// - Throws: `DatabaseError`; `StoredFormError` for one that rotted beyond reading.
    public func quarantine() throws -> [QuarantinedChangeSet] {
        try read(quarantine)
    }

    func quarantine(_ db: Database) throws -> [QuarantinedChangeSet] {
        let hashes = try Self.quarantineHashes(db)
        let all = try db.cachedStatement(
            sql: """
                SELECT body, code, detail, time, change_set FROM ting_quarantine
                ORDER BY time, rowid
                """)
        return try Row.fetchAll(all).map { row in
            let code = try Rejection(rawValue: row.decode(String.self, atIndex: 1))
            let changeSet = try ChangeSet(storedBytes: Array(row.decode(Data.self, atIndex: 0)))
            let id = try row.decode(String.self, atIndex: 4)
            return QuarantinedChangeSet(
                changeSet: changeSet, code: code ?? .unknown,
                detail: try row.decode(atIndex: 2),
                time: try row.decode(atIndex: 3),
                isDamaged: changeSet.id.description != id
                    || hashes[id].map { $0 != changeSet.hash } ?? false)
        }
    }

    /// Puts change sets back into the outbox, under new numbers, to be judged again.
    /// What is in quarantine no more is passed over.
    /// - Throws: `ReplicaError.damaged` for one that rotted; nothing is changed then.
    public func retryQuarantine(_ ids: [ChangeSetID]) throws {
        try sealed { db in
            let hashes = try Self.quarantineHashes(db)
            var retried: [ChangeSet] = []
            for id in ids {
                let body = try Data.storedOne(
                    db.cachedStatement(
                        sql: "SELECT body FROM ting_quarantine WHERE change_set = ?"),
                    arguments: [id.description])
                guard let body else { continue }
                let changeSet = try ChangeSet(storedBytes: Array(body))
                let hash = hashes[id.description]
                guard changeSet.id == id, hash == nil || hash == changeSet.hash else {
                    throw ReplicaError.damaged("the rejected change set \(id)")
                }
                retried.append(changeSet)
                try db.cachedStatement(sql: "DELETE FROM ting_quarantine WHERE change_set = ?")
                    .execute(arguments: [id.description])
            }
            try putOnTop(db, retried)
        }
    }

    /// Discards rejected change sets for good: their author asked for it.
    public func discardQuarantine(_ ids: [ChangeSetID]) throws {
        try quietly { db in
            for id in ids {
                try db.execute(
                    sql: "DELETE FROM ting_quarantine WHERE change_set = ?",
                    arguments: [id.description])
            }
        }
    }

    // MARK: Within a transaction

    /// Moves rejected change sets, and those in the outbox that build on them, to quarantine.
    func reject(
        _ db: Database, _ rejections: [ChangeSetID: (code: Rejection, detail: String)],
        buildingOn orphans: Set<RecordID> = []
    ) throws -> (records: Set<RecordID>, count: Int) {
        guard !rejections.isEmpty || !orphans.isEmpty else { return ([], 0) }
        let outbox = try Row.fetchAll(db, sql: "SELECT body FROM ting_outbox ORDER BY seq")
        var rejected = orphans
        var count = 0
        for row in outbox {
            let body: Data = try row.decode(atIndex: 0)
            let changeSet = try ChangeSet(storedBytes: Array(body))
            let own = rejections[changeSet.id]
            guard own != nil || !rejected.isDisjoint(with: changeSet.concerned) else { continue }
            rejected.formUnion(changeSet.touched)
            try quarantine(
                db, changeSet, code: (own?.code ?? .dependsOnRejected).rawValue,
                detail: own?.detail
                    ?? "It builds on a change set that was rejected or discarded.", time: clock())
            // A server that is restored knows of no rejection since, and what lies behind it was seen.
            _ = try leave(db, changeSet.id, isKnown: false)
            for operation in changeSet.operations { try takeAway(db, operation) }
            count += 1
        }
        return (rejected, count)
    }

    /// Takes away the row of a rejected operation where the id is that of another collection's record.
    private func takeAway(_ db: Database, _ operation: TingCore.Operation) throws {
        let (collection, record) = (operation.collection, operation.record)
        guard let shared = try SharedRecords.read(db, record), shared.collection != collection,
            try heldFields(db).fields(of: record, in: collection).isEmpty
        else { return }
        try tables.remove(db, collection, record)
    }

    /// Puts a change set into quarantine, if it is not there, with its hash: it waits long, and may rot.
    func quarantine(
        _ db: Database, _ changeSet: ChangeSet, code: String, detail: String, time: Int64
    ) throws {
        try db.execute(
            sql: """
                INSERT INTO ting_quarantine (change_set, code, detail, body, time)
                VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """,
            arguments: [
                changeSet.id.description, code, detail, Data(changeSet.storedBytes), time,
            ])
        if db.changesCount > 0 { try rememberHash(db, of: changeSet) }
    }

    /// Puts a change set into quarantine under whose id another was accepted, as of a file that was copied
    /// with a draft in it; `false` where that isn't so.
    func keepOtherwise(_ db: Database, _ changeSet: ChangeSet) throws -> Bool {
        let accepted = try Data.storedOne(
            db,
            sql: """
                SELECT hash FROM ting_entry JOIN history USING (version)
                WHERE history.change_set = ?
                """,
            arguments: [changeSet.id.description])
        guard let accepted, accepted != Data(changeSet.hash.bytes), try !knows(db, changeSet.id)
        else { return false }
        try quarantine(
            db, changeSet, code: Rejection.acceptedOtherwise.rawValue,
            detail: "This id was accepted with other content.", time: clock())
        return true
    }

    private func rememberHash(_ db: Database, of changeSet: ChangeSet) throws {
        try db.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS ting_quarantine_hash (
                  change_set TEXT PRIMARY KEY NOT NULL,
                  hash BLOB NOT NULL
                ) STRICT, WITHOUT ROWID
                """)
        try db.execute(
            sql: """
                INSERT INTO ting_quarantine_hash (change_set, hash) VALUES (?, ?)
                ON CONFLICT DO UPDATE SET hash = excluded.hash
                """, arguments: [changeSet.id.description, Data(changeSet.hash.bytes)])
    }

    /// The hashes of what is, or was, in quarantine, by id.
    static func quarantineHashes(_ db: Database) throws -> [String: Hash] {
        let exists = try Bool.storedOne(
            db,
            sql: "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'ting_quarantine_hash')")
        guard exists == true else { return [:] }
        let rows = try Row.fetchAll(db, sql: "SELECT change_set, hash FROM ting_quarantine_hash")
        return Dictionary(
            try rows.compactMap { row in
                let id = try row.decode(String.self, atIndex: 0)
                return try Hash(bytes: row.decode(Data.self, atIndex: 1)).map { (id, $0) }
            }, uniquingKeysWith: { a, _ in a })
    }

    /// A change set in quarantine that was accepted all the same, by another way, has no more to wait for.
    func release(_ db: Database, _ changeSet: ChangeSetID, _ hash: Hash) throws -> Bool {
        let body = try Data.storedOne(
            db.cachedStatement(sql: "SELECT body FROM ting_quarantine WHERE change_set = ?"),
            arguments: [changeSet.description])
        guard let body, try ChangeSet(storedBytes: Array(body)).hash == hash else { return false }
        try db.execute(
            sql: "DELETE FROM ting_quarantine WHERE change_set = ?",
            arguments: [changeSet.description])
        return true
    }
}

/// A change set that the server rejected, waiting for its author.
public struct QuarantinedChangeSet: Equatable, Sendable {
    public var changeSet: ChangeSet
    public var code: Rejection
    public var detail: String
    /// When it was rejected, in milliseconds since 1970 on this machine's clock.
    public var time: Int64
    /// Whether its bytes rotted on disk: it holds what its author did not write.
    public var isDamaged: Bool

    public init(
        changeSet: ChangeSet, code: Rejection, detail: String, time: Int64, isDamaged: Bool = false
    ) {
        self.changeSet = changeSet
        self.code = code
        self.detail = detail
        self.time = time
        self.isDamaged = isDamaged
    }
}
