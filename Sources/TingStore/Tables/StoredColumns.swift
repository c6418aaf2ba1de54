// SPDX-License-Identifier: Apache-2.0

package import Foundation
package import GRDB
import TingCore

/// A type that Ting's tables hold in one form of SQLite's.
///
/// GRDB's cursors, and with them its `fetchAll` and `fetchOne` of values, have SQLite make what is asked
/// for out of what is there: of a name that rotted into a number, "7". What rotted must be found.
package protocol StoredColumn {
    init?(stored: DatabaseValue)
}

extension Int64: StoredColumn {
    package init?(stored value: DatabaseValue) {
        guard case .int64(let integer) = value.storage else { return nil }
        self = integer
    }
}

extension Int: StoredColumn {
    package init?(stored value: DatabaseValue) {
        guard let integer = Int64(stored: value) else { return nil }
        self.init(exactly: integer)
    }
}

extension Bool: StoredColumn {
    package init?(stored value: DatabaseValue) {
        guard let integer = Int64(stored: value) else { return nil }
        self = integer != 0
    }
}

extension String: StoredColumn {
    package init?(stored value: DatabaseValue) {
        guard case .string(let text) = value.storage else { return nil }
        self = text
    }
}

extension Data: StoredColumn {
    package init?(stored value: DatabaseValue) {
        guard case .blob(let data) = value.storage else { return nil }
        self = data
    }
}

extension StoredColumn {
    /// The first column of every row.
    /// - Throws: `StoredFormError` where it holds something else, or nothing.
    package static func storedAll(
        _ statement: Statement, arguments: StatementArguments? = nil
    ) throws -> [Self] {
        try DatabaseValue.fetchAll(statement, arguments: arguments).map { try read($0, statement) }
    }

    package static func storedAll(
        _ db: Database, sql: String, arguments: StatementArguments = .init()
    ) throws -> [Self] {
        try storedAll(db.cachedStatement(sql: sql), arguments: arguments)
    }

    /// The first column of the first row; `nil` for no row, and for NULL.
    /// - Throws: `StoredFormError` where it holds something else.
    package static func storedOne(
        _ statement: Statement, arguments: StatementArguments? = nil
    ) throws -> Self? {
        guard let value = try DatabaseValue.fetchOne(statement, arguments: arguments),
            !value.isNull
        else { return nil }
        return try read(value, statement)
    }

    package static func storedOne(
        _ db: Database, sql: String, arguments: StatementArguments = .init()
    ) throws -> Self? {
        try storedOne(db.cachedStatement(sql: sql), arguments: arguments)
    }

    private static func read(_ value: DatabaseValue, _ statement: Statement) throws -> Self {
        guard let value = Self(stored: value) else {
            throw StoredFormError.malformed(statement.sql)
        }
        return value
    }
}

extension Row {
    /// A column that must hold this type. `decode` of a cursor's row takes what SQLite makes of it.
    package func stored<T: StoredColumn>(
        _ type: T.Type = T.self, atIndex index: Int
    ) throws -> T {
        let value: DatabaseValue = self[index]
        guard let stored = T(stored: value) else {
            throw StoredFormError.malformed(columnNames.joined(separator: ", "))
        }
        return stored
    }
}
