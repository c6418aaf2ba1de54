// SPDX-License-Identifier: Apache-2.0

import CSQLite
import Foundation
import GRDB
import TingCore

/// A row's columns as they stood when SQLite was about to change it.
///
/// In one piece: most columns are looked at once, if at all, and a string for each costs more than the
/// change.
struct RowBefore {
    private enum Content {
        case null
        case integer(Int64)
        case double(Double)
        case text(start: Int32, count: Int32)
    }

    private var columns: [Content] = []
    private var bytes: [UInt8] = []

    /// - Parameter column: SQLite's value of a column.
    init(count: Int32, _ column: (Int32) -> OpaquePointer?) {
        columns.reserveCapacity(Int(count))
        bytes.reserveCapacity(512)
        for at in 0..<count { add(column(at)) }
    }

    private mutating func add(_ value: OpaquePointer?) {
        // SQLite has none of a generated column that somebody added.
        guard let value else { return columns.append(.null) }
        switch sqlite3_value_type(value) {
        case SQLITE_INTEGER: columns.append(.integer(sqlite3_value_int64(value)))
        case SQLITE_FLOAT: columns.append(.double(sqlite3_value_double(value)))
        case SQLITE_TEXT, SQLITE_BLOB:
            // Its text would be copied to put a NUL behind it. A text ends at its first NUL.
            let all = Int(sqlite3_value_bytes(value))
            let start = Int32(bytes.count)
            var count = 0
            if all > 0, let text = sqlite3_value_blob(value) {
                count = memchr(text, 0, all).map { UnsafeRawPointer($0) - text } ?? all
                bytes.append(contentsOf: UnsafeRawBufferPointer(start: text, count: count))
            }
            columns.append(.text(start: start, count: Int32(count)))
        default: columns.append(.null)
        }
    }

    var indices: Range<Int> { columns.indices }

    subscript(column: Int) -> DatabaseValue {
        switch columns[column] {
        case .null: .null
        case .integer(let integer): integer.databaseValue
        case .double(let double): double.databaseValue
        case .text(let start, let count): text(start, count).databaseValue
        }
    }

    /// What a column holds, as `Field.value` has it.
    func value(_ column: Int, of field: Field) -> Value {
        switch columns[column] {
        case .null: field.standard
        case .integer(let integer): .integer(integer)
        case .double: field.value(self[column])
        case .text(let start, let count): field.value(text: text(start, count))
        }
    }

    /// Writes a value under the field's name, unless it is the default; `false` if it is.
    /// - Parameter column: `nil` for a column that the row lacks.
    func encode(_ column: Int?, of field: Field, into encoder: inout CBOREncoder) -> Bool {
        guard let column, columns.indices.contains(column) else { return false }
        if case .text(let start, let count) = columns[column], field.kind != .set {
            let text = bytes[Int(start)..<Int(start + count)]
            // ASCII is in Normalization Form C.
            if text.allSatisfy({ $0 < 0x80 }) {
                if let standard = field.standard.text, standard.utf8.elementsEqual(text) {
                    return false
                }
                encoder.encode(field.name)
                encoder.encode(text: text)
                return true
            }
        }
        let value = value(column, of: field).normalized
        guard value != field.standard else { return false }
        encoder.encode(field.name)
        encoder.encode(value)
        return true
    }

    private func text(_ start: Int32, _ count: Int32) -> String {
        String(decoding: bytes[Int(start)..<Int(start + count)], as: UTF8.self)
    }
}
