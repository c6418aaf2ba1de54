// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// Rows with what is held back, as they stand: they outlive a start-over and a logout.
extension Replica {
    /// A row with columns that hold what may not be sealed.
    struct HeldRow {
        var collection: CollectionSchema
        var record: String
        /// The row as it stands: `StoredRow.byField`.
        var row: [String: DatabaseValue]
        var fields: Set<String>
        /// The values that the others had last.
        var last: [String: Value]
        /// Whether the others don't have the record, or have another's under its id.
        var isWhole: Bool
        /// Whether it was made here and never sealed.
        var isNew: Bool

        var held: [String: DatabaseValue] { row.filter { fields.contains($0.key) } }
        var columns: [String: DatabaseValue] { isWhole ? row : held }

        // As bytes: GRDB ends a text at its first NUL.

        static func insert(_ db: Database, _ collection: CollectionSchema, _ id: String) throws {
            try db.execute(
                sql: "INSERT INTO \"\(collection.name)\" (id) VALUES (CAST(? AS TEXT))",
                arguments: [Data(id.utf8)])
        }

        static func set(
            _ db: Database, _ collection: CollectionSchema, _ id: String, _ field: String,
            to value: DatabaseValue?
        ) throws {
            try db.execute(
                sql: """
                    UPDATE "\(collection.name)" SET "\(field)" =
                    CASE typeof(?1) WHEN 'blob' THEN CAST(?1 AS TEXT) ELSE ?1 END
                    WHERE id = CAST(?2 AS TEXT)
                    """, arguments: [value, Data(id.utf8)])
        }
    }

    func heldRows(_ db: Database) throws -> [HeldRow] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT collection, CAST(record AS BLOB), group_concat(field, '/') FROM ting_invalid
                GROUP BY collection, record ORDER BY record
                """)
        let made = try Set(
            Data.storedAll(
                db,
                sql: """
                    SELECT CAST(collection || '/' || record AS BLOB) FROM ting_note
                    WHERE kind = 'i'
                    """))
        return try rows.compactMap { row in
            guard let collection = try schema.collection(row.stored(atIndex: 0)) else {
                throw StoredFormError.malformed("what is held back")
            }
            let id: Data = try row.stored(atIndex: 1)
            let record = String(decoding: id, as: UTF8.self)
            guard let raw = try tables.raw(db, collection, record) else { return nil }
            let shared = try RecordID(record).flatMap { try SharedRecords.read(db, $0) }
            let isNew = made.contains(Data("\(collection.name)/".utf8) + id)
            let isWhole =
                try isNew
                || shared?.state != .live
                    && RecordID(record).map { try !isPending(db, $0) } ?? true
            let held = try row.decode(String?.self, atIndex: 2) ?? ""
            let fields = Set(held.split(separator: "/").map(String.init))
            for field in fields { try collection.mustName(field) }
            return HeldRow(
                collection: collection, record: record,
                row: raw.byField, fields: fields, last: shared?.values ?? [:], isWhole: isWhole,
                isNew: isNew)
        }
    }

    /// What the snapshot doesn't have comes back whole, as where a deletion comes in beneath it.
    func putBack(_ db: Database, _ held: [HeldRow]) throws {
        for row in held {
            let exists = try tables.contains(db, row.collection, row.record)
            if !exists {
                try HeldRow.insert(db, row.collection, row.record)
            }
            let columns = exists && !row.isNew ? row.held : row.row
            for (name, value) in columns.sorted(by: { $0.key < $1.key }) {
                try HeldRow.set(db, row.collection, row.record, name, to: value)
            }
        }
    }
}
