// SPDX-License-Identifier: Apache-2.0

import CSQLite
import Foundation
import GRDB
import Synchronization
import TingCore

/// Notes in memory which rows a writing changes, as the triggers do in the file for other tools.
///
/// The library's own connection has its triggers off for good. SQLite's pre-update hook shows each row
/// as it goes (sqlite.org/c3ref/preupdate_blobwrite.html), so that no note is written, read back and
/// deleted, and no statement is ever prepared anew. What a savepoint took back needs no care: the first
/// note of a row is of the state before the writing, and the row itself is read when it is sealed. Only
/// what was put below a deleted record counts though it was taken back: the row stays.
///
/// `@unchecked Sendable`: SQLite calls the hook on the thread that runs the statement, and GRDB's queue
/// lets one thread at a time use the connection.
final class EditWatch: @unchecked Sendable {
    private let clock: @Sendable () -> Int64
    /// The version of the file's definition that was looked at last.
    var definition: Int64?
    /// The version of the file's definition that was found to lack nothing.
    var complete: Int64?
    /// What was missing and was made anew: `Replica+definition.swift`.
    let remade = Mutex<[String]>([])
    /// What was put back and is still to be told: `Drafter+conflicts.swift`.
    let putBack = Mutex<[InvalidEdit]>([])
    private(set) var isNoting = false
    /// What the verbs of the writing keep.
    var verbs = VerbMemory()
    /// As many rows as memory is kept for from one writing to the next.
    private static let keptRows = 2_048
    private var collections: [String: Watched] = [:]
    /// The collection of the row that was noted last: mostly also of the next.
    private var last: Watched?
    private(set) var rows: [NotedRow] = []
    /// Tables beside the collections' that the writing changed.
    private(set) var others: Set<String> = []
    /// How many rows have gone since the writing began.
    private var removals = 0
    /// Whether nothing was rolled back to a savepoint, so that what the verbs wrote stands.
    private(set) var isCertain = true
    /// Whether what was written tried to end the transaction, or did.
    private var hasEnded = false
    /// The connection that a reading has, while it goes on.
    private var reader: OpaquePointer?
    /// Whether it tried to commit a change.
    private var hasWritten = false

    /// A collection whose rows are noted.
    private final class Watched {
        let schema: CollectionSchema
        /// Where in `rows` its records are.
        var places: [String: Int] = [:]

        init(_ schema: CollectionSchema) { self.schema = schema }
    }

    init(clock: @escaping @Sendable () -> Int64) { self.clock = clock }

