// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingCore
import TingStore

/// G3: a schema migration costs at most twice a raw copy of the table that grows.
///
/// The next schema has one collection and one field more, as releases follow one another.
struct Migration {
    private static let grown = "task"

    func run(_ bench: Bench, countsOnly: Bool) throws -> Result {
        let path = try bench.local().replicaFile()
        defer { Scratch.remove(path) }
        let raw = try RawDatabase(Scratch.copy(path))
        let before = PageCount.of(raw.handle)
        let copying = try processorSecondsOf {
            try raw.execute("CREATE TABLE copied AS SELECT * FROM \(Self.grown)")
        }
        let copied = PageCount.of(raw.handle) - before
        var migrated = 0
        let migrating = try processorSecondsOf {
            let replica = try Replica(path: path, schema: Self.next, clock: wallClock)
            migrated = try replica.pageCount()
            try replica.close()
        }
        let name = "opening with a grown schema, to a copy of \(Self.grown)"
        let pages = Guards.part(name, migrated, copied, "pages")
        let time = Pairs.part(
            "the same, processor time", .cost(unit: "ms"), [(migrating * 1_000, copying * 1_000)])
        return try Result("G3", countsOnly ? [pages] : [pages, time], moreIsBetter: false)
    }

    private static let next = Schema(
        name: PlanningRecords.schema.name, version: PlanningRecords.schema.version + 1,
        collections: PlanningRecords.schema.written.map { collection in
            guard collection.name == grown else { return collection }
            return CollectionSchema(
                grown, label: collection.label,
                fields: collection.fields + [Field("weight", .integer, .latest)])
        } + [CollectionSchema("delegation", fields: [Field("title", .text, .latest)])])
}

/// Seconds of a core that something took.
func processorSecondsOf(_ body: () throws -> Void) rethrows -> Double {
    let start = processorSeconds()
    try body()
    return max(processorSeconds() - start, 1e-6)
}
