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

    /// Appends an entry, and remembers which records it touched.
    package static func append(_ db: Database, _ new: NewEntry) throws {
        let (entry, changeSet) = (new.entry, new.entry.changeSet)
        let line = try HotStatement(
            db,
            """
            INSERT INTO history (version, author, accepted, message, change_set, replica,
            number, verdict, operations) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        line.bind(entry.version, at: 1)
        line.bind(entry.author, at: 2)
        line.bind(entry.accepted, at: 3)
        line.bind(changeSet.message, at: 4)
        line.bind(changeSet.id, at: 5)
        line.bind(entry.replica, at: 6)
        line.bind(entry.number, at: 7)
        line.bind(entry.effects == nil ? "applied" : "merged", at: 8)
        line.bind(Int64(changeSet.operations.count), at: 9)
        try line.run()
        let bytes = try HotStatement(
            db,
            """
            INSERT INTO ting_entry (version, hash, history_digest, shift, receipt, seen,
            change_set, effects) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """)
        bytes.bind(entry.version, at: 1)
        bytes.bind(new.hash, at: 2)
        bytes.bind(new.digest, at: 3)
        bytes.bind(entry.shift, at: 4)
        bytes.bind(entry.receipt, at: 5)
        bytes.bind(changeSet.seen.flatMap(\.bytes), at: 6)
        bytes.bind(new.body, at: 7)
        if let outcome = new.outcome {
            bytes.bind(outcome, at: 8)
        } else {
            bytes.bind(nil as Int64?, at: 8)
        }
        try bytes.run()
        try touch(
            db, changeSet.operations.map(\.record) + new.effects.map(\.record), entry.version)
    }

    private static func touch(_ db: Database, _ records: [RecordID], _ version: Version) throws {
        guard !records.isEmpty else { return }
        // In one statement, which finds the end of the index by version once, and in the order of the
        // table, each once: its pages are visited one after another.
        let touch = try HotStatement(
            db,
            """
            INSERT INTO ting_touch (record, version) SELECT value, ?2 FROM json_each(?1) WHERE true
            ON CONFLICT DO NOTHING
            """)
        touch.bind(text: list(records.sorted()), at: 1)
        touch.bind(version, at: 2)
        try touch.run()
        touch.unbind()
    }

    /// Records in ascending order as a list in JSON, each once.
    private static func list(_ records: [RecordID]) -> [UInt8] {
        var json: [UInt8] = []
        json.reserveCapacity(2 + records.count * 39)
        var last: RecordID?
        for record in records where record != last {
            json.append(UInt8(ascii: last == nil ? "[" : ","))
            json.append(UInt8(ascii: "\""))
            record.withText { json.append(contentsOf: $0) }
            json.append(UInt8(ascii: "\""))
            last = record
        }
        json.append(UInt8(ascii: "]"))
        return json
    }

    /// What `entry` reads, and where from.
    static let columns = """
        h.version, h.author, h.accepted, h.replica, h.number, e.change_set, e.effects, e.shift,
        e.receipt
        """

    /// Where they stand in a row, and what `Workspace.soundEntries` reads after them.
    enum Column {
        static let version: Int32 = 0
        static let author: Int32 = 1
        static let accepted: Int32 = 2
        static let replica: Int32 = 3
        static let number: Int32 = 4
        static let changeSet: Int32 = 5
        static let effects: Int32 = 6
        static let shift: Int32 = 7
        static let receipt: Int32 = 8
        static let historyDigest: Int32 = 9
        static let entryHash: Int32 = 10
    }

    static let tables = "FROM history h JOIN ting_entry e ON e.version = h.version"

    /// Entries that fit the condition on `h`, in the order given.
    package static func entries(
        _ db: Database, where condition: String, _ arguments: StatementArguments
    ) throws -> [Entry] {
        let rows = try HotStatement(db, "SELECT \(columns) \(tables) WHERE \(condition)")
        try rows.bind(arguments)
        defer { rows.reset() }
        var found: [Entry] = []
        while try rows.step() { found.append(try entry(rows)) }
        return found
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
        let rows = try HotStatement(
            db, "SELECT \(columns) \(tables) WHERE h.version > ? ORDER BY h.version")
        rows.bind(version, at: 1)
        defer { rows.reset() }
        while try rows.step() {
            bytes += size(rows)
            if !page.isEmpty, bytes > byteLimit { break }
            page.append(try entry(rows))
        }
        return page
    }

    /// What the row's entry counts for in a page, in bytes.
    static func size(_ row: HotStatement) -> Int {
        row.byteCount(Column.changeSet) + row.byteCount(Column.effects) + 200
    }

    /// The entry of a row that begins with `columns`.
    static func entry(_ row: HotStatement) throws -> Entry {
        guard let author = row.id(Column.author, MemberKind.self),
            let replica = row.id(Column.replica, ReplicaKind.self)
        else { throw StoredFormError.malformed("history") }
        let changeSet = try row.withBlob(Column.changeSet) { try ChangeSet(storedBytes: $0) }
        let effects: [Effect]? =
            row.isNull(Column.effects)
            ? nil : try row.withBlob(Column.effects) { try Effect.read(storedBytes: $0) }
        return Entry(
            version: row.integer(Column.version), changeSet: changeSet, author: author,
            replica: replica, number: row.integer(Column.number),
            accepted: row.integer(Column.accepted), shift: row.integer(Column.shift),
            effects: effects, receipt: row.blob(Column.receipt))
    }

    /// The history digest at a version; zeros at 0, `nil` where the version isn't here.
    package static func digest(_ db: Database, at version: Version) throws -> Hash? {
        if version == 0 { return .zero }
        let statement = try db.cachedStatement(
            sql: "SELECT history_digest FROM ting_entry WHERE version = ?")
        return try Data.storedOne(statement, arguments: [version]).flatMap { Hash(bytes: $0) }
    }

    package static func head(_ db: Database) throws -> Version {
        try Version.storedOne(db.cachedStatement(sql: "SELECT MAX(version) FROM history")) ?? 0
    }

    // MARK: State digest

    package static func stateDigest(_ db: Database) throws -> StateDigest {
        let sums = try Data.storedOne(db.cachedStatement(sql: "SELECT sums FROM ting_digest"))
        guard let sums else { return StateDigest() }
        guard let digest = StateDigest(sums: Array(sums)) else {
            throw StoredFormError.malformed("state digest")
        }
        return digest
    }

    /// The digest's hash, without its sums.
    package static func stateHash(_ db: Database) throws -> Hash {
        try Data.storedOne(db.cachedStatement(sql: "SELECT hash FROM ting_digest"))
            .flatMap { Hash(bytes: $0) } ?? StateDigest().hash
    }

    /// Whether the stored digest, its sums and its hash, is this one.
    package static func isStored(_ db: Database, _ digest: StateDigest) throws -> Bool {
        try stateHash(db) == digest.hash
            && Data.storedOne(db, sql: "SELECT sums FROM ting_digest") ?? Data(StateDigest().sums)
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

/// An entry on its way into the history, with what is computed of it.
package struct NewEntry {
    let entry: Entry
    /// All that it did, written out in the entry or not.
    let effects: [Effect]
    let hash: Hash
    /// The history digest after it.
    let digest: Hash
    /// Its change set, and its effects if they are written out, as they are stored.
    let body: [UInt8]
    let outcome: [UInt8]?

    /// - Parameters:
    ///   - body: The stored bytes of its change set, for whoever has them at hand.
    ///   - outcome: Those of the effects that are written out.
    package init(
        _ entry: Entry, _ effects: [Effect], hash: Hash, digest: Hash, body: [UInt8]? = nil,
        outcome: [UInt8]? = nil
    ) {
        self.entry = entry
        self.effects = effects
        self.hash = hash
        self.digest = digest
        self.body = body ?? entry.changeSet.storedBytes
        self.outcome = outcome ?? entry.effects.map { Effect.storedBytes($0) }
    }
}
