// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Synchronization
public import TingCore

extension Hash {
    /// Hashes one after another, as the tables keep lists of them.
    static func list(_ bytes: Data) -> [Hash] {
        let bytes = Array(bytes)
        return stride(from: 0, to: bytes.count, by: 32).compactMap {
            Hash(bytes: bytes[$0..<Swift.min($0 + 32, bytes.count)])
        }
    }
}

/// Edits that the server has not yet accepted.
extension Replica {
    /// The outbox, in order. What other tools wrote is in it once it was sealed: `seal`, or the next sync.
    /// - Throws: `DatabaseError`; `StoredFormError` for a change set that rotted.
    public func outbox() throws -> [Delivery] {
        try read { db in
            let all = try db.cachedStatement(
                sql: "SELECT number, body FROM ting_outbox ORDER BY seq")
            return try Row.fetchAll(all).map {
                try Delivery(
                    number: $0.decode(atIndex: 0),
                    changeSet: ChangeSet(storedBytes: Array($0.decode(Data.self, atIndex: 1))))
            }
        }
    }

    /// Discards change sets of the outbox for good: their author asked for it.
    ///
    /// Later ones that build on a record that only a discarded one made go to quarantine.
    /// - Returns: How many those are.
    /// - Throws: `DatabaseError`; nothing is discarded then.
    @discardableResult
    public func discardOutbox(_ ids: [ChangeSetID]) throws -> Int {
        try sealed { db in
            var dirty: Set<RecordID> = []
            for id in ids { dirty.formUnion(try leave(db, id, isKnown: false) ?? []) }
            let outbox = DecodedOutbox()
            let orphans = try dirty.filter { record in
                try SharedRecords.read(db, record)?.state == .absent
                    && !isInserted(db, record, outbox)
            }
            let outcome = try reject(db, [:], buildingOn: orphans)
            try materialize(db, dirty.union(outcome.records))
            return outcome.count
        }
    }

    /// Whether a change set in the outbox makes the record.
    private func isInserted(
        _ db: Database, _ record: RecordID, _ outbox: DecodedOutbox
    ) throws -> Bool {
        try pendingPlaces(db, record).contains { place in
            try outbox.operations(db, place, of: record).contains { $0.kind == .insert }
        }
    }

    /// The change set with this hash that waits in the outbox, if it is there and sound.
    public func waiting(_ hash: Hash) throws -> ChangeSet? {
        let body = try read { db in
            try Data.storedOne(
                db.cachedStatement(sql: "SELECT body FROM ting_outbox WHERE hash = ?"),
                arguments: [Data(hash.bytes)])
        }
        guard let body else { return nil }
        let changeSet = try ChangeSet(storedBytes: Array(body))
        return changeSet.hash == hash ? changeSet : nil
    }

    // MARK: Within a transaction

    /// Appends change sets that were sealed before, and shows their edits.
    func putOnTop(_ db: Database, _ changeSets: [ChangeSet]) throws {
        guard !changeSets.isEmpty else { return }
        var touched: Set<RecordID> = []
        for changeSet in changeSets {
            for operation in changeSet.operations
            where touched.insert(operation.record).inserted {
                try setAside(db, operation)
            }
            try enqueue(db, changeSet, changeSet.base)
        }
        try recount(db, listing: changeSets)
        try materialize(db, touched)
    }

    private func setAside(_ db: Database, _ operation: TingCore.Operation) throws {
        guard try SharedRecords.read(db, operation.record) == nil else { return }
        let values = try tables.read(db, operation.collection, operation.record)
        try SharedRecords.write(
            db, operation.record,
            SharedRecord(
                collection: operation.collection, state: values == nil ? .absent : .live,
                values: values ?? [:], deleted: nil))
    }

    /// Others in the outbox may list these from when they were there before.
    func recount(_ db: Database, listing changeSets: [ChangeSet]) throws {
        var counts = Dictionary(
            changeSets.map { ($0.hash, Int64(0)) }, uniquingKeysWith: { first, _ in first })
        for seen in try Data.storedAll(db, sql: "SELECT seen FROM ting_outbox") {
            for hash in Hash.list(seen) { counts[hash]? += 1 }
        }
        let statement = try HotStatement(db, "UPDATE ting_outbox SET listed = ? WHERE hash = ?")
        for (hash, count) in counts {
            statement.bind(count, at: 1)
            statement.bind(hash.bytes, at: 2)
            try statement.run()
        }
    }

    /// Appends a sealed change set; its edits lie on top of the shared state from now on.
    func enqueue(_ db: Database, _ changeSet: ChangeSet, _ base: Base) throws {
        let insert = try HotStatement(
            db,
            """
            INSERT INTO ting_outbox (number, change_set, hash, operations, time, seen, body)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """)
        let stored = changeSet.storedForm
        insert.bind(try nextNumber(db), at: 1)
        insert.bind(changeSet.id.description, at: 2)
        insert.bind(stored.hash, at: 3)
        insert.bind(Int64(changeSet.operations.count), at: 4)
        insert.bind(changeSet.time, at: 5)
        insert.bind(changeSet.seen.flatMap(\.bytes), at: 6)
        insert.bind(stored.bytes, at: 7)
        try insert.run()
        let seq = db.lastInsertedRowID
        try count(db, listing: changeSet.seen, by: 1)
        try noteUnindexed(db, changeSet.id.description)
        try pend(db, changeSet, seq, base)
        enqueued.add(1, ordering: .relaxed)
    }

