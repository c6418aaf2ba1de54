// SPDX-License-Identifier: Apache-2.0

import CSQLiteConfig
import Foundation
public import GRDB
import Synchronization
public import TingCore

/// One SQLite file holding one workspace at one version, plus the edits made here.
///
/// Blocking; safe to use from several threads and processes, which wait for one another. A closure that
/// one of its methods runs has the file to itself: every other method of the same `Replica` throws
/// `ReplicaError.nested` within.
public final class Replica: Sendable {
    public let path: String
    let clock: @Sendable () -> Int64
    /// Milliseconds on a clock that never jumps, for measuring how long a lock is held.
    let uptime: @Sendable () -> Int64
    /// Used by `access` alone, and by tests that count.
    let queue: DatabaseQueue
    private let place: FilePlace
    /// Set where the file is read without locks, since nothing can be written beside it.
    private let fixed: FixedFile?
    /// The file's tables as this process last saw them: `Replica+schema.swift`.
    let known: Mutex<RecordTables>
    /// What the writing under way changes.
    let watch: EditWatch
    private let wait = BusyWait(seconds: Limits.replicaBusySeconds)
    /// The thread that is within `access`; 0 for none.
    private let inside = Atomic<UInt>(0)
    /// How many change sets came into the outbox through this object: `EditMark.swift`.
    let enqueued = Atomic(0)

    /// Opens a replica file.
    /// - Parameters:
    ///   - schema: That of this program. Of an older file it makes one of this schema; of a newer one
    ///     it takes that.
    ///   - clock: Milliseconds since 1970 on this machine's clock.
    ///   - uptime: Milliseconds on a clock that never jumps.
    ///   - isWaiting: Called when another program has held the file for a second; it waits on, up to 30 s.
    /// - Throws: `ReplicaError.notFound` where there is no file, or an empty one; `notAReplica` for another
    ///   SQLite database, `DatabaseError` with `SQLITE_NOTADB` for another file; `SchemaError` where the file
    ///   is of a release that does not go with this one; `DatabaseError` with `SQLITE_CANTOPEN` or
    ///   `SQLITE_READONLY` without permission, with `SQLITE_BUSY` after 30 s behind another program.
    public init(
        path: String, schema: Schema, clock: @escaping @Sendable () -> Int64,
        uptime: @escaping @Sendable () -> Int64 = Replica.uptime,
        isWaiting: @escaping @Sendable () -> Void = {}
    ) throws {
        self.path = path
        self.clock = clock
        self.uptime = uptime
        known = Mutex(RecordTables(schema: schema))
        watch = EditWatch(clock: clock)
        watch.know(schema)
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .callback(
            wait.callback(isLong: isWaiting))
        configuration.prepareDatabase { [watch] db in
            // For good: switching them makes SQLite prepare every statement anew. They serve other
            // tools; the watch sees what is written here.
            ting_sqlite_set_triggers(UnsafeMutableRawPointer(db.sqliteConnection), 0)
            watch.attach(to: db)
            db.add(transactionObserver: watch, extent: .databaseLifetime)
            // A file that is still without its log must sync its folder, too: FULL doesn't.
            try db.execute(sql: "PRAGMA synchronous = EXTRA")
        }
        guard ting_sqlite_exists(path) != 0 else {
            throw ReplicaError.notFound(path)
        }
        let opened = try ReplicaFile.open(path, configuration) { db in
            try SchemaTable.stamp(db, in: Self.table)
        }
        guard let stamp = opened.first else { throw ReplicaError.notAReplica(path) }
        queue = opened.queue
        fixed = opened.fixed
        place = FilePlace(file: path)
        if !stamp.fits(schema) { try fit(to: schema) }
    }

    /// Whether the file is still what lies at the path.
    public var isInPlace: Bool { FilePlace(file: path) == place }

