// SPDX-License-Identifier: Apache-2.0

package import GRDB
package import TingCore

/// The schema that a file's tables have, kept in the file: an older program goes by it.
package enum SchemaTable {
    static let definition = """
        CREATE TABLE ting_schema (
          id INTEGER PRIMARY KEY CHECK (id = 1),
          layout INTEGER NOT NULL,
          fields INTEGER NOT NULL,
          json TEXT NOT NULL
        ) STRICT
        """

    /// The form of both files: a program refuses any other.
    static let format = 1

    /// Which of Ting's own tables and columns a file has: grows with every one that is added, so that
    /// files of an older program get it when they are opened. A test keeps the two in step.
    package static let layout = 4

    /// What a file says of itself, read in one look.
    package struct Stamp: Equatable, Sendable {
        /// The form of the file: a program refuses one that it doesn't know.
        package var format: Int
        /// The schema's version.
        package var version: Int
        /// 0 for files from before `ting_schema`.
        package var layout: Int
        package var fields: Int

        /// Whether a program of this schema finds everything as it would make it.
        package func fits(_ schema: Schema) -> Bool {
            format == SchemaTable.format && version == schema.version
                && layout >= SchemaTable.layout && fields == schema.size
        }
    }

    /// - Parameter table: `ting_replica` or `ting_workspace`.
    /// - Returns: `nil` for a file without that table.
    package static func stamp(_ db: Database, in table: String) throws -> Stamp? {
        // Asked in SQL: `tableExists` reads the whole schema into memory first.
        let tables = try Int.storedOne(
            db,
            sql: """
                SELECT sum(1 + (name = 'ting_schema')) FROM sqlite_schema
                WHERE name IN (?, 'ting_schema')
                """, arguments: [table])
        switch tables ?? 0 {
        case 1:
            return try Row.fetchOne(db, sql: "SELECT format, schema FROM \(table)").map {
                try Stamp(
                    format: $0.decode(atIndex: 0), version: $0.decode(atIndex: 1), layout: 0,
                    fields: 0)
            }
        case 3:
            return try Row.fetchOne(
                db, sql: "SELECT format, schema, layout, fields FROM \(table), ting_schema"
            ).map {
                try Stamp(
                    format: $0.decode(atIndex: 0), version: $0.decode(atIndex: 1),
                    layout: $0.decode(atIndex: 2), fields: $0.decode(atIndex: 3))
            }
        default: return nil
        }
    }

    /// The schema that the file holds; `nil` if it holds none, or one that this program can't read.
    package static func read(_ db: Database, from file: String = "main") throws -> Schema? {
        let exists =
            "SELECT EXISTS (SELECT 1 FROM \(file).sqlite_schema WHERE name = 'ting_schema')"
        guard try Bool.storedOne(db, sql: exists) == true else { return nil }
        return try String.storedOne(db, sql: "SELECT json FROM \(file).ting_schema")
            .flatMap { Schema(json: $0) }
    }

    // MARK: Fitting

    /// Fits a file and a program of different versions to one another, in the caller's transaction.
    ///
    /// Of an older file it makes one of the program's schema, of a newer one it takes that.
    /// - Parameter definition: The statements that make a new file of a schema.
    /// - Returns: The schema that the file has now.
    static func fit(
        _ db: Database, _ table: String, to program: Schema, _ definition: (Schema) -> [String]
    ) throws -> Schema {
        guard let stamp = try stamp(db, in: table) else { throw StoredFormError.malformed(table) }
        guard stamp.format == format else { throw SchemaError.format(stamp.format) }
        let held = try read(db)
        let isBehind =
            stamp.version > program.version
            || stamp.version == program.version && stamp.fields > program.size
        guard isBehind else {
            if let problem = held.flatMap({ program.problems(following: $0).first }) {
                throw SchemaError.differs(problem)
            }
            try grow(db, table, to: program, definition)
            return program
        }
        guard let held else {
            throw SchemaError.unreadable(version: stamp.version, known: program.version)
        }
        if let problem = held.problems(following: program).first {
            throw SchemaError.differs(problem)
        }
        if stamp.layout < layout { try grow(db, table, to: held, definition) }
        return held
    }

    /// Gives the file what it lacks of a schema.
    static func grow(
        _ db: Database, _ table: String, to schema: Schema, _ definition: (Schema) -> [String]
    ) throws {
        let growth = try TableGrowth.to(definition(schema))
        if let held = try read(db) { try growth.mustHaveRoom(db, for: schema, after: held) }
        try growth.apply(db)
        try write(db, schema)
        try db.execute(sql: "UPDATE \(table) SET schema = ?", arguments: [schema.version])
    }

    package static func write(_ db: Database, _ schema: Schema) throws {
        try db.execute(
            sql: """
                INSERT INTO ting_schema (id, layout, fields, json) VALUES (1, ?1, ?2, ?3)
                ON CONFLICT (id) DO UPDATE SET layout = max(layout, ?1), fields = ?2, json = ?3
                """, arguments: [layout, schema.size, try schema.json])
    }
}
