// SPDX-License-Identifier: Apache-2.0

import Foundation
public import GRDB
public import TingCore

/// Ids by their endings, as short ids are. No index is by endings.
extension Replica {
    /// Places in the tables of all collections: at least as many as there are records, without a look
    /// at each.
    package func places(_ db: Database) throws -> Int64 {
        // One by one: a statement of them all takes twice as long to prepare.
        try schema.collections.reduce(into: 0) { sum, collection in
            let statement = try HotStatement(db, "SELECT max(rowid) FROM \"\(collection.name)\"")
            defer { statement.reset() }
            guard try statement.step() else { return }
            // Another tool may have put a row at the last place that there is.
            let (places, isTooMany) = sum.addingReportingOverflow(statement.integer(0))
            sum = isTooMany ? .max : places
        }
    }

    /// Ids, of any collection, whose last characters are those of one of these: as many as every short
    /// id has. It looks at every record.
    package func ids(_ db: Database, endingLike shown: [String]) throws -> [String] {
        let endings = shown.map { text in
            var text = text
            return text.withUTF8 { Self.ending($0) }
        }.sorted()
        let each = schema.collections.map { "SELECT id FROM \"\($0.name)\"" }
        let statement = try HotStatement(db, each.joined(separator: " UNION ALL "))
        defer { statement.reset() }
        var found: [String] = []
        while try statement.step() {
            let isAlike = statement.withText(0) { Self.contains(endings, Self.ending($0)) }
            if isAlike { found.append(statement.text(0)) }
        }
        return found
    }

    /// The last bytes as a number: what compares quickest.
    private static func ending(_ text: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var number: UInt64 = 0
        for at in max(0, text.count - Limits.shortIDLength)..<text.count {
            number = number << 8 | UInt64(text[at])
        }
        return number
    }

    private static func contains(_ ascending: [UInt64], _ wanted: UInt64) -> Bool {
        var (low, high) = (0, ascending.count)
        while low < high {
            let middle = (low + high) / 2
            if ascending[middle] == wanted { return true }
            if ascending[middle] < wanted { low = middle + 1 } else { high = middle }
        }
        return false
    }

    /// Records, deleted ones too (also those that were never sent), whose id ends as given.
    public func locate(_ db: Database, ending: String) throws
        -> [(collection: String, id: RecordID)]
    {
        guard !ending.isEmpty, ending.utf8.allSatisfy({ $0 == 0x2d || isalnum(Int32($0)) != 0 })
        else { return [] }
        var found: [(collection: String, id: RecordID)] = []
        for collection in schema.collections {
            let sql =
                ending.utf8.count == 36
                ? "SELECT id FROM \"\(collection.name)\" WHERE id = ?"
                : "SELECT id FROM \"\(collection.name)\" WHERE id LIKE '%' || ? LIMIT 3"
            for text in try String.storedAll(db, sql: sql, arguments: [ending]) {
                if let id = RecordID(text) { found.append((collection.name, id)) }
            }
        }
        let gone = try Row.fetchAll(
            db,
            sql: """
                SELECT collection, record FROM ting_shared
                WHERE \(ending.utf8.count == 36 ? "record = ?" : "record LIKE '%' || ?")
                """, arguments: [ending])
        for row in gone {
            guard let id = try RecordID(row.decode(String.self, atIndex: 1)),
                !found.contains(where: { $0.id == id })
            else { continue }
            found.append((try row.decode(atIndex: 0), id))
        }
        return found
    }
}