    /// Closes the file, so that it is whole without its log.
    ///
    /// Waits for the reading or writing that is under way. Whatever comes after it throws
    /// `ReplicaError.closed`, a sync or a `Follower` that is at work too; closing once more does nothing.
    /// - Throws: `DatabaseError` where somebody still holds a statement of it; it stays open then.
    ///   `ReplicaError.nested`.
    public func close() throws {
        try refuseNesting()
        try queue.close()
    }

    /// Milliseconds since some moment in the past, on the machine's steady clock.
    @Sendable public static func uptime() -> Int64 {
        (ContinuousClock.now - steadyStart).milliseconds
    }

    private static let steadyStart = ContinuousClock.now

    // MARK: Who and where

    /// Which workspace this is, of which server, and where it stands.
    public struct Identity: Equatable, Sendable {
        public var workspace: String
        /// The server's URL; empty for none.
        public var server: String
        public var replica: ReplicaID
        public var member: MemberID?
        public var base: Base

        public init(
            workspace: String, server: String, replica: ReplicaID, member: MemberID?, base: Base
        ) {
            self.workspace = workspace
            self.server = server
            self.replica = replica
            self.member = member
            self.base = base
        }
    }

    /// Makes a downloaded snapshot a replica of its own, and opens it.
    public static func adopt(
        snapshot path: String, server: String, member: MemberID?, schema: Schema,
        clock: @escaping @Sendable () -> Int64,
        uptime: @escaping @Sendable () -> Int64 = Replica.uptime
    ) throws -> Replica {
        let replica = try Replica(path: path, schema: schema, clock: clock, uptime: uptime)
        try replica.quietly { db in
            try db.execute(
                sql: "UPDATE ting_replica SET replica = ?, server = ?, member = ?, suspect = ?",
                arguments: [
                    replica.newReplicaID(db).description, server, member?.description,
                    Doubt.notComputed,
                ])
        }
        // Last: the file gets its name when it is closed, and a log would stay behind under the old.
        try replica.access { db in
            try db.execute(sql: "PRAGMA journal_mode = WAL")
        }
        return replica
    }

    public func identity() throws -> Identity { try read { try self.identity($0) } }

    package func identity(_ db: Database) throws -> Identity {
        let row = try HotStatement(
            db,
            """
            SELECT workspace, server, replica, member, epoch, version, schema FROM ting_replica
            """)
        defer { row.reset() }
        guard try row.step(), let epoch = Epoch(row.text(4)), let replica = ReplicaID(row.text(2))
        else { throw ReplicaError.notAReplica(path) }
        let identity = try Identity(
            workspace: row.text(0), server: row.text(1), replica: replica,
            member: row.isNull(3) ? nil : MemberID(row.text(3)),
            base: Base(epoch: epoch, version: row.strictInteger(5)))
        try catchUp(db, with: Int(row.strictInteger(6)))
        return identity
    }

    func newReplicaID(_ db: Database) throws -> ReplicaID {
        var random = SQLiteRandomness(db: db)
        return .timeOrdered(milliseconds: clock(), using: &random)
    }

    /// Runs statements past every rule: for tests that plant faults.
    package func tamper(_ body: (Database) throws -> Void) throws { try quietly(body) }

    /// The rows as they are shown, fields unlike their default alone.
    package func contents() throws -> [RecordContent] { try read(tables.contents) }

    // MARK: Reading and writing

    /// Reads, with every edit made here on top.
    /// - Parameter body: Runs SQL on the `Database` that it is given; cursors and statements end with it. It
    ///   calls no method of this replica but those that take a `Database`. Return what was read and call
    ///   them after it, ask in SQL, or open the file a second time, as another `Replica`.
    /// - Throws: `ReplicaError.wroteWhileReading` where `body` wrote, whatever it made of that; nothing is
    ///   kept then. `DatabaseError` with `SQLITE_BUSY_SNAPSHOT` where the file can't be locked, and another
    ///   program wrote meanwhile; what `body` read may be of two times then. `ReplicaError.transactionEnded`,
    ///   `.nested`, `.closed`.
    public func read<T>(_ body: (Database) throws -> T) throws -> T {
        let result = try access { db in
            try watch.reading(db) { try transaction(db, .deferred, body) }
        }
        try fixed?.check()
        return result
    }

