// SPDX-License-Identifier: Apache-2.0

import GRDB

/// What a bad disk does to a file of accounts.
enum Rot {
    /// Puts a byte that is no text where a text or a number belongs. The tables are STRICT, and would
    /// refuse it: meanwhile their definition says otherwise.
    static func happen(
        to column: String, of table: String, where condition: String = "1", in path: String
    ) throws {
        try define(table, "replace(sql, ') STRICT', ')')", in: path)
        try run("UPDATE \(table) SET \(column) = x'ff' WHERE \(condition)", on: path)
        try define(table, "sql || ' STRICT'", in: path)
    }

    private static func define(_ table: String, _ sql: String, in path: String) throws {
        try run(
            """
            PRAGMA writable_schema = ON;
            UPDATE sqlite_schema SET sql = \(sql) WHERE name = '\(table)'
            """, on: path)
    }

    /// On a connection of its own, which reads the definitions as they are now.
    private static func run(_ sql: String, on path: String) throws {
        var configuration = GRDB.Configuration()
        configuration.busyMode = .timeout(10)
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
    }
}
