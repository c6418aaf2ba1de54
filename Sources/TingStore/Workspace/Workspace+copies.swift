// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import TingCore

/// Copies of a workspace: snapshots for new replicas, backups, and the check of both.
extension Workspace {
    /// Writes a finished replica file at the head, without members and outbox.
    /// - Returns: The version it holds, and the name that the history had then.
    package func writeSnapshot(to target: String) throws -> Base {
        let queue = try DatabaseQueue(path: target)
        defer { try? queue.close() }
        return try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
            try db.execute(sql: "ATTACH DATABASE ? AS source", arguments: [path])
            var base: Base?
            try db.inTransaction {
                let triggers = "CREATE TRIGGER"
                let statements = Replica.definition(schema)
                for statement in statements where !statement.hasPrefix(triggers) {
                    try db.execute(sql: statement)
                }
                base = try copy(db)
                for statement in statements where statement.hasPrefix(triggers) {
                    try db.execute(sql: statement)
                }
                return .commit
            }
            try db.execute(sql: "DETACH DATABASE source")
            guard let base else { throw StoredFormError.malformed("workspace") }
            return base
        }
    }

    /// Whether a snapshot of this version still serves: all that was given back must be in it, for
    /// whoever gave it back goes on from the snapshot.
    package func holdsWhatCameBack(_ version: Version) throws -> Bool {
        try pool.read { db in
            // Of a name that two versions claim, which they are is not known.
            try Bool.storedOne(
                db,
                sql: "SELECT EXISTS (SELECT 1 FROM ting_name WHERE here > ? OR here IS NULL)",
                arguments: [version]) != true
        }
    }

    /// The tables that a server's file and a replica's have in common.
    static func copiedTables(_ schema: Schema) -> [String] {
        schema.collections.map(\.name) + [
            "history", "ting_entry", "ting_touch", "ting_digest", "ting_shared",
        ]
    }

    private func copy(_ db: Database) throws -> Base? {
        for table in Self.copiedTables(schema) {
            try TableGrowth.copy(db, table, from: "source")
        }
        try db.execute(
            sql: """
                INSERT INTO ting_floor (id, version, history_digest, accepted)
                SELECT 1, version + 1, history_digest, accepted FROM source.ting_past
                ORDER BY version DESC LIMIT 1
                """)
        try SchemaTable.write(db, schema)
        let version =
            try Version.storedOne(db, sql: "SELECT max(version) FROM main.history") ?? 0
        try db.execute(
            sql: """
                INSERT INTO ting_replica
                (id, format, workspace, schema, epoch, version, head)
                SELECT 1, ?, slug, ?, epoch, ?, ? FROM source.ting_workspace
                """, arguments: [SchemaTable.format, schema.version, version, version])
        return try String.storedOne(db, sql: "SELECT epoch FROM ting_replica")
            .flatMap { Epoch($0) }.map { Base(epoch: $0, version: version) }
    }

    /// Copies the workspace consistently while it is in use.
    package func backup(to target: String) throws {
        try pool.writeWithoutTransaction { db in
            try db.execute(sql: "VACUUM INTO ?", arguments: [target])
        }
    }

    /// What `verify` found.
    package struct Report: Equatable, Sendable {
        package var version: Version
        package var records: Int
        /// What is wrong, each a sentence; empty when all is well.
        package var problems: [String]
    }

    /// Recomputes every digest and has SQLite check the file.
    package func verify(progress: (VerifyStep) -> Void = { _ in }) throws -> Report {
        try pool.read { db in
            var problems: [String] = []
            progress(.file)
            let check = try String.storedAll(db, sql: "PRAGMA integrity_check")
            if check != ["ok"] { problems += check.map { "SQLite: \($0)." } }
            problems += try TableGrowth.to(Self.definition(schema)).differences(from: db).map {
                "SQLite: the definition of \($0) is not the one that was written."
            }
            let version = try HistoryTables.head(db)
            let count = try schema.collections.reduce(0) { try $0 + tables.count(db, $1) }
            let state = try tables.recomputedDigest(db) {
                progress(.records(done: $0, of: count))
            }
            let isStored = try HistoryTables.isStored(db, state)
            if try !isStored || Self.stateDigest(db, at: version) != state.hash {
                problems.append("The records don't give the state digest of version \(version).")
            }
            let history = try HistoryTables.recomputedDigest(db, after: PastTable.end(db)) {
                progress(.history(version: $0, of: version))
            }
            if try HistoryTables.digest(db, at: version) != history {
                problems.append("The history doesn't give the digest of version \(version).")
            }
            let records = try schema.written.reduce(0) { try $0 + tables.count(db, $1) }
            return Report(version: version, records: records, problems: problems)
        }
    }

}
