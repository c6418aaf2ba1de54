// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// What a server keeps for ever of each version below its floor: what a merge, a verdict or a base
/// may still ask for, and no value that a person wrote but the start of a counter.
///
/// The floor follows from it: the version after its last. It is never above the head.
enum PastTable {
    static let definition = [
        """
        CREATE TABLE IF NOT EXISTS ting_past (
          version INTEGER PRIMARY KEY,
          hash BLOB NOT NULL CHECK (length(hash) = 32),
          history_digest BLOB NOT NULL CHECK (length(history_digest) = 32),
          change_set BLOB NOT NULL CHECK (length(change_set) = 16),
          author BLOB NOT NULL CHECK (length(author) = 16),
          accepted INTEGER NOT NULL,
          merged INTEGER NOT NULL,
          seen BLOB NOT NULL
        ) STRICT
        """,
        "CREATE INDEX IF NOT EXISTS ting_past_hash ON ting_past(hash)",
        "CREATE INDEX IF NOT EXISTS ting_past_change_set ON ting_past(change_set)",
        """
        CREATE TABLE IF NOT EXISTS ting_start (
          record TEXT NOT NULL,
          field TEXT NOT NULL,
          start INTEGER NOT NULL,
          PRIMARY KEY (record, field)
        ) STRICT, WITHOUT ROWID
        """,
    ]

    /// The oldest version whose entry is still sent.
    static func floor(_ db: Database) throws -> Version {
        let last = try Version.storedOne(
            db.cachedStatement(sql: "SELECT max(version) FROM ting_past"))
        return (last ?? 0) + 1
    }

    /// The version below the floor and the history digest there: where the chain of entries begins.
    static func end(_ db: Database) throws -> (version: Version, digest: Hash) {
        let version = try floor(db) - 1
        return (version, try digest(db, at: version) ?? .zero)
    }

    /// The history's digests below the floor.
    static func digests(
        _ db: Database, after version: Version, limit: Int
    ) throws -> [(version: Version, digest: Hash)] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT version, history_digest FROM ting_past WHERE version > ?
                ORDER BY version LIMIT ?
                """, arguments: [version, limit]
        ).map {
            try (
                $0.decode(atIndex: 0), Hash(bytes: $0.decode(Data.self, atIndex: 1)) ?? .zero
            )
        }
    }

    static func digest(_ db: Database, at version: Version) throws -> Hash? {
        let statement = try db.cachedStatement(
            sql: "SELECT history_digest FROM ting_past WHERE version = ?")
        return try Data.storedOne(statement, arguments: [version]).flatMap { Hash(bytes: $0) }
    }

    static func hash(_ db: Database, at version: Version) throws -> Hash? {
        let statement = try db.cachedStatement(sql: "SELECT hash FROM ting_past WHERE version = ?")
        return try Data.storedOne(statement, arguments: [version]).flatMap { Hash(bytes: $0) }
    }

    static func author(_ db: Database, of version: Version) throws -> MemberID? {
        let statement = try db.cachedStatement(
            sql: "SELECT author FROM ting_past WHERE version = ?")
        return try Data.storedOne(statement, arguments: [version]).flatMap { MemberID(bytes: $0) }
    }

    static func acceptance(_ db: Database, of version: Version) throws -> Int64? {
        try Int64.storedOne(
            db.cachedStatement(sql: "SELECT accepted FROM ting_past WHERE version = ?"),
            arguments: [version])
    }

    static func accepted(
        _ db: Database, _ id: ChangeSetID
    ) throws -> (version: Version, hash: Hash, verdict: Verdict)? {
        let statement = try db.cachedStatement(
            sql: "SELECT version, hash, merged FROM ting_past WHERE change_set = ?")
        guard let row = try Row.fetchOne(statement, arguments: [Data(id.bytes)]),
            let hash = try Hash(bytes: row.decode(Data.self, atIndex: 1))
        else { return nil }
        let version: Version = try row.decode(atIndex: 0)
        let isMerged: Bool = try row.decode(atIndex: 2)
        return (version, hash, isMerged ? .merged(version) : .applied(version))
    }

    /// What the accepted change set of this hash lists as seen.
    static func seen(_ db: Database, _ hash: Hash) throws -> (version: Version, seen: [Hash])? {
        let statement = try db.cachedStatement(
            sql: "SELECT version, seen FROM ting_past WHERE hash = ?")
        return try Row.fetchOne(statement, arguments: [Data(hash.bytes)]).map { row in
            try (row.decode(atIndex: 0), Hash.list(row.decode(Data.self, atIndex: 1)))
        }
    }

    /// What a counter began with, where the record's first version lies below the floor.
    static func start(_ db: Database, _ record: RecordID, _ field: String) throws -> Int64? {
        try Int64.storedOne(
            db.cachedStatement(sql: "SELECT start FROM ting_start WHERE record = ? AND field = ?"),
            arguments: [record.description, field])
    }

    // MARK: Moving the floor

    /// Puts entries below the floor. They are on disk in the archive already.
    static func take(_ db: Database, _ entries: [Entry], _ schema: Schema) throws {
        guard let first = entries.first?.version, let last = entries.last?.version else { return }
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO ting_past
                (version, hash, history_digest, change_set, author, accepted, merged, seen)
                SELECT version, hash, history_digest, ?, ?, ?, effects IS NOT NULL, seen
                FROM ting_entry WHERE version = ?
                """)
        for entry in entries {
            try takeStarts(db, entry, schema)
            try insert.execute(arguments: [
                Data(entry.changeSet.id.bytes), Data(entry.author.bytes), entry.accepted,
                entry.version,
            ])
        }
        for table in ["history", "ting_entry", "ting_touch"] {
            try db.execute(
                sql: "DELETE FROM \(table) WHERE version BETWEEN ? AND ?", arguments: [first, last])
        }
    }

    private static func takeStarts(_ db: Database, _ entry: Entry, _ schema: Schema) throws {
        var begun: Set<RecordID> = []
        // Of two inserts of one record the first counts, as in `Ledger.start`.
        let counters = entry.changeSet.operations.filter {
            $0.kind == .insert && begun.insert($0.record).inserted
        }.flatMap { insert in
            insert.fields.filter { edit in
                schema.collection(insert.collection)?.field(edit.field)?.policy == .counter
            }.map { (insert.record, $0.field, $0.after.integer ?? 0) }
        }
        for (record, field, start) in counters where start != 0 {
            let first = try Version.storedOne(
                db.cachedStatement(sql: "SELECT MIN(version) FROM ting_edit WHERE record = ?"),
                arguments: [record.description])
            guard first == entry.version else { continue }
            try db.cachedStatement(
                sql: """
                    INSERT INTO ting_start (record, field, start) VALUES (?, ?, ?)
                    ON CONFLICT DO NOTHING
                    """
            ).execute(arguments: [record.description, field, start])
        }
    }
}
