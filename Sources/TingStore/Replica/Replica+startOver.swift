// SPDX-License-Identifier: Apache-2.0

import CSQLiteConfig
import Foundation
import GRDB
public import TingCore

/// What a change to the server's snapshot came to.
public struct StartedOver: Equatable, Sendable {
    /// Change sets that the server lost, and nobody can prove: others', and one's own whose id another of
    /// one's own has.
    public var unproven: Int
    /// Conflicts that are open now, and were not here.
    public var conflicts: [RecordID]
}

/// Going on from another history: what the server lost is given back, then the replica changes to
/// the server's snapshot, with everything that waits here on top (promise 4).
extension Replica {
    static let restartTable = """
        CREATE TABLE ting_restart (
          time INTEGER NOT NULL,
          reason TEXT NOT NULL,
          epoch TEXT NOT NULL,
          version INTEGER NOT NULL
        ) STRICT
        """

    // MARK: Giving back

    /// The last version that this replica has in common with the server's history.
    /// - Parameter digest: The server's history digest at the version of this replica's base.
    func lastInCommon(_ lineage: [EpochEnd], _ digest: Hash) throws -> Version {
        try read { db in
            let base = try identity(db).base
            let own = lineage.filter { $0.epoch == base.epoch }
            // An earlier epoch that went on from here holds all of this history; but one whose files were
            // copied back under the same name went on from elsewhere, as the present one does.
            if own.contains(where: { $0 != lineage.last && $0.version >= base.version }),
                try HistoryTables.digest(db, at: base.version) == digest
            {
                return base.version
            }
            return try own.last { end in
                try HistoryTables.digest(db, at: end.version) == end.historyDigest
            }?.version ?? 0
        }
    }

    /// Whether the history that answers a sync holds any version that this replica holds.
    public func shares(_ answer: SyncResponse) throws -> Bool {
        try lastInCommon(answer.lineage, answer.historyDigest) > 0
    }

    /// A page of entries to give back, after `version`; empty when there are no more.
    func giveBackRequest(after version: Version) throws -> GiveBackRequest {
        try read { db in
            GiveBackRequest(
                epoch: try identity(db).base.epoch, schema: schema.version,
                entries: try HistoryTables.entries(
                    db, since: version, byteLimit: Limits.pageByteLimit))
        }
    }

    // MARK: Starting over

    /// Whether the replica has started over as often within the hour as it may.
    ///
    /// A snapshot that took it from below the floor to a later version of the same history was progress,
    /// however often the floor moves: only what brought it no further counts.
    func hasStartedOverTooOften() throws -> Bool {
        try read { db in
            let since = clock() - 3_600_000
            let count = try Int.storedOne(
                db,
                sql: """
                    SELECT count(*) FROM (
                      SELECT time, reason, epoch, version,
                      lead(epoch, 1, (SELECT epoch FROM ting_replica)) OVER later AS next_epoch,
                      lead(version, 1, (SELECT version FROM ting_replica)) OVER later AS next_version
                      FROM ting_restart WINDOW later AS (ORDER BY rowid))
                    WHERE time BETWEEN ? AND ?
                    AND NOT (reason = ? AND next_epoch = epoch AND next_version > version)
                    """,
                arguments: [since, clock(), SyncPlan.StartOver.belowFloor.rawValue])
            return count ?? 0 >= Limits.startOversPerHour
        }
    }

    /// Whether it never synced and holds nothing that was made here: a clone, as it came.
    func isUntouched() throws -> Bool {
        try sealed { db in
            try Bool.storedOne(
                db,
                sql: """
                    SELECT last_sync IS NULL AND next_number = 1
                    AND NOT EXISTS (SELECT 1 FROM ting_outbox)
                    AND NOT EXISTS (SELECT 1 FROM ting_quarantine)
                    AND NOT EXISTS (SELECT 1 FROM ting_invalid) FROM ting_replica
                    """) ?? false
        }
    }

    /// Where the replica as it was is kept when it starts over.
    public func asidePath() -> String {
        let plain = "\(path).before-\(clock())"
        // A clock that stands still or goes back gives a name twice.
        var (free, count) = (plain, 1)
        while ting_sqlite_exists(free) != 0 {
            count += 1
            free = "\(plain)-\(count)"
        }
        return free
    }

