// SPDX-License-Identifier: Apache-2.0

import GRDB
import Synchronization
public import TingCore

/// The schema of a replica's file: its program's, or a newer one that another program or a server
/// brought (`Protocol/spec/model.md#growing`).
///
/// Another process may give the file a newer one at any time. Every transaction that writes records
/// asks first who the replica is, and notices then.
extension Replica {
    static let table = "ting_replica"

    public var schema: Schema { known.withLock { $0.schema } }
    package var tables: RecordTables { known.withLock { $0 } }

    private func note(_ schema: Schema) {
        known.withLock { $0 = RecordTables(schema: schema) }
        watch.know(schema)
    }

    /// Fits an older or newer file and this program to one another, in one transaction: who is killed
    /// in it finds the file as it was.
    func fit(to program: Schema) throws {
        note(
            try quietly { db in
                try nameNotedRows(db)
                return try SchemaTable.fit(db, Self.table, to: program, Self.definition)
            })
    }

    /// Has noted rows say which field each value is of, before the schema changes.
    private func nameNotedRows(_ db: Database) throws {
        guard let layout = try SchemaTable.stamp(db, in: Self.table)?.layout, layout > 3,
            let held = try SchemaTable.read(db)
        else { return }
        try CaptureTriggers.name(db, by: held)
    }

    /// Reads the schema anew where another process changed it.
    func catchUp(_ db: Database, with version: Int) throws {
        guard version != schema.version else { return }
        guard let held = try SchemaTable.read(db) else {
            throw SchemaError.unreadable(version: version, known: schema.version)
        }
        note(held)
    }

    /// Takes the server's schema, if it is newer: the tables get what they lack.
    /// - Throws: `SchemaError`; the file stays as it is then.
    func take(schema text: String) throws {
        try sealed { db in
            guard let newer = Schema(json: text) else {
                throw SchemaError.unreadable(version: nil, known: schema.version)
            }
            try take(db, newer)
        }
    }

    func take(_ db: Database, _ newer: Schema) throws {
        guard newer.isNewer(than: schema) else { return }
        if let problem = newer.problems(following: schema).first {
            throw SchemaError.differs(problem)
        }
        try nameNotedRows(db)
        try SchemaTable.grow(db, Self.table, to: newer, Self.definition)
        note(newer)
    }
}
