// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
public import TingCore

/// Where a replica's history begins, if not with version 1: what is older lay below the server's
/// floor when the replica took its snapshot.
public struct HistoryFloor: Equatable, Sendable {
    /// The oldest version whose entry is here.
    public var version: Version
    /// The history digest of the version before it: the chain goes on from there.
    public var digest: Hash
    /// When the version before it was accepted, in milliseconds since 1970.
    public var before: Int64

    static let definition = """
        CREATE TABLE IF NOT EXISTS ting_floor (
          id INTEGER PRIMARY KEY CHECK (id = 1),
          version INTEGER NOT NULL,
          history_digest BLOB NOT NULL CHECK (length(history_digest) = 32),
          accepted INTEGER NOT NULL
        ) STRICT
        """

    /// `nil` where the history begins with version 1.
    static func read(_ db: Database, from file: String = "main") throws -> HistoryFloor? {
        // Files that were made before there were floors lack the table.
        guard try exists(db, in: file) else { return nil }
        let row = try Row.fetchOne(
            db, sql: "SELECT version, history_digest, accepted FROM \(file).ting_floor")
        guard let row, let digest = try Hash(bytes: row.decode(Data.self, atIndex: 1)) else {
            return nil
        }
        return try HistoryFloor(
            version: row.decode(atIndex: 0), digest: digest, before: row.decode(atIndex: 2))
    }

    /// Takes the floor of an attached snapshot.
    static func take(_ db: Database, from source: String) throws {
        try db.execute(sql: definition)
        try db.execute(sql: "DELETE FROM main.ting_floor")
        guard try exists(db, in: source) else { return }
        try db.execute(sql: "INSERT INTO main.ting_floor SELECT * FROM \(source).ting_floor")
    }

    private static func exists(_ db: Database, in schema: String) throws -> Bool {
        // Not a cached statement: it would outlive the attached file.
        try Bool.storedOne(
            db,
            sql: "SELECT EXISTS (SELECT 1 FROM \(schema).sqlite_schema WHERE name = 'ting_floor')"
        ) ?? false
    }
}
