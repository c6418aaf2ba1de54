// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// Plain triggers that note every edit, whatever tool makes it (promise 11).
///
/// A note holds the record, what was before and the time:
/// - `n`: fields of a row changed · `i`: a row came to be · `d`: a row was deleted
/// - `r`: a row that REPLACE may take away without a DELETE trigger, for its id or its place (`rowid`)
/// - `x`: a row whose id or place changed
/// - `k`: a *keep*, an edit of a field (empty for the record) to what it is; only the library writes it
/// - `u`: one field changed; what the library leaves of what is held back
///
/// What a row held is in `was_1` and so on, in the order of the collection's fields; an empty blob
/// stands for what did not change. An `r` tells no more than that, and has no time or random bytes of its
/// own: a note of what changed follows.
///
/// The table is not STRICT: SQLite would look at each column of each note. What reads it is
/// (`StoredColumns.swift`).
///
/// No index is on the notes: it took a fifth of what an edit by another tool costs beyond itself. Whoever
/// needs those of several records goes through all of them once.
///
/// The first note's random bytes give the change set its id and its seed, so that two copies of a
/// file with one unsealed draft can't both pass for the original.
enum CaptureTriggers {
    static func noteTable(_ schema: Schema) -> String {
        """
        CREATE TABLE ting_note (
          seq INTEGER PRIMARY KEY,
          kind TEXT NOT NULL,
          collection TEXT NOT NULL,
          record TEXT NOT NULL,
          field TEXT NOT NULL DEFAULT '',
          before,
          time INTEGER NOT NULL
            DEFAULT (\(now)),
          draft BLOB NOT NULL DEFAULT (randomblob(32)),
          \(columns(width(schema)).joined(separator: ", "))
        )
        """
    }

    /// Milliseconds since 1970, in SQL.
    private static let now = "CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS INTEGER)"

    /// All notes in order: kind, collection, record (as a blob, for an id that is a text with a NUL),
    /// field, before, time, draft, seq, and from `firstColumn` on the columns of a whole row.
    static func notes(_ schema: Schema) -> String {
        """
        SELECT kind, collection, CAST(record AS BLOB), field, before, time, draft, seq,
        \(columns(width(schema)).joined(separator: ", ")) FROM ting_note ORDER BY seq
        """
    }

    static let firstColumn = 8

    private static func columns(_ count: Int) -> [String] {
        (1...max(1, count)).map { "was_\($0)" }
    }

    private static func width(_ schema: Schema) -> Int {
        schema.collections.map(\.fields.count).max() ?? 0
    }

    /// Whether a note names its record whole: GRDB ends a text at its first NUL, and would take
    /// another record's id for what is before it.
    static let namesWhole = "instr(record, char(0)) = 0"

    /// The names of a collection's triggers.
    static func names(_ collection: CollectionSchema) -> [String] {
        ["update", "insert", "delete", "replace", "rename"].map { "ting_\(collection.name)_\($0)" }
    }

    static func definition(_ collection: CollectionSchema) -> [String] {
        let name = collection.name
        let changes = collection.fields.map { field in
            let (old, new) = ("OLD.\"\(field.name)\"", "NEW.\"\(field.name)\"")
            return "iif(\(old) IS \(new), x'', \(old))"
        }
        let whole = "kind, collection, record, \(columns(collection).joined(separator: ", "))"
        return [
            """
            CREATE TRIGGER "ting_\(name)_update" AFTER UPDATE ON "\(name)"
            WHEN NEW.id IS OLD.id BEGIN
              INSERT INTO ting_note (\(whole))
              VALUES ('n', '\(name)', NEW.id, \(changes.joined(separator: ", ")));
            END
            """,
            """
            CREATE TRIGGER "ting_\(name)_insert" AFTER INSERT ON "\(name)" BEGIN
              INSERT INTO ting_note (kind, collection, record) VALUES ('i', '\(name)', NEW.id);
            END
            """,
            """
            CREATE TRIGGER "ting_\(name)_delete" AFTER DELETE ON "\(name)" BEGIN
              INSERT INTO ting_note (\(whole))
              VALUES ('d', '\(name)', OLD.id, \(row("OLD", collection)));
            END
            """,
            """
            CREATE TRIGGER "ting_\(name)_replace" BEFORE INSERT ON "\(name)" BEGIN
              INSERT INTO ting_note (\(whole), time, draft)
              SELECT 'r', '\(name)', id, \(row("t", collection)), 0, x''
              FROM (SELECT * FROM "\(name)" WHERE id = NEW.id UNION ALL
              SELECT * FROM "\(name)" WHERE NEW._rowid_ <> -1 AND _rowid_ = NEW._rowid_) t;
            END
            """,
            """
            CREATE TRIGGER "ting_\(name)_rename" BEFORE UPDATE OF id, rowid, oid, _rowid_ ON "\(name)"
            WHEN NEW.id IS NOT OLD.id OR NEW._rowid_ <> OLD._rowid_ BEGIN
              INSERT INTO ting_note (\(whole))
              SELECT iif(id = OLD.id, 'x', 'r'), '\(name)', id, \(row("t", collection))
              FROM "\(name)" t WHERE id IN (OLD.id, NEW.id) OR _rowid_ = NEW._rowid_;
              INSERT INTO ting_note (kind, collection, record) VALUES ('i', '\(name)', NEW.id);
            END
            """,
        ]
    }

