// SPDX-License-Identifier: Apache-2.0

package import GRDB
import TingCore

/// Ids that a short id might be confused with. No index is by endings.
extension Replica {
    /// Places in the tables of all collections: at least as many as there are records, without a look
    /// at each.
    package func places(_ db: Database) throws -> Int64 {
        // One by one: a statement of them all takes twice as long to prepare.
        try schema.collections.reduce(into: 0) { sum, collection in
            let statement = try HotStatement(db, "SELECT max(rowid) FROM \"\(collection.name)\"")
            defer { statement.reset() }
            if try statement.step() { sum += statement.integer(0) }
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
}
