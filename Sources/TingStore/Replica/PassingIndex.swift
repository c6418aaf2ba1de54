// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore

/// Searching a replica that can't be written: a read-only disk, file or folder, or a full disk.
extension Replica {
    /// Searches the index that is there where nothing changed since; else one in memory, of every record
    /// as it is shown now. So nothing that is found is out of date; it takes as long as a first search.
    func passingSearch(
        _ query: String, _ limit: Int, _ progress: (_ done: Int, _ of: Int) -> Void
    ) throws -> [(collection: String, id: RecordID)] {
        try read { db in
            if try isIndexed(db) { return try hits(db, query, limit) }
            let memory = try DatabaseQueue()
            return try memory.write { index in
                try index.execute(sql: SearchText.definition)
                let insertion = try index.makeStatement(sql: SearchText.insertion)
                try eachRecord(db, progress) { record, collection in
                    guard let text = try searchText(db, record, of: collection) else { return }
                    try insertion.execute(arguments: [text, record, collection.name])
                }
                return try hits(index, query, limit)
            }
        }
    }

    /// Whether the index in the file has every record as it is shown now.
    private func isIndexed(_ db: Database) throws -> Bool {
        guard
            let indexed = try Int64.storedOne(db, sql: "SELECT indexed_version FROM ting_replica"),
            indexed >= 0,
            try Int.storedOne(db, sql: "SELECT EXISTS (SELECT 1 FROM ting_note)") == 0
        else { return false }
        return try changed(db, since: indexed).isEmpty
    }
}
