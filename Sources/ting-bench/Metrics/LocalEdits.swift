// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingClient
import TingCore
import TingStore

/// P1: local edits through the library, capture and sealing included, to raw upserts of the rows.
struct LocalEdits: Metric {
    static let name = "P1"
    static let about = "local edits through the library"

    func run(_ bench: Bench) async throws -> Result {
        let local = try bench.local()
        let replica = try local.replicaFile()
        let raw = try local.rawFile()
        defer { [replica, raw].forEach(Scratch.remove) }
        // Each part goes on from the same file, so from the same place in the records.
        var (many, few) = (local.records, local.records)
        let added = many.next(bench.options.rows)
        let changed = try changes(local, bench.options.rows)
        let single = few.next(min(200, bench.options.rows))
        let parts = [
            try await part("inserts, 1,000 to a batch", added, 1_000, bench, replica, raw) {
                try $0.fill(added)
            },
            try await part(
                "updates of 3 fields, 1,000 to a batch", changed.rows, 1_000, bench, replica,
                raw
            ) { try Self.update($0, changed.edits, batch: 1_000) },
            try await part("inserts, one to a batch", single, 1, bench, replica, raw) {
                for record in single { try $0.insert([record]) }
            },
        ]
        // Edits a second are the metric; processor time holds on a crowded machine, too.
        let rates = try Result(Self.name, parts.map(\.wall), moreIsBetter: true)
        return Result(
            Self.name, parts.flatMap { [$0.wall, $0.processor] }, decisive: rates.decisive)
    }

    private func part(
        _ name: String, _ rows: [PlanningRecord], _ batch: Int, _ bench: Bench, _ replica: String,
        _ raw: String, _ edit: (Replica) throws -> Void
    ) async throws -> (wall: Part, processor: Part) {
        let upserts = try RawUpserts(rows)
        let kind = Pairs.Kind.rate(of: rows.count, unit: "edits/s")
        var times: [(ours: Double, limit: Double)] = []
        let wall = try await bench.pairs.measure(
            name, kind,
            ours: { _ in
                let path = try Scratch.copy(replica)
                defer { Scratch.remove(path) }
                let opened = try Replica.open(path)
                defer { try? opened.close() }
                let before = processorSeconds()
                let time = try seconds { try edit(opened) }
                times.append((processorSeconds() - before, 0))
                return time
            },
            limit: { _ in
                let path = try Scratch.copy(raw)
                defer { Scratch.remove(path) }
                let database = try RawDatabase(path)
                let before = processorSeconds()
                let time = try upserts.run(on: database, batch: batch)
                times[times.count - 1].limit = processorSeconds() - before
                return time
            })
        // The first pair warmed up.
        return (wall, Pairs.part(name + ", processor time", kind, Array(times.dropFirst())))
    }

    private static func update(
        _ replica: Replica, _ edits: [(id: RecordID, values: [String: Value])], batch: Int
    ) throws {
        for start in stride(from: 0, to: edits.count, by: batch) {
            try replica.write { db in
                for edit in edits[start..<min(start + batch, edits.count)] {
                    try replica.update(db, "task", edit.id, edit.values)
                }
            }
        }
    }

    /// Three fields of existing tasks, and the whole rows that raw SQLite writes for them.
    private func changes(_ local: LocalWorkspace, _ count: Int) throws -> (
        rows: [PlanningRecord], edits: [(id: RecordID, values: [String: Value])]
    ) {
        var other = PlanningRecords(seed: 77)
        let tasks = local.tasks(count)
        var rows: [PlanningRecord] = []
        var edits: [(id: RecordID, values: [String: Value])] = []
        for id in tasks {
            var record = other.task()
            record.id = id
            rows.append(record)
            edits.append(
                (id, record.values.filter { ["title", "status", "due"].contains($0.key) }))
        }
        return (rows, edits)
    }
}

extension LocalWorkspace {
    /// Tasks that are in the file since it was filled, scattered over it.
    func tasks(_ count: Int) -> [RecordID] {
        let all = tasksAtStart
        let step = max(1, all.count / max(count, 1))
        return stride(from: 0, to: all.count, by: step).prefix(count).map { all[$0] }
    }
}
