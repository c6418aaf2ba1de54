// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// Whose parent is deleted goes with it.
///
/// What was put below the parent after it was deleted stays: nobody deleted that. It is held back, or
/// brings the parent back if all have it already.
extension Sealer {
    /// Deleting a record deletes its children, and theirs: each gets a note of its own.
    func cascade() throws {
        var waiting = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT collection, record, max(iif(kind = 'i', 0, seq)) FROM ting_note
                    WHERE seq > ? AND kind IN ('d', 'x', 'r', 'i') AND \(CaptureTriggers.namesWhole)
                    GROUP BY collection, record
                    """), arguments: [after]
        ).map {
            try (
                collection: $0.decode(String.self, atIndex: 0),
                record: $0.decode(String.self, atIndex: 1), gone: $0.decode(Int64.self, atIndex: 2)
            )
        }
        guard !waiting.isEmpty else { return }
        var renamed = try renamed()
        var placings: [String: [Data: Int64]] = [:]
        while let (name, record, gone) = waiting.popLast() {
            // What is said of a conflict stays with it: deleting its row settles it.
            guard name != CollectionSchema.conflict.name,
                let collection = replica.schema.collection(name), !renamed.contains(record),
                try !tables.contains(db, collection, record)
            else { continue }
            for child in replica.schema.collections {
                guard let parent = child.parent, parent.mayName(name) else { continue }
                let placed =
                    try placings[child.name] ?? CaptureTriggers.placings(db, child, by: parent)
                placings[child.name] = placed
                let ids = try CaptureTriggers.delete(
                    db, child, where: parent.name, is: record, with: gone,
                    except: { gone > 0 && placed[$0, default: 0] > gone })
                renamed.subtract(ids)
                // Who goes along goes when the first did.
                waiting += ids.map { (child.name, $0, gone) }
            }
        }
    }

    /// The same for what was written here. The children's going is noted as it happens.
    func cascadeOwn() throws {
        let rows = own?.rows ?? []
        var waiting = rows.filter { $0.removal == .deleted }.map {
            ($0.collection, $0.record, $0.gone)
        }
        guard !waiting.isEmpty else { return }
        let placed = try placings(of: rows)
        own?.watch.resume()
        defer { own?.watch.end(db) }
        while let (collection, record, gone) = waiting.popLast() {
            guard collection.name != CollectionSchema.conflict.name,
                try !tables.contains(db, collection, record)
            else { continue }
            for child in replica.schema.collections {
                guard let parent = child.parent, parent.mayName(collection.name) else {
                    continue
                }
                let places = placed[child.name] ?? [:]
                let ids = try tables.removeAll(
                    db, child, where: parent.name, is: record,
                    except: { places[$0, default: 0] >= gone })
                waiting += ids.map { (child, $0, gone) }
            }
        }
    }

    /// How many rows had gone when a record was put below its parent, by collection and id, where any had.
    private func placings(of rows: [NotedRow]) throws -> [String: [Data: Int]] {
        var placed: [String: [Data: Int]] = [:]
        for row in rows {
            guard let parent = row.collection.parent,
                let position = row.collection.position(of: parent.name)
            else { continue }
            let column = try tables.columns(db, row.collection)[position]
            let removals = row.removals(before: column)
            if removals > 0 {
                placed[row.collection.name, default: [:]][Data(row.record.utf8)] = removals
            }
        }
        return placed
    }

    /// Ids that no row has since it was given another: the last that is noted of their going.
    private func renamed() throws -> Set<String> {
        try Set(
            String.storedAll(
                db.cachedStatement(
                    sql: """
                        SELECT record FROM (
                          SELECT record, kind, max(seq) FROM ting_note
                          WHERE kind IN ('d', 'x', 'r') AND \(CaptureTriggers.namesWhole)
                          GROUP BY record
                        ) WHERE kind = 'x'
                        """)))
    }
}

extension Field {
    fileprivate func mayName(_ collection: String) -> Bool { to.isEmpty || to.contains(collection) }
}