    /// Changes to the server's snapshot in one transaction. The outbox, the quarantine and edits
    /// that are held back stay, on top; the file as it was is kept beside, if asked for.
    /// - Parameters:
    ///   - snapshot: A checked snapshot file of the server.
    ///   - epoch: The server's, as it was asked what it has in common with this replica; `nil`
    ///     for any. Another one may lack all of it.
    ///   - returned: Versions that the server took back: the snapshot must hold them.
    ///   - unproven: Versions that the server could not take back; the author's own go to the outbox.
    ///   - keepsOld: Whether the file as it was is kept beside.
    /// - Throws: `ReplicaError.digestDiffers` if the snapshot does not give its own digest;
    ///   `.snapshotLacks` if it is older than what was given back, or the server lost that again.
    @discardableResult
    public func startOver(
        from snapshot: String, because reason: SyncPlan.StartOver, epoch: Epoch? = nil,
        returned: [Version] = [],
        unproven: [Version] = [], keepsOld: Bool = true
    ) throws -> StartedOver {
        try seal()
        try access { db in
            try db.execute(sql: "ATTACH DATABASE ? AS snapshot", arguments: [snapshot])
        }
        defer {
            try? access { db in
                try db.execute(sql: "DETACH DATABASE snapshot")
            }
        }
        if let missing = try lacking(returned, of: epoch) {
            throw ReplicaError.snapshotLacks(missing)
        }
        if keepsOld { try backup(to: asidePath()) }
        return try naming { () throws in
            try goOn(from: reason, unproven: unproven)
        }
    }

    private func goOn(
        from reason: SyncPlan.StartOver, unproven: [Version]
    ) throws -> StartedOver {
        try sealed { db in
            let lost = try HistoryTables.entries(db, versions: unproven)
            let held = try heldRows(db)
            let open = try openConflicts(db)
            let waiting = try String.storedAll(
                db,
                sql: """
                    SELECT record FROM ting_pending UNION SELECT record FROM ting_note
                    WHERE \(CaptureTriggers.namesWhole)
                    """)
            try noteRestart(db, reason)
            try takeSchema(db)
            let ownColumns = try takeTables(db)
            let last = Dictionary(
                held.map { ($0.record, $0.last) }, uniquingKeysWith: { a, _ in a })
            let noted = try notedHomes(db)
            let outbox = DecodedOutbox()
            for record in waiting {
                try setAside(db, record, noted, outbox, last: last[record] ?? [:])
            }
            let own = try identity(db).member
            var mine: [Entry] = []
            var gone = lost.count { $0.author != own }
            for entry in lost where entry.author == own {
                let changeSet = entry.changeSet
                if try !isKnown(db, changeSet.id) {
                    mine.append(entry)
                } else if try !keepOtherwise(db, changeSet), try !holds(db, changeSet) {
                    gone += 1
                }
            }
            if !mine.isEmpty { try queueAgain(db, mine.map(\.changeSet)) }
            // What came into it now may have moved the rest.
            let moved = DecodedOutbox()
            var again = Set<RecordID>()
            for record in mine.flatMap(\.changeSet.touched) where again.insert(record).inserted {
                try setAside(db, record.description, noted, moved)
            }
            try materialize(db, again.union(waiting.compactMap { RecordID($0) }))
            try putBack(db, held)
            for (table, names) in ownColumns { try putBackOwnColumns(db, table, names) }
            guard try recomputedDigest(db).hash == HistoryTables.stateHash(db) else {
                throw ReplicaError.digestDiffers(version: try identity(db).base.version)
            }
            return StartedOver(
                unproven: gone,
                conflicts: try openConflicts(db).subtracting(open).sorted())
        }
    }

    private func openConflicts(_ db: Database) throws -> Set<RecordID> {
        try Set(
            String.storedAll(db, sql: "SELECT id FROM conflict WHERE \(Self.openConflict)")
                .compactMap { RecordID($0) })
    }

    /// The first of these versions whose change set the attached snapshot doesn't hold; the first
    /// of all where it is of another epoch. Of a snapshot whose history begins above version 1 no
    /// more can be told: the server vouches for it alone.
    private func lacking(_ versions: [Version], of epoch: Epoch?) throws -> Version? {
        try read { db in
            let found = try String.storedOne(db, sql: "SELECT epoch FROM snapshot.ting_replica")
            if let epoch, found != epoch.description { return 1 }
            guard try HistoryFloor.read(db, from: "snapshot") == nil else { return nil }
            let statement = try db.cachedStatement(
                sql: """
                    SELECT EXISTS (SELECT 1 FROM snapshot.history WHERE change_set =
                    (SELECT change_set FROM main.history WHERE version = ?))
                    """)
            return try versions.first { version in
                try Bool.storedOne(statement, arguments: [version]) != true
            }
        }
    }

    func isKnown(_ db: Database, _ id: ChangeSetID) throws -> Bool {
        if try knows(db, id) { return true }
        return try Bool.storedOne(
            db, sql: "SELECT EXISTS (SELECT 1 FROM history WHERE change_set = ?)",
            arguments: [id.description]) ?? false
    }