    private func nextNumber(_ db: Database) throws -> Int64 {
        let statement = try HotStatement(
            db,
            "UPDATE ting_replica SET next_number = next_number + 1 RETURNING next_number - 1")
        guard try statement.step() else { return 1 }
        let number = statement.integer(0)
        try statement.run()
        return number
    }

    /// Notes what a change set edits: a row for each record, with the names of its fields where the
    /// edits have one base, as all but always.
    private func pend(
        _ db: Database, _ changeSet: ChangeSet, _ seq: Int64, _ base: Base
    ) throws {
        let insert = try HotStatement(
            db,
            """
            INSERT INTO ting_pending (record, field, seq, epoch, version)
            VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
            """)
        insert.bind(seq, at: 3)
        insert.bind(base.epoch.description, at: 4)
        var epoch = base.epoch
        for operation in changeSet.operations {
            insert.bind(operation.record, at: 1)
            try PendingFields.each(of: operation, base) { fields, base in
                insert.bind(text: fields, at: 2)
                if base.epoch != epoch {
                    insert.bind(base.epoch.description, at: 4)
                    epoch = base.epoch
                }
                insert.bind(base.version, at: 5)
                try insert.run()
            }
        }
    }

    /// Puts a change set at the end of the outbox, under a new number.
    func moveToEnd(_ db: Database, _ place: Int64) throws {
        let last = try Int64.storedOne(db, sql: "SELECT max(seq) FROM ting_outbox") ?? 0
        try db.execute(
            sql: "UPDATE ting_outbox SET seq = ?, number = ? WHERE seq = ?",
            arguments: [last + 1, nextNumber(db), place])
        try db.execute(
            sql: "UPDATE ting_pending SET seq = ? WHERE seq = ?", arguments: [last + 1, place])
    }

    /// Whether the change set with this hash lies in the outbox.
    func isWaiting(_ db: Database, _ hash: Hash) throws -> Bool {
        let statement = try HotStatement(db, "SELECT 1 FROM ting_outbox WHERE hash = ?")
        statement.bind(hash.bytes, at: 1)
        return try statement.isThere()
    }

    /// The hashes of the outbox that no other change set in it lists.
    func outboxHeads(_ db: Database) throws -> [Hash] {
        let statement = try HotStatement(
            db, "SELECT hash FROM ting_outbox WHERE listed = 0 ORDER BY seq LIMIT ?")
        statement.bind(Int64(Limits.deliveryLimit), at: 1)
        var heads: [Hash] = []
        while try statement.step() {
            if let hash = Hash(bytes: statement.blob(0)) { heads.append(hash) }
        }
        return heads
    }

    private func count(_ db: Database, listing hashes: [Hash], by step: Int) throws {
        let statement = try HotStatement(
            db, "UPDATE ting_outbox SET listed = listed + ? WHERE hash = ?")
        statement.bind(Int64(step), at: 1)
        for hash in hashes {
            statement.bind(hash.bytes, at: 2)
            try statement.run()
        }
    }

    /// Notes that a bundle carries change sets of the outbox: once discarded, they are still this
    /// file's own, should the bundle arrive, as it may at any time.
    package func noteCarried(_ ids: [ChangeSetID]) throws {
        try quietly { db in
            for id in ids {
                try db.execute(
                    sql: """
                        INSERT INTO ting_link (hash, seen, carried)
                        SELECT hash, x'', 1 FROM ting_outbox WHERE change_set = ?
                        ON CONFLICT DO UPDATE SET carried = 1
                        """, arguments: [id.description])
            }
        }
    }

    /// How many of these change sets of the outbox a bundle carries.
    package func carried(of ids: [ChangeSetID]) throws -> Int {
        try read { db in
            try ids.count { id in
                try Bool.storedOne(
                    db.cachedStatement(
                        sql: """
                            SELECT EXISTS (SELECT 1 FROM ting_outbox JOIN ting_link USING (hash)
                            WHERE change_set = ? AND carried)
                            """), arguments: [id.description]) == true
            }
        }
    }

