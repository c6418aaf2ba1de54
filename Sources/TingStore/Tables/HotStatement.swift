// SPDX-License-Identifier: Apache-2.0

import CSQLite
import Foundation
import GRDB
import TingCore

/// A cached statement that is run by SQLite's C interface: for what runs once a record or a field.
///
/// GRDB's own way makes arrays and boxes for each run, which costs more than the statement. Nothing
/// here observes transactions, which that way would serve.
struct HotStatement {
    private let owner: Statement
    private let handle: OpaquePointer
    private let db: Database

    init(_ db: Database, _ sql: String) throws {
        self.db = db
        owner = try db.cachedStatement(sql: sql)
        handle = owner.sqliteStatement
        sqlite3_reset(handle)
    }

    // MARK: Binding, by position from 1

    func bind(_ text: String, at position: Int32) {
        var text = text
        text.withUTF8 { bytes in
            guard let start = bytes.baseAddress else {
                _ = sqlite3_bind_text(handle, position, "", 0, copied)
                return
            }
            start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                _ = sqlite3_bind_text(handle, position, $0, Int32(bytes.count), copied)
            }
        }
    }

    /// Bytes of UTF-8 as text.
    func bind(text bytes: [UInt8], at position: Int32) {
        bytes.withUnsafeBytes { buffer in
            let start = buffer.assumingMemoryBound(to: CChar.self).baseAddress
            _ =
                start == nil
                ? sqlite3_bind_text(handle, position, "", 0, copied)
                : sqlite3_bind_text(handle, position, start, Int32(buffer.count), copied)
        }
    }

    /// An id as text.
    func bind(_ id: ID<some Any>, at position: Int32) {
        id.withText { text in
            text.withMemoryRebound(to: CChar.self) {
                _ = sqlite3_bind_text(handle, position, $0.baseAddress, Int32($0.count), copied)
            }
        }
    }

    func bind(_ hash: Hash, at position: Int32) {
        hash.withBytes {
            _ = sqlite3_bind_blob(handle, position, $0.baseAddress, Int32($0.count), copied)
        }
    }

    func bind(_ integer: Int64?, at position: Int32) {
        if let integer {
            sqlite3_bind_int64(handle, position, integer)
        } else {
            sqlite3_bind_null(handle, position)
        }
    }

    func bind(_ bytes: [UInt8], at position: Int32) {
        bytes.withUnsafeBytes { buffer in
            _ =
                buffer.isEmpty
                ? sqlite3_bind_zeroblob(handle, position, 0)
                : sqlite3_bind_blob(
                    handle, position, buffer.baseAddress, Int32(buffer.count), copied)
        }
    }

    /// A value as its column holds it.
    func bind(_ value: Value, at position: Int32) {
        switch value {
        case .null: bind(nil as Int64?, at: position)
        case .integer(let integer): bind(integer, at: position)
        case .text(let text): bind(text, at: position)
        case .set: bind(value.json, at: position)
        }
    }

    /// Values from a position on. Texts lie in `room`, which must stay as it is until the statement has
    /// run: SQLite makes no copy of each.
    func bind(_ row: [Value], from position: Int32, in room: TextRoom) {
        room.clear(for: row)
        for (offset, value) in row.enumerated() {
            let position = position + Int32(offset)
            if case .text(let text) = value, let (start, count) = room.add(text) {
                _ = sqlite3_bind_text(handle, position, start, count, nil)
            } else {
                bind(value, at: position)
            }
        }
    }

    /// Forgets what is bound.
    func unbind() { sqlite3_clear_bindings(handle) }

    private var copied: sqlite3_destructor_type {
        unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    }

    /// All at once, by GRDB: for statements put together by the caller.
    func bind(_ arguments: StatementArguments) throws { try owner.setArguments(arguments) }

    // MARK: Running

    /// Runs to the end.
    func run() throws { while try step() {} }

    /// Goes to the next row; `false` after the last, when it is ready to be bound again.
    func step() throws -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE:
            sqlite3_reset(handle)
            return false
        case let code:
            let connection = sqlite3_db_handle(handle)
            let message = sqlite3_errmsg(connection).map { String(cString: $0) }
            sqlite3_reset(handle)
            throw DatabaseError(
                resultCode: ResultCode(rawValue: code), message: message, sql: owner.sql)
        }
    }

    /// Whether there is a row.
    func isThere() throws -> Bool {
        defer { reset() }
        return try step()
    }

    /// Rows that the connection's last statement inserted, changed or removed.
    var changes: Int32 { sqlite3_changes(sqlite3_db_handle(handle)) }

    /// Ends before the last row.
    func reset() { sqlite3_reset(handle) }

    // MARK: The row, by column from 0

    func text(_ column: Int32) -> String {
        String(decoding: bytes(of: sqlite3_column_text(handle, column), column), as: UTF8.self)
    }

    /// Lends a column's text as it stands.
    func withText<T>(_ column: Int32, _ body: (UnsafeBufferPointer<UInt8>) throws -> T) rethrows
        -> T
    {
        try body(bytes(of: sqlite3_column_text(handle, column), column))
    }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    /// The integer of a column that must hold one: another type is rot, not 0.
    func strictInteger(_ column: Int32) throws -> Int64 {
        guard sqlite3_column_type(handle, column) == SQLITE_INTEGER else {
            throw StoredFormError.malformed(owner.sql)
        }
        return integer(column)
    }

    /// The text of a column that must hold one: another type is rot, not its digits.
    func strictText(_ column: Int32) throws -> String {
        guard sqlite3_column_type(handle, column) == SQLITE_TEXT else {
            throw StoredFormError.malformed(owner.sql)
        }
        return text(column)
    }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func blob(_ column: Int32) -> [UInt8] {
        let start = sqlite3_column_blob(handle, column)?.assumingMemoryBound(to: UInt8.self)
        return Array(bytes(of: start, column))
    }

    /// The bytes that a column holds, of a blob or text.
    func byteCount(_ column: Int32) -> Int { Int(sqlite3_column_bytes(handle, column)) }

    /// Lends a column's blob; no bytes for anything else.
    func withBlob<T>(_ column: Int32, _ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
        let start = sqlite3_column_blob(handle, column)
        return try body(
            UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : byteCount(column)))
    }

    /// The id that a column holds as text.
    func id<Kind>(_ column: Int32, _ kind: Kind.Type = Kind.self) -> ID<Kind>? {
        ID(text: bytes(of: sqlite3_column_text(handle, column), column))
    }

    func hash(_ column: Int32) -> Hash? { withBlob(column) { Hash(bytes: $0) } }

    /// What a column holds; a text ends where SQLite's C strings end, at its first NUL, and what is not
    /// UTF-8 in it is replaced.
    func value(_ column: Int32) -> (value: DatabaseValue, flaw: TextFlaw?) {
        switch sqlite3_column_type(handle, column) {
        case SQLITE_INTEGER: return (integer(column).databaseValue, nil)
        case SQLITE_FLOAT: return (sqlite3_column_double(handle, column).databaseValue, nil)
        case SQLITE_BLOB: return (Data(blob(column)).databaseValue, nil)
        case SQLITE_TEXT:
            let all = bytes(of: sqlite3_column_text(handle, column), column)
            let end = all.firstIndex(of: 0)
            let part = UnsafeBufferPointer(rebasing: all[..<(end ?? all.endIndex)])
            let flaw: TextFlaw? = end == nil ? nil : .nul
            if let text = String(validating: part, as: UTF8.self) {
                return (text.databaseValue, flaw)
            }
            return (String(decoding: part, as: UTF8.self).databaseValue, flaw ?? .encoding)
        default: return (.null, nil)
        }
    }

    /// What a column holds, as `Field.value` has it.
    func value(_ column: Int32, of field: Field) -> Value {
        switch sqlite3_column_type(handle, column) {
        case SQLITE_NULL: return field.standard
        case SQLITE_INTEGER: return .integer(integer(column))
        case SQLITE_TEXT:
            let all = bytes(of: sqlite3_column_text(handle, column), column)
            let text = String(decoding: all.prefix { $0 != 0 }, as: UTF8.self)
            return field.value(text: text)
        default: return field.value(value(column).value)
        }
    }

    private func bytes(of start: UnsafePointer<UInt8>?, _ column: Int32)
        -> UnsafeBufferPointer<UInt8>
    {
        UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
    }
}