    /// Deletes rows, but for some, and notes it, as the triggers would; gives the ids that went.
    /// - Parameter gone: The note of the deletion that takes them along, or what follows it where that has no
    ///   time. They go when that did, and have no random bytes of their own: two copies of a file that seal
    ///   it note the same.
    static func delete(
        _ db: Database, _ collection: CollectionSchema, where column: String, is value: String,
        with gone: Int64, except stays: (Data) -> Bool
    ) throws -> [String] {
        let name = collection.name
        let (ids, kept) = try RecordTables.ids(
            db, of: collection, where: column, is: value, except: stays)
        guard !ids.isEmpty else { return [] }
        let condition = """
            FROM "\(name)" AS t
            WHERE "\(column)" = ? AND _rowid_ NOT IN (SELECT value FROM json_each(?))
            """
        let arguments: StatementArguments = [value, kept]
        try db.cachedStatement(
            sql: """
                INSERT INTO ting_note
                (kind, collection, record, time, draft, \(columns(collection).joined(separator: ", ")))
                SELECT 'd', '\(name)', id,
                coalesce((SELECT time FROM ting_note WHERE seq >= ? AND time > 0
                ORDER BY seq LIMIT 1), \(now)), x'',
                \(row("t", collection)) \(condition) ORDER BY id
                """
        ).execute(arguments: [gone] + arguments)
        try db.cachedStatement(sql: "DELETE \(condition)").execute(arguments: arguments)
        return ids
    }

    /// The last note of each record that put it where it is: under its parent, or into its table.
    static func placings(
        _ db: Database, _ collection: CollectionSchema, by parent: Field
    ) throws -> [Data: Int64] {
        guard let position = collection.position(of: parent.name) else { return [:] }
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT CAST(record AS BLOB), max(seq) FROM ting_note WHERE collection = ?
                AND (kind = 'i' OR kind = 'u' AND field = ?
                OR kind = 'n' AND before IS NULL AND was_\(position + 1) IS NOT x''
                OR kind = 'n' AND CASE WHEN json_valid(before)
                THEN json_type(before, '$.' || ?) IS NOT NULL END)
                GROUP BY record
                """, arguments: [collection.name, parent.name, parent.name])
        return try rows.reduce(into: [:]) { places, row in
            places[try row.stored(atIndex: 0)] = try row.stored(atIndex: 1)
        }
    }

    /// Puts what rows held under the names of their fields, as JSON in `before`: the order of fields is
    /// that of one schema.
    static func name(_ db: Database, by schema: Schema) throws {
        for collection in schema.collections {
            let pairs = zip(collection.fields, columns(collection)).map { "('\($0.name)', \($1))" }
            let none = columns(collection).map { "\($0) = NULL" }.joined(separator: ", ")
            // JSON holds no blob: beside what did not change, only a row that rotted does.
            try db.execute(
                sql: """
                    UPDATE ting_note SET before = (
                      WITH held (name, value) AS (VALUES \(pairs.joined(separator: ", ")))
                      SELECT json_group_object(name, value) FROM held
                      WHERE typeof(value) <> 'blob'
                    ), \(none)
                    WHERE kind IN ('n', 'd', 'r', 'x') AND before IS NULL AND collection = ?
                    """, arguments: [collection.name])
        }
    }

    private static func row(_ source: String, _ collection: CollectionSchema) -> String {
        collection.fields.map { "\(source).\"\($0.name)\"" }.joined(separator: ", ")
    }

    private static func columns(_ collection: CollectionSchema) -> [String] {
        columns(collection.fields.count)
    }
}