    /// Keeps what a change set lists that leaves the outbox unsent or rejected.
    func keepLink(_ db: Database, _ hash: Data, seen: Data) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO ting_link (hash, seen) VALUES (?, ?)
                ON CONFLICT DO UPDATE SET seen = excluded.seen WHERE length(ting_link.seen) = 0
                """
        ).execute(arguments: [hash, seen])
    }

    /// Forgets what left the outbox so, once nothing that waits can list it, and no entry is to come
    /// that may turn out to be one of them after all. Of what a bundle carries the hash stays until
    /// its entry is here.
    func forgetLinks(_ db: Database, at head: Version) throws {
        let isOver = """
            NOT EXISTS (SELECT 1 FROM ting_outbox)
            AND NOT EXISTS (SELECT 1 FROM ting_invalid WHERE length(seen) > 0)
            AND EXISTS (SELECT 1 FROM ting_replica WHERE version >= ?)
            """
        try db.cachedStatement(
            sql: """
                DELETE FROM ting_link WHERE \(isOver) AND (NOT carried
                OR EXISTS (SELECT 1 FROM ting_entry WHERE ting_entry.hash = ting_link.hash))
                """
        ).execute(arguments: [head])
        try db.cachedStatement(
            sql: "UPDATE ting_link SET seen = x'' WHERE length(seen) > 0 AND \(isOver)"
        ).execute(arguments: [head])
    }

    /// What change sets list that left the outbox unsent or rejected: what lies behind them was seen too.
    func links(_ db: Database) throws -> [SeenLink] {
        try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT hash, seen FROM ting_link WHERE length(seen) > 0 OR NOT carried
                    ORDER BY hash LIMIT ?
                    """),
            arguments: [Limits.deliveryLimit]
        ).compactMap { row in
            try Hash(bytes: row.decode(Data.self, atIndex: 0)).map {
                try SeenLink(hash: $0, seen: Hash.list(row.decode(Data.self, atIndex: 1)))
            }
        }
    }

    /// Takes a change set out of the outbox; gives the records to show anew, `nil` if it isn't there.
    /// - Parameter isKnown: Whether the server accepted it; of another it is kept what it lists.
    func leave(_ db: Database, _ id: ChangeSetID, isKnown: Bool = true) throws -> Set<RecordID>? {
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: "SELECT seq, body, hash, seen FROM ting_outbox WHERE change_set = ?"),
            arguments: [id.description])
        guard let row else { return nil }
        let seq: Int64 = try row.decode(atIndex: 0)
        let records = try ChangeSet(storedBytes: Array(row.decode(Data.self, atIndex: 1))).touched
        try db.cachedStatement(sql: "DELETE FROM ting_outbox WHERE seq = ?")
            .execute(arguments: [seq])
        try count(db, listing: Hash.list(row.decode(Data.self, atIndex: 3)), by: -1)
        if !isKnown {
            try keepLink(
                db, row.decode(Data.self, atIndex: 2), seen: row.decode(Data.self, atIndex: 3))
        }
        let forget = try HotStatement(
            db, "DELETE FROM ting_pending WHERE record = ? AND seq = ?")
        forget.bind(seq, at: 2)
        for record in records {
            forget.bind(record.description, at: 1)
            try forget.run()
        }
        return records
    }

    /// Whether an edit of the record waits in the outbox.
    func isPending(_ db: Database, _ record: RecordID) throws -> Bool {
        try Bool.storedOne(
            db.cachedStatement(
                sql: "SELECT EXISTS (SELECT 1 FROM ting_pending WHERE record = ?)"),
            arguments: [record.description]) ?? false
    }

    /// Has records found anew by the next search.
    func noteUnindexed(_ db: Database, _ records: Set<RecordID>) throws {
        let statement = try HotStatement(
            db, "INSERT INTO ting_unindexed (record) VALUES (?) ON CONFLICT DO NOTHING")
        for record in records {
            statement.bind(record.description, at: 1)
            try statement.run()
        }
    }

    /// The same for all records of a change set in the outbox, of which the id is given.
    private func noteUnindexed(_ db: Database, _ changeSet: String) throws {
        let statement = try HotStatement(
            db, "INSERT INTO ting_unindexed (record) VALUES (?) ON CONFLICT DO NOTHING")
        statement.bind(changeSet, at: 1)
        try statement.run()
    }

    /// Takes a new replica id and numbers what is left in the outbox anew.
    func rename(_ db: Database) throws {
        try db.execute(
            sql: "UPDATE ting_replica SET replica = ?", arguments: [newReplicaID(db).description])
        try db.execute(sql: "UPDATE ting_outbox SET number = -seq")
        let left = try Int64.storedAll(db, sql: "SELECT seq FROM ting_outbox ORDER BY seq")
        for (position, seq) in left.enumerated() {
            try db.execute(
                sql: "UPDATE ting_outbox SET number = ? WHERE seq = ?",
                arguments: [position + 1, seq])
        }
        try db.execute(
            sql: "UPDATE ting_replica SET next_number = ?", arguments: [left.count + 1])
    }

    /// Whether the id is in the outbox or the quarantine.
    func knows(_ db: Database, _ id: ChangeSetID) throws -> Bool {
        try Bool.storedOne(
            db.cachedStatement(
                sql: """
                    SELECT EXISTS (SELECT 1 FROM ting_outbox WHERE change_set = ?1)
                    OR EXISTS (SELECT 1 FROM ting_quarantine WHERE change_set = ?1)
                    """), arguments: [id.description]) ?? false
    }
}
