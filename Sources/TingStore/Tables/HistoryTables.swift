// SPDX-License-Identifier: Apache-2.0

import Foundation
package import GRDB
package import TingCore

/// A workspace's history in two tables: `history` for people, `ting_entry` for the exact bytes.
package enum HistoryTables {
    package static let definition = [
        """
        CREATE TABLE history (
          version INTEGER PRIMARY KEY,
          author TEXT NOT NULL,
          accepted INTEGER NOT NULL,
          message TEXT NOT NULL,
          change_set TEXT NOT NULL UNIQUE,
          replica TEXT NOT NULL,
          number INTEGER NOT NULL,
          verdict TEXT NOT NULL,
          operations INTEGER NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE ting_entry (
          version INTEGER PRIMARY KEY,
          hash BLOB NOT NULL,
          history_digest BLOB NOT NULL,
          shift INTEGER NOT NULL,
          receipt BLOB NOT NULL,
          seen BLOB NOT NULL,
          change_set BLOB NOT NULL,
          effects BLOB
        ) STRICT
        """,
        "CREATE INDEX ting_entry_hash ON ting_entry(hash)",
        """
        CREATE TABLE ting_touch (
          record TEXT NOT NULL,
          version INTEGER NOT NULL,
          PRIMARY KEY (record, version)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX ting_touch_version ON ting_touch(version)",
        """
        CREATE TABLE ting_digest (
          id INTEGER PRIMARY KEY CHECK (id = 1),
          hash BLOB NOT NULL CHECK (length(hash) = 32),
          sums BLOB NOT NULL CHECK (length(sums) = 8192)
        ) STRICT
        """,
    ]

    package static func append(_ db: Database, _ entry: Entry, hash: Hash, digest: Hash) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO history (version, author, accepted, message, change_set, replica,
                number, verdict, operations) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            entry.version, entry.author.description, entry.accepted, entry.changeSet.message,
            entry.changeSet.id.description, entry.replica.description, entry.number,
            entry.effects == nil ? "applied" : "merged", entry.changeSet.operations.count,
        ])
        try db.cachedStatement(
            sql: """
                INSERT INTO ting_entry (version, hash, history_digest, shift, receipt, seen,
                change_set, effects) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            entry.version, Data(hash.bytes), Data(digest.bytes), entry.shift, Data(entry.receipt),
            Data(entry.changeSet.seen.flatMap(\.bytes)), Data(entry.changeSet.storedBytes),
            entry.effects.map { Data(Effect.storedBytes($0)) },
        ])
        var touched = entry.changeSet.touched
        for effect in entry.allEffects { touched.insert(effect.record) }
        let touch = try HotStatement(
            db, "INSERT INTO ting_touch (record, version) VALUES (?, ?) ON CONFLICT DO NOTHING")
        for record in touched {
            touch.bind(record.description, at: 1)
            touch.bind(entry.version, at: 2)
            try touch.run()
        }
    }

    private static let columns = """
        h.version, h.author, h.accepted, h.replica, h.number, e.change_set, e.effects, e.shift,
        e.receipt FROM history h JOIN ting_entry e ON e.version = h.version
        """

    /// Entries that fit the condition on `h`, in the order given.
    package static func entries(
        _ db: Database, where condition: String, _ arguments: StatementArguments
    ) throws -> [Entry] {
        try Row.fetchAll(
            db.cachedStatement(sql: "SELECT \(columns) WHERE \(condition)"), arguments: arguments
        ).map(entry)
    }

    /// The entries of these versions, as far as they are here.
    package static func entries(_ db: Database, versions: [Version]) throws -> [Entry] {
        try versions.sorted().flatMap { try entries(db, where: "h.version = ?", [$0]) }
    }

    /// Entries after `version` until their stored bytes pass `byteLimit`; at least one, if there is one.
    package static func entries(_ db: Database, since version: Version, byteLimit: Int) throws
        -> [Entry]
    {
        var page: [Entry] = []
        var bytes = 0
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: "SELECT \(columns) WHERE h.version > ? ORDER BY h.version"),
            arguments: [version])
        while let row = try rows.next() {
            let effects = try row.decode(Data?.self, atIndex: 6)
            bytes += try row.decode(Data.self, atIndex: 5).count + (effects?.count ?? 0) + 200
            if !page.isEmpty, bytes > byteLimit { break }
            page.append(try entry(row))
        }
        return page
    }

    private static func entry(_ row: Row) throws -> Entry {
        guard let author = try MemberID(row.decode(String.self, atIndex: 1)),
            let replica = try ReplicaID(row.decode(String.self, atIndex: 3))
        else { throw StoredFormError.malformed("history") }
        return try Entry(
            version: row.decode(atIndex: 0),
            changeSet: ChangeSet(storedBytes: Array(row.decode(Data.self, atIndex: 5))),
            author: author, replica: replica, number: row.decode(atIndex: 4),
            accepted: row.decode(atIndex: 2), shift: row.decode(atIndex: 7),
            effects: row.decode(Data?.self, atIndex: 6).map {
                try Effect.read(storedBytes: Array($0))
            },
            receipt: Array(row.decode(Data.self, atIndex: 8)))
    }

    /// The history digest at a version; zeros at 0, `nil` where the version isn't here.
    package static func digest(_ db: Database, at version: Version) throws -> Hash? {
        if version == 0 { return .zero }
        let statement = try db.cachedStatement(
            sql: "SELECT history_digest FROM ting_entry WHERE version = ?")
        return try Data.fetchOne(statement, arguments: [version]).flatMap { Hash(bytes: $0) }
    }

    package static func head(_ db: Database) throws -> Version {
        try Version.fetchOne(db.cachedStatement(sql: "SELECT MAX(version) FROM history")) ?? 0
    }

    // MARK: State digest

    package static func stateDigest(_ db: Database) throws -> StateDigest {
        let sums = try Data.fetchOne(db.cachedStatement(sql: "SELECT sums FROM ting_digest"))
        guard let sums else { return StateDigest() }
        guard let digest = StateDigest(sums: Array(sums)) else {
            throw StoredFormError.malformed("state digest")
        }
        return digest
    }

    /// The digest's hash, without its sums.
    package static func stateHash(_ db: Database) throws -> Hash {
        try Data.fetchOne(db.cachedStatement(sql: "SELECT hash FROM ting_digest"))
            .flatMap { Hash(bytes: $0) } ?? StateDigest().hash
    }

    /// Whether the stored digest, its sums and its hash, is this one.
    package static func isStored(_ db: Database, _ digest: StateDigest) throws -> Bool {
        try stateHash(db) == digest.hash
            && Data.fetchOne(db, sql: "SELECT sums FROM ting_digest") ?? Data(StateDigest().sums)
                == Data(digest.sums)
    }

    package static func store(_ db: Database, _ digest: StateDigest) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO ting_digest (id, hash, sums) VALUES (1, ?, ?)
                ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, sums = excluded.sums
                """
        ).execute(arguments: [Data(digest.hash.bytes), Data(digest.sums)])
    }
}
