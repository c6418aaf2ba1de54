// SPDX-License-Identifier: Apache-2.0

import CSQLiteConfig
import Foundation
import GRDB
import TingCore

/// What lies below a workspace's floor: one SQLite file beside it, to which rows are only added.
///
/// A row is named by its version and its history digest. So an archive may run ahead of the floor,
/// where a compaction was killed, or hold another history's versions, where older files were copied
/// back: the workspace's own digests say which rows are its history.
package final class Archive: Sendable {
    package let path: String
    let queue: DatabaseQueue

    /// Opens the archive, or `nil` where there is none.
    package static func existing(path: String) throws -> Archive? {
        ting_sqlite_exists(path) == 0 ? nil : try Archive(path: path, isNew: false)
    }

    /// Opens the archive; makes it where there is none.
    package convenience init(path: String) throws { try self.init(path: path, isNew: true) }

    /// Opens the archive to look at it, as `Workspace.looking` does; `nil` where there is none.
    package static func looking(at path: String, copies folder: String) throws -> Archive? {
        guard ting_sqlite_exists(path) != 0 else { return nil }
        return try DatabaseFile.look(at: path, copies: folder) { path in
            let archive = try Archive(path: path, isNew: false, isReadOnly: true)
            // The first look at the file: it says whether a log is to be undone.
            _ = try archive.queue.read { try $0.tableExists("entry") }
            return archive
        } copy: {
            try Archive(path: $0, isNew: false)
        }
    }

    private init(path: String, isNew: Bool, isReadOnly: Bool = false) throws {
        self.path = path
        var configuration = Configuration()
        configuration.readonly = isReadOnly
        configuration.busyMode = .timeout(Double(Limits.serverBusySeconds))
        configuration.prepareDatabase { db in
            // A rollback journal: the archive is one file, and is on disk with each commit. Removing
            // the journal is the commit, so that must be on disk, too.
            try db.execute(sql: "PRAGMA synchronous = EXTRA")
        }
        queue = try DatabaseQueue(path: path, configuration: configuration)
        if isNew {
            try queue.write { db in try Self.definition.forEach { try db.execute(sql: $0) } }
        }
    }

    package func close() throws { try queue.close() }

    /// - Throws: `ArchiveError` of the body's, or `ArchiveFailure`.
    func read<T>(_ body: (Database) throws -> T) throws -> T {
        try ArchiveFailure.telling { try queue.read(body) }
    }

    private static let definition = [
        """
        CREATE TABLE IF NOT EXISTS entry (
          place INTEGER PRIMARY KEY,
          version INTEGER NOT NULL,
          history_digest BLOB NOT NULL CHECK (length(history_digest) = 32),
          hash BLOB NOT NULL CHECK (length(hash) = 32),
          effects_hash BLOB NOT NULL CHECK (length(effects_hash) = 32),
          author TEXT NOT NULL,
          accepted INTEGER NOT NULL,
          replica TEXT NOT NULL,
          number INTEGER NOT NULL,
          shift INTEGER NOT NULL,
          receipt BLOB NOT NULL,
          change_set BLOB NOT NULL,
          effects BLOB,
          UNIQUE (version, history_digest)
        ) STRICT
        """,
        """
        CREATE TABLE IF NOT EXISTS touch (
          record BLOB NOT NULL,
          version INTEGER NOT NULL,
          PRIMARY KEY (record, version)
        ) STRICT, WITHOUT ROWID
        """,
    ]

    // MARK: Writing

    /// Adds entries; those that are there already stay as they are. On disk when it returns.
    ///
    /// - Throws: `ArchiveFailure`.
    func add(_ entries: [(entry: Entry, digest: Hash)]) throws {
        try ArchiveFailure.telling { try queue.write { db in try add(db, entries) } }
    }

    private func add(_ db: Database, _ entries: [(entry: Entry, digest: Hash)]) throws {
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO entry (version, history_digest, hash, effects_hash, author, accepted,
                replica, number, shift, receipt, change_set, effects)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """)
        let touch = try db.cachedStatement(
            sql: "INSERT INTO touch (record, version) VALUES (?, ?) ON CONFLICT DO NOTHING")
        for (entry, digest) in entries {
            let changeSet = entry.changeSet
            try insert.execute(arguments: [
                entry.version, Data(digest.bytes), Data(changeSet.hash.bytes),
                Data(changeSet.effectsHash(entry.allEffects).bytes), entry.author.description,
                entry.accepted, entry.replica.description, entry.number, entry.shift,
                Data(entry.receipt), Data(changeSet.storedBytes),
                entry.effects.map { Data(Effect.storedBytes($0)) },
            ])
            for record in changeSet.touched.union(entry.allEffects.map(\.record)) {
                try touch.execute(arguments: [Data(record.bytes), entry.version])
            }
        }
    }

    /// Adds what another archive holds and this one lacks. On disk when it returns.
    package func add(all other: Archive) throws {
        let columns = """
            version, history_digest, hash, effects_hash, author, accepted, replica, number, shift,
            receipt, change_set, effects
            """
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "ATTACH DATABASE ? AS other", arguments: [other.path])
            try db.inTransaction {
                try db.execute(
                    sql: """
                        INSERT INTO main.entry (\(columns)) SELECT \(columns) FROM other.entry
                        WHERE true ORDER BY place ON CONFLICT DO NOTHING
                        """)
                try db.execute(
                    sql: """
                        INSERT INTO main.touch (record, version) SELECT record, version
                        FROM other.touch WHERE true ON CONFLICT DO NOTHING
                        """)
                return .commit
            }
            try db.execute(sql: "DETACH DATABASE other")
        }
    }

    // MARK: Reading

    /// What is kept of one version beside its values: enough for the chain.
    struct Link: Equatable {
        var hash: Hash
        var effects: Hash
        var author: MemberID
        var accepted: Int64
    }

    func link(_ db: Database, _ version: Version, _ digest: Hash) throws -> Link? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT hash, effects_hash, author, accepted FROM entry
                WHERE version = ? AND history_digest = ?
                """)
        guard let row = try Row.fetchOne(statement, arguments: [version, Data(digest.bytes)]),
            let hash = try Hash(bytes: row.decode(Data.self, atIndex: 0)),
            let effects = try Hash(bytes: row.decode(Data.self, atIndex: 1)),
            let author = try MemberID(row.decode(String.self, atIndex: 2))
        else { return nil }
        return Link(
            hash: hash, effects: effects, author: author, accepted: try row.decode(atIndex: 3))
    }

    /// The entry of a version in the history that has this digest there.
    func entry(_ db: Database, _ version: Version, _ digest: Hash) throws -> Entry? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT author, accepted, replica, number, shift, receipt, change_set, effects
                FROM entry WHERE version = ? AND history_digest = ?
                """)
        guard let row = try Row.fetchOne(statement, arguments: [version, Data(digest.bytes)]) else {
            return nil
        }
        guard let author = try MemberID(row.decode(String.self, atIndex: 0)),
            let replica = try ReplicaID(row.decode(String.self, atIndex: 2))
        else { throw StoredFormError.malformed("archive") }
        return try Entry(
            version: version,
            changeSet: ChangeSet(storedBytes: Array(row.decode(Data.self, atIndex: 6))),
            author: author, replica: replica, number: row.decode(atIndex: 3),
            accepted: row.decode(atIndex: 1), shift: row.decode(atIndex: 4),
            effects: row.decode(Data?.self, atIndex: 7).map {
                try Effect.read(storedBytes: Array($0))
            },
            receipt: Array(row.decode(Data.self, atIndex: 5)))
    }

    /// The entries that the chain goes on with after a version, at most so many.
    func chain(
        _ db: Database, after version: Version, _ digest: Hash, limit: Int
    ) throws -> [(entry: Entry, digest: Hash)] {
        var found: [(entry: Entry, digest: Hash)] = []
        var previous = digest
        while found.count < limit {
            let step: (entry: Entry, digest: Hash)?
            do {
                step = try next(db, version + Version(found.count) + 1, after: previous)
            } catch  where !found.isEmpty {
                // What comes before the damage counts; whoever asks for more hears of it.
                break
            }
            guard let step else { break }
            found.append(step)
            previous = step.digest
        }
        return found
    }

    /// The entry of a version that goes on from a digest.
    private func next(
        _ db: Database, _ version: Version, after previous: Hash
    ) throws -> (entry: Entry, digest: Hash)? {
        // Of two histories in one archive the one that was put there first.
        try Data.storedAll(
            db, sql: "SELECT history_digest FROM entry WHERE version = ? ORDER BY place",
            arguments: [version]
        ).compactMap { Hash(bytes: $0) }.compactMap { digest in
            try entry(db, version, digest).map { (entry: $0, digest: digest) }
        }.first { HistoryDigest.next(after: previous, $0.entry) == $0.digest }
    }

    /// Rows of whatever history, in the order in which they were put here.
    func rows(
        _ db: Database, after place: Int64, limit: Int
    ) throws -> [(place: Int64, version: Version, digest: Hash, hash: Data)] {
        try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT place, version, history_digest, hash FROM entry WHERE place > ?
                    ORDER BY place LIMIT ?
                    """), arguments: [place, limit]
        ).map {
            try (
                $0.decode(atIndex: 0), $0.decode(atIndex: 1),
                Hash(bytes: $0.decode(Data.self, atIndex: 2)) ?? .zero, $0.decode(atIndex: 3)
            )
        }
    }

    /// The versions that touched a record, in whatever history.
    func versions(_ db: Database, of record: RecordID) throws -> Set<Version> {
        try Set(
            Version.storedAll(
                db, sql: "SELECT version FROM touch WHERE record = ?",
                arguments: [Data(record.bytes)]))
    }

    /// Copies the archive consistently while it is in use.
    package func backup(to target: String) throws {
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "VACUUM INTO ?", arguments: [target])
        }
    }
}
