// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingClient
import TingCore
import TingStore
import TingTesting

/// A workspace and replicas of it without a network, filled with the standard records.
final class LocalWorkspace {
    let team: Team
    var records: PlanningRecords
    /// The tasks that every file made from here holds.
    let tasksAtStart: [RecordID]

    init(records count: Int, seed: UInt64) throws {
        team = try Team(1, schema: PlanningRecords.schema)
        records = PlanningRecords(seed: seed)
        let replica = team.replicas[0]
        try replica.fill(records.next(count))
        tasksAtStart = records.tasks
        try team.sync(0)
    }

    /// A replica file at the head with nothing in its outbox, closed.
    func replicaFile() throws -> String {
        let path = Scratch.file("replica")
        _ = try team.workspace.writeSnapshot(to: path)
        try Replica.open(adopting: path).close()
        return path
    }

    /// A file with the same record tables and rows, and no triggers: what raw SQLite writes to.
    func rawFile() throws -> String {
        let path = try replicaFile()
        try RawDatabase(path).dropTriggers()
        return path
    }
}

extension Replica {
    static func open(adopting snapshot: String) throws -> Replica {
        let replica = try Replica.adopt(
            snapshot: snapshot, server: "", member: nil, schema: PlanningRecords.schema,
            clock: wallClock)
        try replica.widen()
        return replica
    }

    static func open(_ path: String) throws -> Replica {
        let replica = try Replica(
            path: path, schema: PlanningRecords.schema, clock: wallClock)
        try replica.widen()
        return replica
    }

    /// The page cache that both sides of a comparison have.
    private func widen() throws { try read { try $0.execute(sql: RawDatabase.cache) } }

    /// Inserts records, a thousand to a change set.
    func fill(_ records: [PlanningRecord]) throws {
        for start in stride(from: 0, to: records.count, by: 1_000) {
            try insert(records[start..<min(start + 1_000, records.count)])
        }
    }

    /// Inserts records as one change set.
    func insert(_ records: some Sequence<PlanningRecord>) throws {
        try write { db in
            for record in records {
                try insert(db, record.collection, record.id, record.values)
            }
        }
    }
}

/// Milliseconds since 1970.
@Sendable func wallClock() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
}
