// SPDX-License-Identifier: Apache-2.0

import CSQLiteConfig
import Foundation
package import GRDB
import Synchronization
package import TingCore

/// Why a workspace can't be opened, beside what SQLite says.
package enum WorkspaceError: Error, Equatable, Sendable {
    /// Its file is not there, or empty.
    case missing
}

/// The server's file of one workspace: its state, its history and its verdicts.
///
/// One writer at a time, many readers. Nothing is acknowledged before it is on disk
/// (`synchronous = FULL`).
package final class Workspace: Sendable {
    package let path: String
    /// The file's: the program's, or a newer one that a later program left.
    package let schema: Schema
    private let mergeSteps = Atomic(Limits.mergeStepLimit)
    private let patience = Atomic(Int64.max)
    let receiptKey: [UInt8]
    let pool: DatabasePool
    let tables: RecordTables
    private let place: FilePlace

    /// Whether its file and the file's log are still what lies at the path. What is written to one that is
    /// not may be lost: close it, which brings the log's content into the file, and open what lies there.
    package var isInPlace: Bool { FilePlace(path) == place }

    /// Makes the file of a new workspace.
    /// - Throws: `DatabaseError`, also when the file exists and holds something else.
    package static func create(
        path: String, slug: String, schema: Schema, epoch: Epoch, receiptKey: [UInt8]
    ) throws -> Workspace {
        try prepareToShrink(path)
        let pool = try open(path)
        try pool.write { db in
            for statement in definition(schema) {
                try db.execute(sql: statement)
            }
            try db.execute(
                sql: """
                    INSERT INTO ting_workspace (id, format, slug, schema, epoch, receipt_key)
                    VALUES (1, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    SchemaTable.format, slug, schema.version, epoch.description, Data(receiptKey),
                ])
            try SchemaTable.write(db, schema)
        }
        try pool.close()
        return try Workspace(path: path, schema: schema)
    }

    /// Opens the file of a workspace.
    /// - Parameter program: The schema of this program. Of an older file it makes one of this schema;
    ///   of a newer one it takes that.
    /// - Throws: `WorkspaceError.missing`, and no file is made; `SchemaError`, or `DatabaseError`.
    package convenience init(path: String, schema program: Schema) throws {
        guard ting_sqlite_exists(path) != 0 else { throw WorkspaceError.missing }
        let pool = try Self.open(path)
        guard let stamp = try pool.read({ try SchemaTable.stamp($0, in: Self.table) }) else {
            throw StoredFormError.malformed("workspace")
        }
        let schema =
            stamp.fits(program)
            ? program
            : try pool.write { try SchemaTable.fit($0, Self.table, to: program, Self.definition) }
        try self.init(path: path, pool, schema)
        // A file that was made before there were floors lacks the tables.
        if try Self.lacksFloor(pool) {
            try pool.write { db in try PastTable.definition.forEach { try db.execute(sql: $0) } }
        }
        // What a killed server had written but not synced counts as accepted from here on.
        try pool.syncLog()
    }

    /// Opens the file of a workspace to look at it: nothing that lies there is changed, and a disk that
    /// can only be read will do. A file for which it won't is copied to a folder of the caller's.
    package static func looking(
        at path: String, schema program: Schema, copies folder: String
    ) throws -> Workspace {
        guard ting_sqlite_exists(path) != 0 else { throw WorkspaceError.missing }
        return try DatabaseFile.look(at: path, copies: folder) { path in
            let pool = try open(path, isReadOnly: true)
            let stamp = try pool.read { try SchemaTable.stamp($0, in: table) }
            guard stamp?.fits(program) == true, try !lacksFloor(pool) else { return nil }
            return try Workspace(path: path, pool, program)
        } copy: {
            try Workspace(path: $0, schema: program)
        }
    }

    private init(path: String, _ pool: DatabasePool, _ schema: Schema) throws {
        self.path = path
        self.pool = pool
        self.schema = schema
        tables = RecordTables(schema: schema)
        let key = try pool.read { db in
            _ = try Self.epoch(db)
            return try Data.storedOne(db, sql: "SELECT receipt_key FROM ting_workspace")
        }
        guard let key else { throw StoredFormError.malformed("workspace") }
        receiptKey = Array(key)
        // After the first read, with which SQLite makes the log.
        place = FilePlace(path)
    }

    private static func lacksFloor(_ pool: DatabasePool) throws -> Bool {
        try pool.read { try !$0.tableExists("ting_start") }
    }

    /// What aligning the texts of one change set may cost, and of one transaction, before what follows in
    /// a request is left for the next.
    var mergeStepLimit: Int { mergeSteps.load(ordering: .relaxed) }

    /// Sets the limit, for tests: real texts hardly come near it.
    package func setMergeStepLimit(_ steps: Int) { mergeSteps.store(steps, ordering: .relaxed) }

    /// Has a transaction leave what remains of each request unjudged after so many milliseconds, and an answer that
    /// mends end after `mendMilliseconds`: for servers, where others wait for it. Without, the clock decides nothing.
    package func setPatience(milliseconds: Int64) {
        patience.store(milliseconds, ordering: .relaxed)
    }

    func hasJudgedLong(since began: Int64) -> Bool {
        let patience = patience.load(ordering: .relaxed)
        return patience != .max && Replica.uptime() - began >= patience
    }

    /// Whether others have waited for a reading as long as they may.
    private func isLong(since began: Int64) -> Bool {
        patience.load(ordering: .relaxed) != .max
            && Replica.uptime() - began > Limits.mendMilliseconds
    }

    /// Runs statements past every rule: for tests that plant faults.
    package func tamper(_ body: (Database) throws -> Void) throws { try pool.write(body) }

    /// The rows of all records, fields unlike their default alone.
    package func contents() throws -> [RecordContent] { try pool.read(tables.contents) }

    package func close() throws { try pool.close() }

    /// The same, with everything in the file and nothing in its log. GRDB closes its writer first, and
    /// readers can't empty the log: it would stay, as large as it ever was. For the one process that
    /// serves the workspace; where another holds the file the log stays.
    package func closeWhole() throws {
        _ = try? pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        try close()
    }

    private static func open(_ path: String, isReadOnly: Bool = false) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.readonly = isReadOnly
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(Double(Limits.serverBusySeconds))
        configuration.prepareDatabase { db in
            // A checkpoint writes a page once, however many commits have changed it since the last:
            // 32 MiB of log between two spare a busy workspace most of those writes.
            try db.execute(sql: "PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 8000")
        }
        return isReadOnly
            ? try DatabasePool(path: path, configuration: configuration)
            : try .durable(path: path, configuration: configuration)
    }

    /// Lets a file that is still empty give pages back that a compaction frees. A page's place is
    /// noted for that from the first one on: later, only rewriting the file would do.
    private static func prepareToShrink(_ path: String) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL")
        }
        try queue.close()
    }

    static let table = "ting_workspace"

    static func definition(_ schema: Schema) -> [String] {
        RecordTables(schema: schema).definition() + ownTables
    }

    private static let ownTables =
        HistoryTables.definition + PastTable.definition + [
            SharedRecords.definition, SchemaTable.definition,
            """
            CREATE TABLE ting_workspace (
              id INTEGER PRIMARY KEY CHECK (id = 1),
              format INTEGER NOT NULL,
              slug TEXT NOT NULL,
              schema INTEGER NOT NULL,
              epoch TEXT NOT NULL,
              receipt_key BLOB NOT NULL CHECK (length(receipt_key) = 32)
            ) STRICT
            """,
            """
            CREATE TABLE ting_state_digest (
              version INTEGER PRIMARY KEY,
              digest BLOB NOT NULL CHECK (length(digest) = 32),
              entry_hash BLOB
            ) STRICT
            """,
            """
            CREATE TABLE ting_edit (
              record TEXT NOT NULL,
              version INTEGER NOT NULL,
              field TEXT NOT NULL,
              time INTEGER NOT NULL,
              standing INTEGER NOT NULL,
              deletes INTEGER NOT NULL,
              PRIMARY KEY (record, version, field)
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE TABLE ting_addition (
              record TEXT NOT NULL,
              field TEXT NOT NULL,
              element TEXT NOT NULL,
              version INTEGER NOT NULL,
              PRIMARY KEY (record, field, element, version)
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE TABLE ting_delivery (
              replica TEXT NOT NULL,
              number INTEGER NOT NULL,
              change_set TEXT NOT NULL,
              hash BLOB NOT NULL,
              verdict TEXT NOT NULL,
              detail TEXT NOT NULL,
              version INTEGER,
              seen BLOB NOT NULL,
              PRIMARY KEY (replica, number)
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE TABLE ting_lineage (
              place INTEGER PRIMARY KEY,
              epoch TEXT NOT NULL UNIQUE,
              version INTEGER NOT NULL,
              history_digest BLOB NOT NULL
            ) STRICT
            """,
            """
            CREATE TABLE ting_name (
              epoch TEXT NOT NULL,
              version INTEGER NOT NULL,
              here INTEGER,
              PRIMARY KEY (epoch, version)
            ) STRICT, WITHOUT ROWID
            """,
            // What was accepted is found by its entry.
            "CREATE INDEX ting_delivery_rejected ON ting_delivery(hash) WHERE version IS NULL",
            """
            CREATE TABLE ting_link (
              hash BLOB PRIMARY KEY NOT NULL,
              seen BLOB NOT NULL
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE TABLE ting_sender (
              replica TEXT PRIMARY KEY NOT NULL,
              member TEXT NOT NULL,
              edit_time INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID
            """,
        ]

    // MARK: Reading

    /// The name of the history; it changes when the file turns out to be an older copy.
    package var epoch: Epoch { get throws { try pool.read(Self.epoch) } }

    /// The same where a transaction has the file: another may begin the next epoch beside it.
    static func epoch(_ db: Database) throws -> Epoch {
        let statement = try db.cachedStatement(sql: "SELECT epoch FROM ting_workspace")
        guard let epoch = try String.storedOne(statement).flatMap({ Epoch($0) }) else {
            throw StoredFormError.malformed("workspace")
        }
        return epoch
    }

    /// The newest version with its digests.
    package func head() throws -> (epoch: Epoch, version: Version, history: Hash, state: Hash) {
        try pool.read { db in
            let version = try HistoryTables.head(db)
            return (
                try Self.epoch(db), version, try HistoryTables.digest(db, at: version) ?? .zero,
                try Self.stateDigest(db, at: version)
            )
        }
    }

    /// Bytes of what the workspace holds, free pages aside: what a quota bounds.
    package func usedBytes() throws -> Int64 { try pool.read { try Self.usedBytes($0) } }

    static func usedBytes(_ db: Database) throws -> Int64 {
        func pragma(_ name: String) throws -> Int64 {
            try Int64.storedOne(db, sql: "PRAGMA \(name)") ?? 0
        }
        return try (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
    }

    /// The oldest version whose entry is still sent: what lies below it is in the archive.
    package func floor() throws -> Version { try pool.read { try PastTable.floor($0) } }

    /// What goes back to the replica: the verdicts, and a page of what it doesn't have.
    package func reply(
        to request: SyncRequest, judgement: Judgement, role: Role, members: [Member]?,
        membersVersion: Int64, now: Int64
    ) throws -> SyncResponse {
        try pool.read { db in
            let head = try HistoryTables.head(db)
            let base = request.base
            let historyAgrees = try isShared(db, base, request.historyDigest)
            let floor = try PastTable.floor(db)
            let limit = min(max(request.pageByteLimit, 1), Limits.pageByteLimit)
            let entries =
                historyAgrees && !base.version.isBelow(floor: floor)
                ? try Self.soundEntries(db, since: base.version, byteLimit: limit) : []
            let reached = entries.last?.version ?? base.version
            let agrees =
                try historyAgrees
                && Self.stateDigest(db, at: base.version) == request.stateDigest
            let isBehind = request.schema < schema.version
            return SyncResponse(
                epoch: try Self.epoch(db), verdicts: judgement.verdicts, clash: judgement.clash,
                entries: entries, head: head,
                historyDigest: try Self.historyDigest(db, at: reached) ?? .zero,
                stateDigest: try Self.stateDigest(db, at: reached), digestsAgree: agrees,
                historyAgrees: historyAgrees, floor: floor,
                lineage: historyAgrees ? [] : try lineage(db),
                time: now, members: members,
                membersVersion: membersVersion, role: role,
                schema: isBehind ? try schema.json : nil)
        }
    }

    /// Whether a replica that stands at the base with this digest goes on from this history.
    func isShared(_ db: Database, _ base: Base, _ historyDigest: Hash) throws -> Bool {
        try base.epoch == Self.epoch(db)
            && Self.historyDigest(db, at: base.version) == historyDigest
    }

    /// The records of the buckets that differ from a replica's, as many as fit a page.
    package func mend(_ request: MendRequest) throws -> MendResponse {
        try pool.read { db in
            let (epoch, head) = try (Self.epoch(db), HistoryTables.head(db))
            var response = MendResponse(
                epoch: epoch, head: head, stateDigest: try Self.stateDigest(db, at: head),
                buckets: [:])
            guard request.base == Base(epoch: epoch, version: head) else { return response }
            var bytes = 0
            let began = Replica.uptime()
            for bucket in try HistoryTables.stateDigest(db).differingBuckets(from: request.digest) {
                guard
                    let records = try tables.liveRecords(
                        db, in: bucket, within: Limits.bucketByteLimit)
                else {
                    if isLong(since: began), !response.buckets.isEmpty { break }
                    continue
                }
                bytes += records.reduce(0) { $0 + $1.canonicalBytes.count }
                if bytes > Limits.pageByteLimit, !response.buckets.isEmpty { break }
                response.buckets[bucket] = records.sorted { $0.record < $1.record }
                if isLong(since: began) { break }
            }
            return response
        }
    }

    /// The history digest at any version, also below the floor.
    static func historyDigest(_ db: Database, at version: Version) throws -> Hash? {
        try HistoryTables.digest(db, at: version) ?? PastTable.digest(db, at: version)
    }

    static func stateDigest(_ db: Database, at version: Version) throws -> Hash {
        let statement = try db.cachedStatement(
            sql: "SELECT digest FROM ting_state_digest WHERE version = ?")
        return try Data.storedOne(statement, arguments: [version]).flatMap { Hash(bytes: $0) }
            ?? StateDigest().hash
    }
}
