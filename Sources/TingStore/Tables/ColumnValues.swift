// SPDX-License-Identifier: Apache-2.0

import Foundation
package import GRDB
package import TingCore

/// What columns hold, as values and back.
extension Field {
    /// A column's content as a value; what isn't of the field's type stays as it is, for validation.
    package func value(_ column: DatabaseValue) -> Value {
        switch column.storage {
        case .null: return standard
        case .int64(let integer): return .integer(integer)
        case .string(let text): return value(text: text)
        case .double(let double): return .text(String(double))
        case .blob(let data): return .text(String(decoding: data, as: UTF8.self))
        }
    }

    /// A text column's content as a value.
    func value(text: String) -> Value {
        if kind == .set, let value = Value(json: text), case .set = value { return value }
        return .text(text)
    }
}

extension DatabaseValue {
    /// Whether both are the same bytes; `==` takes texts for equal that Unicode does.
    func isIdentical(to other: DatabaseValue) -> Bool {
        guard case .string(let text) = storage, case .string(let same) = other.storage else {
            return self == other
        }
        return text.isIdentical(to: same)
    }
}

extension String {
    /// Whether both are the same bytes.
    func isIdentical(to other: String) -> Bool {
        var (text, other) = (self, other)
        return text.withUTF8 { bytes in
            other.withUTF8 { same in
                guard bytes.count == same.count else { return false }
                guard let start = bytes.baseAddress, let other = same.baseAddress else {
                    return true
                }
                return memcmp(start, other, bytes.count) == 0
            }
        }
    }
}

extension Value {
    /// The value as its column holds it.
    package var column: DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let integer): integer.databaseValue
        case .text(let text): text.databaseValue
        case .set: json.databaseValue
        }
    }
}