    /// Writes: one transaction, sealed as it commits into one change set. What other tools left is
    /// sealed before it.
    ///
    /// What is larger than 2 MiB, half of `Limits.changeSetByteLimit`, or has more than
    /// `Limits.operationLimit` operations, becomes several change sets, in an order in which each holds:
    /// the server takes or rejects each for itself.
    /// - Parameters:
    ///   - message: Why, for `ting log`. Cut at 4,000 bytes (`Limits.messageByteLimit`).
    ///   - body: Runs SQL on the `Database` that it is given, and the verbs that take one: `insert`,
    ///     `update`, `delete`, `restore`, `keep`, `locate`. It calls no other method of this replica: call
    ///     them before, or ask in SQL.
    /// - Throws: `InvalidEdit` when the schema doesn't allow what `body` wrote;
    ///   `ReplicaError.transactionEnded` when `body` ends the transaction; `.displaced` when another file
    ///   lies at the path, or none; `ReplicaError.nested`, `.closed`. Nothing is kept then.
    @discardableResult
    public func write<T>(message: String = "", _ body: (Database) throws -> T) throws -> T {
        do {
            return try written(message, body)
        } catch  where error as? ReplicaError == .rottenIndex {
            // What the caller does is done once: the next try finds indexes that are right.
            try doubtIndexes()
            throw ReplicaError.rottenIndex
        }
    }

    private func written<T>(_ message: String, _ body: (Database) throws -> T) throws -> T {
        try transaction { db in
            try sealForeign(db)
            try noticeDefinition(db)
            try mustBeInPlace()
            let held = try lastNote(db) ?? 0
            watch.begin(db)
            defer { watch.forget(db) }
            let result = try watch.guarding { try body(db) }
            watch.end(db)
            // SQL may say that a failure ends the transaction: then nothing was written.
            guard db.isInsideTransaction else { throw DatabaseError(resultCode: .SQLITE_ABORT) }
            for table in watch.others.sorted() { try refuseReference(db, table) }
            let own = try OwnEdits(db, watch, after: held)
            let places = try own.places(db, tables)
            let invalid = try Sealer(self, db, own: own).seal(message: message)
            let mine = invalid.first {
                places?.contains("\($0.record)/") ?? true
                    || places?.contains("\($0.record)/\($0.field ?? "")") ?? true
            }
            if let mine { throw mine }
            return result
        }
    }

    /// The newest note's place; `nil` without notes.
    func lastNote(_ db: Database) throws -> Int64? {
        let statement = try HotStatement(db, "SELECT MAX(seq) FROM ting_note")
        defer { statement.reset() }
        return try statement.step() && !statement.isNull(0) ? statement.integer(0) : nil
    }

    /// Seals what other tools wrote, and tells what is held back.
    /// - Throws: `DatabaseError`, as `SQLITE_BUSY` after half a minute behind another program that writes.
    @discardableResult
    public func seal(message: String = "") throws -> [InvalidEdit] {
        if let held = try heldIfSealed() { return held }
        return try quietly { db in
            try sealForeign(db, message: message)
            return try held(db)
        }
    }

    /// Seals what other tools wrote, for who only reads: behind another program that writes the file it waits for
    /// a second, no longer, and leaves what they wrote lately unsealed.
    /// - Returns: Why something is left unsealed; `nil` where nothing is.
    public func sealForReading() throws -> ResultCode? {
        do {
            if try heldIfSealed() != nil { return nil }
            try quietly(hurrying: true) { try sealForeign($0) }
            return nil
        } catch let error as DatabaseError where error.isAboutWriting {
            return error.resultCode
        }
    }

    /// What is held back, where nothing has to be sealed: that asks for no lock.
    func heldIfSealed() throws -> [InvalidEdit]? {
        try read { db in
            let version = try identity(db).base.version
            guard try isDefinitionComplete(db), try !hasUnsealed(db, at: version) else {
                return nil
            }
            return try held(db)
        }
    }