    /// Has SQLite tell of every change on a connection from now on.
    ///
    /// Also of those that nobody notes: a statement prepared without a hook may empty a table unseen.
    func attach(to db: Database) {
        sqlite3_preupdate_hook(
            db.sqliteConnection,
            { context, connection, operation, file, table, _, _ in
                guard let context, let connection, let file, let table else { return }
                let watch = Unmanaged<EditWatch>.fromOpaque(context).takeUnretainedValue()
                guard watch.isNoting, strcmp(file, "main") == 0 else { return }
                guard let collection = watch.collection(of: table) else {
                    watch.others.insert(String(cString: table))
                    return
                }
                watch.note(RowChange(connection: connection, operation: operation), of: collection)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private func collection(of table: UnsafePointer<CChar>) -> Watched? {
        if let last, last.schema.name.withCString({ strcmp($0, table) }) == 0 { return last }
        let found = collections[String(cString: table)]
        last = found ?? last
        return found
    }

    // MARK: A writing

    /// Takes the collections whose rows it notes.
    func know(_ schema: Schema) {
        last = nil
        let before = collections
        collections = Dictionary(
            schema.collections.map { collection in
                let watched = Watched(collection)
                watched.places = before[collection.name]?.places ?? [:]
                return (collection.name, watched)
            }, uniquingKeysWith: { first, _ in first })
    }

    /// Begins to note, with nothing noted yet.
    func begin(_ db: Database) {
        isCertain = true
        hasEnded = false
        traceSavepoints(of: db)
        isNoting = true
    }

    /// Runs the body of a writing.
    /// - Throws: `ReplicaError.transactionEnded` where it ended the transaction, whatever it made of that.
    func guarding<T>(_ body: () throws -> T) throws -> T {
        let result = Result(catching: body)
        if hasEnded { throw ReplicaError.transactionEnded }
        return try result.get()
    }

    /// Ends noting; what was noted stays until it was sealed.
    func end(_ db: Database) {
        isNoting = false
        sqlite3_trace_v2(db.sqliteConnection, 0, nil, nil)
    }

    /// Ends a writing: nothing of it is kept.
    func forget(_ db: Database) {
        end(db)
        verbs = VerbMemory()
        guard !rows.isEmpty || !others.isEmpty else { return }
        rows.removeAll(keepingCapacity: rows.capacity <= Self.keptRows)
        for (_, watched) in collections where !watched.places.isEmpty {
            watched.places.removeAll()
        }
        others.removeAll()
        removals = 0
    }

    /// Goes on noting: what sealing deletes with what was deleted.
    func resume() { isNoting = true }

    /// Has SQLite tell of each statement as it starts: nothing else says that a savepoint was rolled back.
    private func traceSavepoints(of db: Database) {
        sqlite3_trace_v2(
            db.sqliteConnection, UInt32(SQLITE_TRACE_STMT),
            { _, context, _, text in
                guard let context, let text else { return 0 }
                // Any statement that may be one counts: ROLLBACK, also behind a comment.
                switch text.assumingMemoryBound(to: UInt8.self).pointee {
                case UInt8(ascii: "I"), UInt8(ascii: "U"), UInt8(ascii: "S"), UInt8(ascii: "D"):
                    return 0
                default:
                    Unmanaged<EditWatch>.fromOpaque(context).takeUnretainedValue().isCertain = false
                    return 0
                }
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Remembers what a verb wrote to the row that was noted last, if nothing else has touched it.
    func written(_ values: [WrittenValue], to id: RecordID, after count: Int) {
        guard isNoting, rows.count == count + 1 else { return }
        rows[count].written = (id, values)
    }

    /// The row that was noted under an id, if it was.
    func holds(_ record: String, of collection: String) -> Bool {
        collections[collection]?.places[record] != nil
    }

    /// Runs a reading, of which no change is committed.
    ///
    /// `PRAGMA query_only` would refuse each, too; but SQLite prepares every statement of the connection
    /// anew after it is set, and after it is set back.
    /// - Throws: `ReplicaError.wroteWhileReading` where a change was made, whatever became of that.
    func reading<T>(_ db: Database, _ body: () throws -> T) throws -> T {
        (reader, hasWritten) = (db.sqliteConnection, false)
        defer { reader = nil }
        let result = Result(catching: body)
        if hasWritten { throw ReplicaError.wroteWhileReading }
        return try result.get()
    }

    // MARK: Notes

    private func note(_ change: RowChange, of collection: Watched) {
        let time = clock()
        switch change.operation {
        case SQLITE_INSERT: insert(change, collection, time)
        case SQLITE_DELETE: remove(change, collection, time, asRenamed: false)
        default:
            guard change.keepsID else {
                remove(change, collection, time, asRenamed: true)
                return insert(change, collection, time)
            }
            let place: Int
            if let noted = collection.places[change.oldID] {
                place = noted
                rows[place].written = nil
                if time != rows[place].time { rows[place].retime(change, time) }
            } else {
                place = add(NotedRow(of: change, collection.schema, time), to: collection)
            }
            if removals > 0, collection.schema.parent != nil {
                rows[place].wrote(change, after: removals)
            }
        }
    }

    private func insert(_ change: RowChange, _ collection: Watched, _ time: Int64) {
        let id = change.newID
        let place: Int
        if let noted = collection.places[id] {
            place = noted
            rows[place].written = nil
            rows[place].time = max(rows[place].time, time)
        } else {
            place = add(
                NotedRow(collection: collection.schema, record: id, before: nil, time: time),
                to: collection)
        }
        if removals > 0 { rows[place].made = removals }
    }

    private func remove(
        _ change: RowChange, _ collection: Watched, _ time: Int64, asRenamed: Bool
    ) {
        let place =
            collection.places[change.oldID]
            ?? add(NotedRow(of: change, collection.schema, time), to: collection)
        rows[place].time = max(rows[place].time, time)
        rows[place].written = nil
        rows[place].removal = asRenamed ? .renamed : .deleted
        removals += 1
        rows[place].gone = removals
    }

    private func add(_ row: NotedRow, to collection: Watched) -> Int {
        collection.places[row.record] = rows.count
        rows.append(row)
        return rows.count - 1
    }
}

/// Keeps the transaction of a writing whole: nothing of it is on disk before it is sealed.
///
/// The triggers are off, so that no note would ever be made of rows that are committed earlier. SQLite
/// asks at each commit, however it came about, which costs nothing for each row.
extension EditWatch: TransactionObserver {
    func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { false }
    func databaseDidChange(with event: DatabaseEvent) {}
    func databaseDidCommit(_ db: Database) {}

    func databaseWillCommit() throws {
        // GRDB asks for a transaction that changed nothing, too.
        if let reader, sqlite3_txn_state(reader, nil) == SQLITE_TXN_WRITE {
            hasWritten = true
            throw ReplicaError.wroteWhileReading
        }
        guard isNoting else { return }
        hasEnded = true
        throw ReplicaError.transactionEnded
    }

    func databaseDidRollback(_ db: Database) {
        if isNoting { hasEnded = true }
    }
}

/// A field's place in its collection, and what stands in its column now.
typealias WrittenValue = (position: Int, value: Value)

/// What a writing did to one row.
struct NotedRow {
    enum Removal { case deleted, renamed }

    let collection: CollectionSchema
    let record: String
    /// Its columns before the writing, in the order of the table; `nil` where it was not there.
    let before: RowBefore?
    /// The latest change.
    fileprivate(set) var time: Int64
    /// The times of columns, where they were not all written at once.
    private(set) var times: [Int: Int64] = [:]
    /// How it last went, if it did.
    fileprivate(set) var removal: Removal?
    /// How many rows had gone, this one among them, when it went last.
    fileprivate(set) var gone = 0
    /// How many had when it came, and when its columns were written last, where any had.
    fileprivate var made = 0
    private var wrote: [Int: Int] = [:]
    /// What one verb wrote to it, ascending by the fields' names; `nil` where anything else did.
    fileprivate(set) var written: (id: RecordID, values: [WrittenValue])?

    fileprivate init(
        collection: CollectionSchema, record: String, before: RowBefore?, time: Int64
    ) {
        self.collection = collection
        self.record = record
        self.before = before
        self.time = time
    }

    /// A row that was there.
    fileprivate init(of change: RowChange, _ collection: CollectionSchema, _ time: Int64) {
        self.init(
            collection: collection, record: change.oldID, before: change.oldRow, time: time)
    }

    /// Remembers which columns are written after rows have gone.
    fileprivate mutating func wrote(_ change: RowChange, after removals: Int) {
        let (old, new) = (change.oldRow, change.newRow)
        for column in old.indices where new.indices.contains(column) {
            if !old[column].isIdentical(to: new[column]) { wrote[column] = removals }
        }
    }

    /// How many rows had gone when a column was written last; 0 where none had.
    func removals(before column: Int) -> Int { max(made, wrote[column] ?? 0) }

    /// Takes a later change in: what was written before it keeps its own time.
    fileprivate mutating func retime(_ change: RowChange, _ later: Int64) {
        let (oldRow, newRow) = (change.oldRow, change.newRow)
        for column in oldRow.indices where newRow.indices.contains(column) {
            let (old, new) = (oldRow[column], newRow[column])
            if !old.isIdentical(to: new) {
                times[column] = later
            } else if let before, times[column] == nil, before.indices.contains(column),
                !before[column].isIdentical(to: old)
            {
                times[column] = time
            }
        }
        time = max(time, later)
    }
}

/// A change of one row, while SQLite is about to make it.
private struct RowChange {
    let connection: OpaquePointer
    let operation: Int32

    // The id is the first column of every record table.
    var oldID: String { withBytes(old(0)) { String(decoding: $0, as: UTF8.self) } }
    var newID: String { withBytes(new(0)) { String(decoding: $0, as: UTF8.self) } }
    /// Whether the id stays, byte for byte.
    var keepsID: Bool {
        withBytes(old(0)) { before in
            withBytes(new(0)) { after in
                before.count == after.count && before.elementsEqual(after)
            }
        }
    }
    var oldRow: RowBefore { RowBefore(count: sqlite3_preupdate_count(connection), old) }
    var newRow: RowBefore { RowBefore(count: sqlite3_preupdate_count(connection), new) }

    private func old(_ column: Int32) -> OpaquePointer? {
        var value: OpaquePointer?
        sqlite3_preupdate_old(connection, column, &value)
        return value
    }

    private func new(_ column: Int32) -> OpaquePointer? {
        var value: OpaquePointer?
        sqlite3_preupdate_new(connection, column, &value)
        return value
    }

    /// Lends the bytes of a text.
    private func withBytes<T>(
        _ value: OpaquePointer?, _ body: (UnsafeRawBufferPointer) -> T
    ) -> T {
        guard let value, let start = sqlite3_value_text(value) else {
            return withUnsafeBytes(of: 0) { body(UnsafeRawBufferPointer(rebasing: $0[..<0])) }
        }
        return body(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_value_bytes(value))))
    }
}
