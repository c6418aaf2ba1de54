// SPDX-License-Identifier: Apache-2.0

import CSQLite
import Foundation
import GRDB
import Synchronization
import Testing
import TingCore
import TingTesting

@testable import TingStore

/// Counts the steps of SQLite's virtual machine: each row read or written takes some.
final class StepCounter: Sendable {
    private let steps = Mutex(0)

    var count: Int { steps.withLock { $0 } }

    init(_ writer: some DatabaseWriter) {
        writer.writeWithoutTransaction { db in
            // Called after every step; the trace, which could tell them too, is the replica's own.
            sqlite3_progress_handler(
                db.sqliteConnection, 1,
                { context in
                    guard let context else { return 0 }
                    let counter = Unmanaged<StepCounter>.fromOpaque(context).takeUnretainedValue()
                    counter.steps.withLock { $0 += 1 }
                    return 0
                }, Unmanaged.passUnretained(self).toOpaque())
        }
    }
}

@Suite("What an edit costs")
struct CostTests {
    private struct Costs { var set = 0, sync = 0, status = 0, server = 0 }

    private func costs(records: Int) throws -> Costs {
        let team = try Team(2)
        try team.replicas[0].write { db in
            for index in 0..<records {
                try db.execute(
                    sql: """
                        INSERT INTO project (title, code, partners) VALUES (?, ?, '["DTU","ENS"]')
                        """, arguments: ["Project \(index)", "P-\(index)"])
            }
        }
        try team.sync(0)
        try team.sync(1)
        let replica = team.replicas[1]
        let id = try #require(
            try replica.read { try String.fetchOne($0, sql: "SELECT id FROM project") })
        let local = StepCounter(replica.queue)
        let remote = StepCounter(team.workspace.pool)
        var costs = Costs()
        // The first of each prepares statements and fills what is empty.
        for round in 0..<2 {
            var start = local.count
            try replica.write {
                try $0.execute(
                    sql: "UPDATE project SET title = ? WHERE id = ?",
                    arguments: ["New \(round)", id])
            }
            costs.set = local.count - start
            start = local.count
            let before = remote.count
            #expect(try team.run(replica, team.members[1]).exchanges == 1)
            costs.sync = local.count - start
            costs.server = remote.count - before
            start = local.count
            _ = try replica.status()
            costs.status = local.count - start
        }
        return costs
    }

    @Test("a write, a sync of one edit and status read as many rows of 10,000 records as of 100")
    func constant() throws {
        let (small, large) = (try costs(records: 100), try costs(records: 10_000))
        for (name, few, many) in [
            ("set", small.set, large.set), ("sync", small.sync, large.sync),
            ("status", small.status, large.status), ("server", small.server, large.server),
        ] {
            #expect(few > 0 && many <= few + few / 10, "\(name): \(few) steps, then \(many)")
        }
    }
}
