// SPDX-License-Identifier: Apache-2.0

import CSQLite
import Foundation

/// The system's SQLite by its C interface, set up as fast as it is durable: WAL, `FULL`, 64 MiB.
final class RawDatabase {
    let handle: OpaquePointer

    init(_ path: String) throws {
        var handle: OpaquePointer?
        guard sqlite3_open(path, &handle) == SQLITE_OK, let handle else {
            throw BenchError("\(path) can't be opened")
        }
        self.handle = handle
        try execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \(Self.cache)")
    }

    deinit { sqlite3_close(handle) }

    /// What both sides of every comparison have: 64 MiB.
    static let cache = "PRAGMA cache_size = -65536"

    func execute(_ sql: String) throws {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else {
            throw BenchError("\(String(cString: sqlite3_errmsg(handle))) in \(sql.prefix(80))")
        }
    }

    func prepare(_ sql: String) throws -> RawStatement {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK, let statement
        else { throw BenchError("\(String(cString: sqlite3_errmsg(handle))) in \(sql.prefix(80))") }
        return RawStatement(handle: statement)
    }

    func texts(_ sql: String) throws -> [String] {
        let statement = try prepare(sql)
        var texts: [String] = []
        while sqlite3_step(statement.handle) == SQLITE_ROW {
            texts.append(String(cString: sqlite3_column_text(statement.handle, 0)))
        }
        return texts
    }

    /// Takes every trigger away: what a table would be without Ting.
    func dropTriggers() throws {
        for name in try texts("SELECT name FROM sqlite_schema WHERE type = 'trigger'") {
            try execute("DROP TRIGGER \"\(name)\"")
        }
    }
}

final class RawStatement {
    let handle: OpaquePointer

    init(handle: OpaquePointer) { self.handle = handle }

    deinit { sqlite3_finalize(handle) }

    /// Binds without a copy, and runs to the end.
    func run(_ row: RawRow) throws {
        for (position, value) in row.values.enumerated() {
            let index = Int32(position + 1)
            switch value {
            case .null: sqlite3_bind_null(handle, index)
            case .integer(let integer): sqlite3_bind_int64(handle, index, integer)
            case .text(let bytes, let count): sqlite3_bind_text(handle, index, bytes, count, nil)
            }
        }
        guard sqlite3_step(handle) == SQLITE_DONE else { throw BenchError("a raw row failed") }
        sqlite3_reset(handle)
    }
}

/// One row ready to be bound: its texts lie in memory as C has them.
final class RawRow {
    enum Column {
        case null
        case integer(Int64)
        case text(UnsafePointer<CChar>, Int32)
    }

    let values: [Column]
    private let owned: [UnsafeMutablePointer<CChar>]

    init(_ columns: [BenchValue]) {
        var owned: [UnsafeMutablePointer<CChar>] = []
        values = columns.map { column in
            switch column {
            case .null: return .null
            case .integer(let integer): return .integer(integer)
            case .text(let text):
                guard let bytes = strdup(text) else { return .null }
                owned.append(bytes)
                return .text(UnsafePointer(bytes), Int32(text.utf8.count))
            }
        }
        self.owned = owned
    }

    deinit {
        for bytes in owned { free(bytes) }
    }
}

/// What a column holds, before either side has it.
enum BenchValue {
    case null
    case integer(Int64)
    case text(String)
}
