// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore

/// Whose parent is deleted goes with it.
extension Sealer {
    /// Deleting a record deletes its children, and theirs: each gets a note of its own.
    func cascade() throws {
        var waiting = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT DISTINCT collection, record FROM ting_note
                    WHERE seq > ? AND kind IN ('d', 'x', 'r', 'i') AND \(CaptureTriggers.namesWhole)
                    """), arguments: [after]
        ).map {
            try (
                collection: $0.decode(String.self, atIndex: 0),
                record: $0.decode(String.self, atIndex: 1)
            )
        }
        var renamed = waiting.isEmpty ? [] : try renamed()
        while let (name, record) = waiting.popLast() {
            guard let collection = replica.schema.collection(name), !renamed.contains(record),
                try !tables.contains(db, collection, record)
            else { continue }
            for child in replica.schema.collections {
                guard let parent = child.parent, parent.mayName(name) else { continue }
                let ids = try CaptureTriggers.delete(db, child, where: parent.name, is: record)
                renamed.subtract(ids)
                waiting += ids.map { (child.name, $0) }
            }
        }
    }

    /// The same for what was written here. The children's going is noted as it happens.
    func cascadeOwn() throws {
        var waiting = (own?.rows ?? []).filter { $0.removal == .deleted }.map {
            ($0.collection, $0.record)
        }
        guard !waiting.isEmpty else { return }
        own?.watch.resume()
        defer { own?.watch.end(db) }
        while let (collection, record) = waiting.popLast() {
            guard try !tables.contains(db, collection, record) else { continue }
            for child in replica.schema.collections {
                guard let parent = child.parent, parent.mayName(collection.name) else {
                    continue
                }
                let ids = try tables.removeAll(db, child, where: parent.name, is: record)
                waiting += ids.map { (child, $0) }
            }
        }
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
