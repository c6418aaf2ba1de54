// SPDX-License-Identifier: Apache-2.0

import TingCore

/// Prepared upserts of whole rows, ready before the clock starts: the limit of P1, P2 and P6.
struct RawUpserts {
    private let rows: [(collection: String, row: RawRow)]

    init(_ records: [PlanningRecord]) throws {
        rows = try records.map { record in
            let schema = try PlanningRecords.collection(record.collection)
            return (record.collection, RawRow(record.columns(of: schema)))
        }
    }

    /// Seconds to upsert all rows, so many to a transaction.
    func run(on database: RawDatabase, batch: Int) throws -> Double {
        var statements: [String: RawStatement] = [:]
        for name in Set(rows.map(\.collection)) {
            statements[name] = try database.prepare(Self.sql(PlanningRecords.collection(name)))
        }
        return try seconds {
            for start in stride(from: 0, to: rows.count, by: batch) {
                try database.execute("BEGIN IMMEDIATE")
                for (collection, row) in rows[start..<min(start + batch, rows.count)] {
                    try statements[collection]?.run(row)
                }
                try database.execute("COMMIT")
            }
        }
    }

    private static func sql(_ collection: CollectionSchema) -> String {
        let fields = collection.fields.map { "\"\($0.name)\"" }
        let marks = Array(repeating: "?", count: fields.count + 1).joined(separator: ", ")
        let sets = fields.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        return """
            INSERT INTO "\(collection.name)" (id, \(fields.joined(separator: ", ")))
            VALUES (\(marks)) ON CONFLICT (id) DO UPDATE SET \(sets)
            """
    }
}
