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
    /// Fields unlike their default; of a deleted record the last ones.
    package var values: [String: Value]
    /// The version that deleted it.
    package var deleted: Version?
}

package enum SharedRecords {
    package static let definition = """
        CREATE TABLE ting_shared (
          record TEXT PRIMARY KEY NOT NULL,
          collection TEXT NOT NULL,
          state TEXT NOT NULL CHECK (state IN ('absent', 'live', 'deleted')),
          body BLOB NOT NULL,
          deleted INTEGER
        ) STRICT
        """

    package static func read(_ db: Database, _ record: RecordID) throws -> SharedRecord? {
        let statement = try db.cachedStatement(
            sql: "SELECT collection, state, body, deleted FROM ting_shared WHERE record = ?")
        guard let row = try Row.fetchOne(statement, arguments: [record.description]) else {
            return nil
        }
        let body: [UInt8] = Array(row[2] as Data)
        guard let state = SharedRecord.State(rawValue: row[1]) else {
            throw StoredFormError.malformed("shared record")
        }
        return SharedRecord(
            collection: row[0], state: state, values: try values(body), deleted: row[3])
    }

    package static func write(_ db: Database, _ record: RecordID, _ shared: SharedRecord) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO ting_shared (record, collection, state, body, deleted)
                VALUES (?, ?, ?, ?, ?) ON CONFLICT (record) DO UPDATE SET
                collection = excluded.collection, state = excluded.state, body = excluded.body,
                deleted = excluded.deleted
                """)
        try statement.execute(arguments: [
            record.description, shared.collection, shared.state.rawValue,
            Data(bytes(shared.values)), shared.deleted,
        ])
    }

    package static func remove(_ db: Database, _ record: RecordID) throws {
        let statement = try db.cachedStatement(sql: "DELETE FROM ting_shared WHERE record = ?")
        try statement.execute(arguments: [record.description])
    }

    private static func bytes(_ values: [String: Value]) -> [UInt8] {
        var encoder = CBOREncoder()
        encoder.encodeMap(values.map { pair in (pair.key, { $0.encode(pair.value) }) })
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
