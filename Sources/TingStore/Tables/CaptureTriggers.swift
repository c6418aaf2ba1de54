// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore

/// Plain triggers that note every edit, whatever tool makes it (promise 11).
///
/// A note holds the record, the field (empty for the whole row), the value before and the time:
/// - `u`: a field changed · `i`: a row came to be · `d`: a row was deleted
/// - `r`: a row that REPLACE may take away without a DELETE trigger · `x`: a row whose id changed
/// - `k`: a *keep*, an edit of a field or record to what it is; only the library writes it
///
/// No index is on the notes: it took a fifth of what an edit by another tool costs beyond itself. Whoever
/// needs those of several records goes through all of them once.
///
/// The first note's random bytes give the change set its id and its seed, so that two copies of a
/// file with one unsealed draft can't both pass for the original.
enum CaptureTriggers {
    static let noteTable = """
        CREATE TABLE ting_note (
          seq INTEGER PRIMARY KEY,
          kind TEXT NOT NULL,
          collection TEXT NOT NULL,
          record TEXT NOT NULL,
          field TEXT NOT NULL DEFAULT '',
          before ANY,
          time INTEGER NOT NULL
            DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)),
          draft BLOB NOT NULL DEFAULT (randomblob(32))
        ) STRICT
        """

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
            """
            SELECT 'u', '\(name)', NEW.id, '\(field.name)', OLD."\(field.name)"
            WHERE OLD."\(field.name)" IS NOT NEW."\(field.name)"
            """
        }
        let columns = "(kind, collection, record, field, before)"
        return [
            """
            CREATE TRIGGER "ting_\(name)_update" AFTER UPDATE ON "\(name)"
            WHEN NEW.id IS OLD.id BEGIN
              INSERT INTO ting_note \(columns)
              \(changes.joined(separator: "\n  UNION ALL "));
            END
            """,
            """
            CREATE TRIGGER "ting_\(name)_insert" AFTER INSERT ON "\(name)" BEGIN
              INSERT INTO ting_note \(columns) VALUES ('i', '\(name)', NEW.id, '', NULL);
            END
            """,
            """
            CREATE TRIGGER "ting_\(name)_delete" AFTER DELETE ON "\(name)" BEGIN
              INSERT INTO ting_note \(columns)
              VALUES ('d', '\(name)', OLD.id, '', \(row("OLD", collection)));
            END
            """,
            """
            CREATE TRIGGER "ting_\(name)_replace" BEFORE INSERT ON "\(name)" BEGIN
              INSERT INTO ting_note \(columns)
              SELECT 'r', '\(name)', id, '', \(row("t", collection))
              FROM "\(name)" t WHERE id = NEW.id;
            END
            """,
            """
            CREATE TRIGGER "ting_\(name)_rename" BEFORE UPDATE OF id ON "\(name)"
            WHEN NEW.id IS NOT OLD.id BEGIN
              INSERT INTO ting_note \(columns)
              SELECT iif(id = OLD.id, 'x', 'r'), '\(name)', id, '', \(row("t", collection))
              FROM "\(name)" t WHERE id IN (OLD.id, NEW.id);
              INSERT INTO ting_note \(columns) VALUES ('i', '\(name)', NEW.id, '', NULL);
            END
            """,
        ]
    }

    /// Deletes rows and notes it, as the triggers would; gives the ids that went.
    static func delete(
        _ db: Database, _ collection: CollectionSchema, where column: String, is value: String
    ) throws -> [String] {
        let name = collection.name
        let condition = "FROM \"\(name)\" AS t WHERE \"\(column)\" = ?"
        let ids = try String.storedAll(
            db.cachedStatement(sql: "SELECT id \(condition) ORDER BY id"), arguments: [value])
        guard !ids.isEmpty else { return [] }
        try db.cachedStatement(
            sql: """
                INSERT INTO ting_note (kind, collection, record, field, before)
                SELECT 'd', '\(name)', id, '', \(row("t", collection)) \(condition) ORDER BY id
                """
        ).execute(arguments: [value])
        try db.cachedStatement(sql: "DELETE \(condition)").execute(arguments: [value])
        return ids
    }

    private static func row(_ source: String, _ collection: CollectionSchema) -> String {
        let pairs = collection.fields.map { "'\($0.name)', \(source).\"\($0.name)\"" }
        return "json_object(\(pairs.joined(separator: ", ")))"
    }
}
