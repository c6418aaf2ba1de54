// SPDX-License-Identifier: Apache-2.0

import TingCore

/// The tables of a replica's file.
extension Replica {
    /// The statements that make an empty replica, triggers included.
    static func definition(_ schema: Schema) -> [String] {
        RecordTables(schema: schema).definition() + HistoryTables.definition + [
            SharedRecords.definition, HistoryFloor.definition, SchemaTable.definition,
            """
            CREATE TABLE ting_replica (
              id INTEGER PRIMARY KEY CHECK (id = 1),
              format INTEGER NOT NULL,
              workspace TEXT NOT NULL,
              server TEXT NOT NULL DEFAULT '',
              replica TEXT NOT NULL DEFAULT '',
              member TEXT,
              role TEXT,
              schema INTEGER NOT NULL,
              epoch TEXT NOT NULL,
              version INTEGER NOT NULL,
              head INTEGER NOT NULL,
              next_number INTEGER NOT NULL DEFAULT 1,
              members_version INTEGER NOT NULL DEFAULT 0,
              indexed_version INTEGER NOT NULL DEFAULT -1,
              sealed_note INTEGER NOT NULL DEFAULT 0,
              sealed_version INTEGER NOT NULL DEFAULT -1,
              suspect INTEGER NOT NULL DEFAULT 0,
              last_sync INTEGER,
              next_retry INTEGER,
              last_error TEXT
            ) STRICT
            """,
            """
            CREATE TABLE ting_outbox (
              seq INTEGER PRIMARY KEY,
              number INTEGER NOT NULL UNIQUE,
              change_set TEXT NOT NULL UNIQUE,
              hash BLOB NOT NULL,
              operations INTEGER NOT NULL,
              time INTEGER NOT NULL,
              deferred TEXT,
              listed INTEGER NOT NULL DEFAULT 0,
              seen BLOB NOT NULL,
              body BLOB NOT NULL
            ) STRICT
            """,
            "CREATE INDEX ting_outbox_hash ON ting_outbox(hash)",
            "CREATE INDEX ting_outbox_head ON ting_outbox(seq) WHERE listed = 0",
            """
            CREATE TABLE ting_link (
              hash BLOB PRIMARY KEY NOT NULL,
              seen BLOB NOT NULL,
              carried INTEGER NOT NULL DEFAULT 0
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE TABLE ting_pending (
              record TEXT NOT NULL,
              field TEXT NOT NULL,
              seq INTEGER NOT NULL,
              epoch TEXT NOT NULL,
              version INTEGER NOT NULL,
              PRIMARY KEY (record, field, seq)
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE TABLE ting_quarantine (
              change_set TEXT PRIMARY KEY NOT NULL,
              code TEXT NOT NULL,
              detail TEXT NOT NULL,
              body BLOB NOT NULL,
              time INTEGER NOT NULL
            ) STRICT
            """,
            """
            CREATE TABLE ting_invalid (
              collection TEXT NOT NULL,
              record TEXT NOT NULL,
              field TEXT NOT NULL,
              problem TEXT NOT NULL,
              remedy TEXT NOT NULL,
              epoch TEXT NOT NULL,
              version INTEGER NOT NULL,
              seen BLOB,
              PRIMARY KEY (collection, record, field)
            ) STRICT, WITHOUT ROWID
            """,
            """
            CREATE TABLE member (
              id TEXT PRIMARY KEY NOT NULL,
              name TEXT NOT NULL,
              email TEXT NOT NULL,
              role TEXT
            ) STRICT
            """,
            "CREATE TABLE ting_unindexed (record TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID",
            "CREATE TABLE ting_indexed (record TEXT PRIMARY KEY NOT NULL, place INTEGER) STRICT",
            SearchText.definition, Self.mendedTable, Self.restartTable,
            CaptureTriggers.noteTable(schema),
        ] + schema.collections.flatMap(CaptureTriggers.definition)
    }
}
