// SPDX-License-Identifier: Apache-2.0

import Foundation
package import GRDB
package import TingCore

/// The shared state of records that their tables don't show: deleted ones, and on a replica those
/// with pending edits on top.
package struct SharedRecord: Equatable, Sendable {
    package enum State: String { case absent, live, deleted }

    package var collection: String
    package var state: State
    /// Fields unlike their default; of a deleted record the last ones, and of one that the history
    /// no longer has, as long as something is held back in it.
    package var values: [String: Value]
    /// The version that deleted it.
    package var deleted: Version?
}

package enum SharedRecords {
    /// For a list of three SQLite makes a table in memory each time that it checks one.
    package static let definition = """
        CREATE TABLE ting_shared (
          record TEXT PRIMARY KEY NOT NULL,
          collection TEXT NOT NULL,
          state TEXT NOT NULL CHECK (state = 'absent' OR state = 'live' OR state = 'deleted'),
          body BLOB NOT NULL,
          deleted INTEGER
        ) STRICT
        """

    package static func read(_ db: Database, _ record: RecordID) throws -> SharedRecord? {
        let statement = try HotStatement(
            db, "SELECT collection, state, body, deleted, record FROM ting_shared WHERE record = ?")
        statement.bind(record, at: 1)
        guard try statement.step() else { return nil }
        defer { statement.reset() }
        guard statement.id(4) == record else { throw ReplicaError.rottenIndex }
        guard let state = SharedRecord.State(rawValue: try statement.strictText(1)) else {
            throw StoredFormError.malformed("shared record")
        }
        return SharedRecord(
            collection: try statement.strictText(0), state: state,
            values: try values(statement.blob(2)),
            deleted: statement.isNull(3) ? nil : try statement.strictInteger(3))
    }

    package static func write(_ db: Database, _ record: RecordID, _ shared: SharedRecord) throws {
        let statement = try HotStatement(
            db,
            """
            INSERT INTO ting_shared (record, collection, state, body, deleted)
            VALUES (?, ?, ?, ?, ?) ON CONFLICT (record) DO UPDATE SET
            collection = excluded.collection, state = excluded.state, body = excluded.body,
            deleted = excluded.deleted
            """)
        statement.bind(record, at: 1)
        statement.bind(shared.collection, at: 2)
        statement.bind(shared.state.rawValue, at: 3)
        statement.bind(bytes(shared.values), at: 4)
        statement.bind(shared.deleted, at: 5)
        try statement.run()
    }

    /// Keeps what is shared of records of which nothing is kept yet. Lives no longer than one
    /// transaction.
    struct Adding {
        private let statement: HotStatement

        init(_ db: Database) throws {
            statement = try HotStatement(
                db,
                """
                INSERT INTO ting_shared (record, collection, state, body, deleted)
                VALUES (?, ?, ?, ?, NULL) ON CONFLICT DO NOTHING
                """)
        }

        /// `false`, and nothing done, if something is kept of the record.
        /// - Parameter body: The values, as `write` encodes them.
        func add(
            _ record: RecordID, _ collection: String, _ state: SharedRecord.State, body: [UInt8]
        ) throws -> Bool {
            statement.bind(record, at: 1)
            statement.bind(collection, at: 2)
            statement.bind(state.rawValue, at: 3)
            statement.bind(body, at: 4)
            try statement.run()
            return statement.changes == 1
        }
    }

    package static func remove(_ db: Database, _ record: RecordID) throws {
        let statement = try db.cachedStatement(sql: "DELETE FROM ting_shared WHERE record = ?")
        try statement.execute(arguments: [record.description])
    }

    private static func bytes(_ values: [String: Value]) -> [UInt8] {
        var encoder = CBOREncoder()
        encoder.encode(map: values)
        return encoder.bytes
    }

    private static func values(_ bytes: [UInt8]) throws -> [String: Value] {
        guard let map = try CBORDecoder.decode(bytes).map else {
            throw StoredFormError.malformed("shared record")
        }
        return Dictionary(
            try map.map { ($0.key, try Value($0.value)) }, uniquingKeysWith: { a, _ in a })
    }
}