    /// Whether this very change set waits here, is in quarantine, or was accepted.
    func holds(_ db: Database, _ changeSet: ChangeSet) throws -> Bool {
        let hash = Data(changeSet.hash.bytes)
        let isThere = try Bool.storedOne(
            db,
            sql: """
                SELECT EXISTS (SELECT 1 FROM ting_outbox WHERE hash = ?1)
                OR EXISTS (SELECT 1 FROM ting_entry WHERE hash = ?1)
                """, arguments: [hash])
        if isThere == true { return true }
        let rejected = try Data.storedOne(
            db, sql: "SELECT body FROM ting_quarantine WHERE change_set = ?",
            arguments: [changeSet.id.description])
        return rejected == Data(changeSet.storedBytes)
    }

    private func noteRestart(_ db: Database, _ reason: SyncPlan.StartOver) throws {
        let base = try identity(db).base
        try db.execute(
            sql: "INSERT INTO ting_restart (time, reason, epoch, version) VALUES (?, ?, ?, ?)",
            arguments: [clock(), reason.rawValue, base.epoch.description, base.version])
    }

    /// The snapshot may be of a newer schema.
    private func takeSchema(_ db: Database) throws {
        let version = try Int.storedOne(db, sql: "SELECT schema FROM snapshot.ting_replica") ?? 0
        if let held = try SchemaTable.read(db, from: "snapshot") {
            try take(db, held)
        } else if version > schema.version {
            throw SchemaError.unreadable(version: version, known: schema.version)
        }
    }

    /// - Returns: The columns of a person's own, by table: they wait until all rows are there.
    private func takeTables(_ db: Database) throws -> [(table: String, names: [String])] {
        var ownColumns: [(table: String, names: [String])] = []
        for table in Workspace.copiedTables(schema) {
            let own = try setOwnColumnsAside(db, table)
            if !own.isEmpty { ownColumns.append((table, own)) }
            try db.execute(sql: "DELETE FROM main.\"\(table)\"")
            try TableGrowth.copy(db, table, from: "snapshot")
        }
        try HistoryFloor.take(db, from: "snapshot")
        try db.execute(
            sql: """
                UPDATE ting_replica SET
                (epoch, version, head, indexed_version, members_version, suspect) =
                (SELECT epoch, version, version, -1, 0, 0 FROM snapshot.ting_replica)
                """)
        return ownColumns
    }

    /// What a person added to a collection's table, by name: no snapshot has it.
    private func setOwnColumnsAside(_ db: Database, _ table: String) throws -> [String] {
        guard let collection = schema.collection(table) else { return [] }
        let known = Set(collection.fields.map(\.name) + ["id"])
        let own = try String.storedAll(
            db, sql: "SELECT name FROM pragma_table_info(?, 'main')", arguments: [table]
        ).filter { !known.contains($0) }
        guard !own.isEmpty else { return [] }
        try db.execute(
            sql: """
                CREATE TEMP TABLE "ting_own_\(table)" AS
                SELECT id, \(own.map(\.quotedDatabaseIdentifier).joined(separator: ", "))
                FROM main."\(table)"
                """)
        return own
    }

    private func putBackOwnColumns(_ db: Database, _ table: String, _ own: [String]) throws {
        let assignments = own.map(\.quotedDatabaseIdentifier).map { "\($0) = was.\($0)" }
        try db.execute(
            sql: """
                UPDATE main."\(table)" AS now SET \(assignments.joined(separator: ", "))
                FROM temp."ting_own_\(table)" AS was WHERE was.id = now.id;
                DROP TABLE temp."ting_own_\(table)";
                """)
    }

    /// Keeps the shared state of a record beside it, because edits wait on top.
    /// - Parameters:
    ///   - noted: The collections of noted records.
    ///   - last: What it shows, where the snapshot lacks it, beside what is held back in it.
    private func setAside(
        _ db: Database, _ text: String, _ noted: [String: String], _ outbox: DecodedOutbox,
        last: [String: Value] = [:]
    ) throws {
        guard let record = RecordID(text), try SharedRecords.read(db, record) == nil else { return }
        let home = try tables.locate(db, text) ?? noted[text] ?? pendingHome(db, record, outbox)
        guard let home else { return }
        let values = try tables.read(db, home, record)
        try SharedRecords.write(
            db, record,
            SharedRecord(
                collection: home, state: values == nil ? .absent : .live, values: values ?? last,
                deleted: nil))
    }

    /// The collection that the first note of each record names.
    private func notedHomes(_ db: Database) throws -> [String: String] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT record, collection FROM ting_note
                WHERE \(CaptureTriggers.namesWhole) ORDER BY seq
                """)
        return Dictionary(
            try rows.map { try ($0.stored(atIndex: 0), $0.stored(atIndex: 1)) },
            uniquingKeysWith: { first, _ in first })
    }

    /// The collection of a record that only the outbox names.
    private func pendingHome(
        _ db: Database, _ record: RecordID, _ outbox: DecodedOutbox
    ) throws -> String? {
        guard let place = try pendingPlaces(db, record).first else { return nil }
        return try outbox.operations(db, place, of: record).first?.collection
    }
}