    /// Whether there are notes other than those held back when the replica was here last.
    func hasUnsealed(_ db: Database, at version: Version) throws -> Bool {
        guard let newest = try lastNote(db), newest > 0 else { return false }
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT sealed_note, sealed_version FROM ting_replica"))
        guard let row else { return true }
        return try newest > row.decode(Int64.self, atIndex: 0)
            || version != row.decode(Version.self, atIndex: 1)
    }

    /// The edits that are held back.
    func held(_ db: Database) throws -> [InvalidEdit] {
        try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT collection, CAST(record AS BLOB), field, problem, remedy FROM ting_invalid
                    ORDER BY record, field, collection
                    """)
        ).map { row in
            let field: String = try row.decode(atIndex: 2)
            return try InvalidEdit(
                collection: row.decode(atIndex: 0),
                record: String(decoding: row.decode(Data.self, atIndex: 1), as: UTF8.self),
                field: field.isEmpty ? nil : field,
                problem: row.decode(atIndex: 3), remedy: row.decode(atIndex: 4))
        }
    }

    /// One transaction that begins by sealing what other tools wrote.
    func sealed<T>(_ body: (Database) throws -> T) throws -> T {
        try quietly { db in
            try sealForeign(db)
            try mustBeInPlace()
            return try body(db)
        }
    }

    /// What is written to a file that lies there no more goes nowhere: nobody would find it again.
    private func mustBeInPlace() throws {
        guard isInPlace else { throw ReplicaError.displaced(path) }
    }

    /// One transaction in which nothing that is written counts as an edit. An index that turns out
    /// rotten in it is built anew, and the transaction begun again.
    /// - Parameter hurrying: Whether it waits for `Limits.readingWaitMilliseconds` at most where another program
    ///   writes.
    @discardableResult
    func quietly<T>(hurrying: Bool = false, _ body: (Database) throws -> T) throws -> T {
        do {
            return try transaction(hurrying: hurrying, body)
        } catch  where error as? ReplicaError == .rottenIndex {
            try doubtIndexes()
            return try transaction(hurrying: hurrying, body)
        }
    }

    private func transaction<T>(
        hurrying: Bool = false, _ body: (Database) throws -> T
    ) throws -> T {
        try access { db in
            guard hurrying else { return try transaction(db, .immediate, body) }
            return try wait.hurrying(Limits.readingWaitMilliseconds) {
                try transaction(db, .immediate, body)
            }
        }
    }

    private func transaction<T>(
        _ db: Database, _ kind: Database.TransactionKind, _ body: (Database) throws -> T
    ) throws -> T {
        var result: T?
        try db.inTransaction(kind) {
            result = try body(db)
            guard db.isInsideTransaction else { throw ReplicaError.transactionEnded }
            return .commit
        }
        guard let result else { throw ReplicaError.transactionEnded }
        return result
    }

    /// The one way to the file, for one at a time.
    func access<T>(_ body: (Database) throws -> T) throws -> T {
        try refuseNesting()
        return try queue.writeWithoutTransaction { db in
            inside.store(Self.thread, ordering: .relaxed)
            defer { inside.store(0, ordering: .relaxed) }
            // In turn with closing, which can't come between this and the body.
            guard db.sqliteConnection != nil else { throw ReplicaError.closed }
            return try body(db)
        }
    }

    /// A thread that waits for what it does itself waits for ever; GRDB would end the process.
    private func refuseNesting() throws {
        // Which other thread is within does not matter, so no order among threads does.
        guard inside.load(ordering: .relaxed) != Self.thread else { throw ReplicaError.nested }
    }

    private static var thread: UInt { UInt(pthread_self()) }
}

/// An edit that the schema doesn't allow: it stays in its table and is not sent.
public struct InvalidEdit: Error, Equatable, Sendable {
    public var collection: String
    public var record: String
    public var field: String?
    public var problem: String
    public var remedy: String
}
