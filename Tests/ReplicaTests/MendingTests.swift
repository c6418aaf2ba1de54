// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("A replica whose records differ from the server's", .tags(.promise2))
struct MendingTests {
    private func team() throws -> Team {
        let team = try Team(2)
        for index in 0..<40 {
            try team.replicas[0].write { db in
                try db.execute(
                    sql: "INSERT INTO project (title, budget) VALUES (?, ?)",
                    arguments: ["Project \(index)", index])
            }
        }
        try team.sync(0)
        try team.sync(1)
        return team
    }

    /// Writes as nothing of Ting would: past the triggers, like a broken disk.
    private func tamper(_ team: Team, _ sql: String) throws {
        try tamper(team.replicas[0], sql)
    }

    private func tamper(_ replica: Replica, _ sql: String) throws {
        let queue = try DatabaseQueue(path: replica.path)
        try queue.writeWithoutTransaction { db in
            let triggers = try Row.fetchAll(
                db, sql: "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
            for row in triggers { try db.execute(sql: "DROP TRIGGER \"\(row[0] as String)\"") }
            try db.execute(sql: sql)
            for row in triggers { try db.execute(sql: row[1] as String) }
        }
        try queue.close()
    }

    private func expectWhole(_ team: Team) throws {
        for replica in team.replicas {
            #expect(try replica.verify().matches)
            #expect(try replica.status().digest == team.workspace.head().state)
        }
    }

    @Test("changed, lost and invented records are put right one by one, and it is told")
    func records() throws {
        let team = try team()
        try tamper(
            team,
            """
            UPDATE project SET title = 'Rotten' WHERE title IN ('Project 3', 'Project 4');
            DELETE FROM project WHERE title = 'Project 5';
            INSERT INTO project (title) VALUES ('Never was');
            UPDATE ting_digest SET hash = zeroblob(32), sums = zeroblob(8192);
            """)
        let outcome = try team.run(team.replicas[0], team.members[0])
        #expect(outcome.mended == 4)
        try expectWhole(team)
        let aside = try team.replicas[0].read {
            try String.fetchAll($0, sql: "SELECT was FROM ting_mended WHERE was LIKE '%Rotten%'")
        }
        #expect(aside.count == 2)
        #expect(try team.run(team.replicas[0], team.members[0]).mended == 0)
    }

    @Test(
        "a clone computes its own digest before it reports one: what came wrong with the snapshot is mended"
    )
    func clone() throws {
        let team = try team()
        let clone = try team.clone(for: team.members[1])
        try tamper(clone, "UPDATE project SET title = 'Rotten' WHERE title = 'Project 3'")
        #expect(try !clone.status().isSuspect)
        #expect(try team.run(clone, team.members[1]).mended == 1)
        #expect(try clone.verify().matches)
        #expect(try clone.status().digest == team.workspace.head().state)
        #expect(try team.run(clone, team.members[1]).mended == 0)
    }

    @Test("a clone's first sync may leave the digest to the next, which computes and mends")
    func leftDigest() throws {
        let team = try team()
        let clone = try team.clone(for: team.members[1])
        try tamper(clone, "UPDATE project SET title = 'Rotten' WHERE title = 'Project 3'")
        try team.replicas[0].write {
            try $0.execute(sql: "INSERT INTO project (title) VALUES ('Since the snapshot')")
        }
        try team.sync(0)
        try clone.write { try $0.execute(sql: "INSERT INTO project (title) VALUES ('Own')") }
        let first = try team.run(clone, team.members[1], leavesDigest: true)
        #expect(first.mended == 0 && first.startedOver == nil && first.exchanges == 1)
        #expect((first.summary.sent, first.summary.received) == (1, 1))
        #expect(try !clone.status().isSuspect)
        #expect(try clone.nextRequest(leavesDigest: true).stateDigest == .zero)
        #expect(try team.run(clone, team.members[1]).mended == 1)
        #expect(try clone.verify().matches)
        #expect(
            try clone.nextRequest(leavesDigest: true).stateDigest == team.workspace.head().state)
    }

    @Test("a replica that has synced does not leave its digest again, whoever asks for that")
    func leftOnce() throws {
        let team = try team()
        let clone = try team.clone(for: team.members[1])
        try tamper(clone, "UPDATE project SET title = 'Rotten' WHERE title = 'Project 3'")
        #expect(try team.run(clone, team.members[1], leavesDigest: true).mended == 0)
        try clone.note(error: nil, nextRetry: nil, synced: team.clock.time)
        #expect(try team.run(clone, team.members[1], leavesDigest: true).mended == 1)
    }

    @Test("a doubt about records or history is no digest to leave", arguments: [1, 2])
    func doubtedClone(suspect: Int) throws {
        let team = try team()
        let clone = try team.clone(for: team.members[1])
        try tamper(clone, "UPDATE project SET title = 'Rotten' WHERE title = 'Project 3'")
        try tamper(clone, "UPDATE ting_replica SET suspect = \(suspect)")
        let outcome = try team.run(clone, team.members[1], leavesDigest: true)
        #expect(outcome.mended == 1 || outcome.startedOver == .notMended)
        #expect(try clone.verify().matches)
    }

    @Test("edits that others make while a clone computes its digest make no difference")
    func editedMeanwhile() async throws {
        let team = try team()
        for _ in 0..<4 {
            let clone = try team.clone(for: team.members[1])
            let other = try Replica(path: clone.path, schema: team.schema, clock: { 0 })
            let asking = Task.detached { try clone.nextRequest().stateDigest }
            for hours in 0..<8 {
                try other.write { try $0.execute(sql: "UPDATE project SET hours = \(hours)") }
            }
            #expect(try await asking.value == team.workspace.head().state)
            #expect(try team.run(clone, team.members[1]).mended == 0)
        }
    }

    @Test(
        "what another process finds of a clone stays, though a sync was about to compute its digest"
    )
    func foundMeanwhile() async throws {
        let team = try team()
        let clone = try team.clone(for: team.members[1])
        let other = try Replica(path: clone.path, schema: team.schema, clock: { 0 })
        var asking: Task<SyncRequest, any Error>?
        try other.tamper { db in
            try db.execute(sql: "UPDATE ting_replica SET suspect = 2")
            // It sees the file as it was, and waits for this transaction to write.
            asking = Task.detached { try clone.nextRequest() }
            usleep(300_000)
        }
        #expect(try await asking?.value.stateDigest == .zero)
        #expect(try team.run(clone, team.members[1]).startedOver == .notMended)
    }

    @Test("what verify computed of a clone is not computed again by its next sync")
    func verifiedClone() throws {
        let team = try team()
        let clone = try team.clone(for: team.members[1])
        #expect(try clone.nextRequest(leavesDigest: true).stateDigest == .zero)
        #expect(try clone.verify().matches)
        #expect(
            try clone.nextRequest(leavesDigest: true).stateDigest == team.workspace.head().state)
    }

    @Test("what others write while it mends costs no snapshot")
    func othersWrite() throws {
        let team = try team()
        try tamper(
            team,
            """
            UPDATE project SET title = 'Rotten' WHERE title = 'Project 3';
            UPDATE ting_digest SET hash = zeroblob(32), sums = zeroblob(8192);
            """)
        var writes = 2
        let outcome = try team.run(
            team.replicas[0], team.members[0],
            beforeMending: {
                guard writes > 0 else { return }
                writes -= 1
                try team.replicas[1].write {
                    try $0.execute(sql: "INSERT INTO project (title) VALUES ('Meanwhile')")
                }
                try team.sync(1)
            })
        #expect(outcome.mended == 1)
        #expect(outcome.startedOver == nil)
        try team.sync(1)
        try expectWhole(team)
    }

    @Test(
        "an answer holds no more than a page of buckets, but the first whole",
        arguments: [(2, [0, 1]), (5, [0])])
    func page(fifths: Int, sent: [Int]) throws {
        let team = try Team(1)
        let replica = team.replicas[0]
        let text = Value.text(String(repeating: "a", count: Limits.pageByteLimit / 5 * fifths))
        for bucket in UInt64(0)..<4 {
            try replica.write {
                try replica.insert(
                    $0, "project", RecordID(high: 0x7000, low: bucket), ["summary": text])
            }
        }
        try team.sync(0)
        let request = MendRequest(
            base: try replica.nextRequest().base, schema: 1, digest: StateDigest())
        #expect(try team.workspace.mend(request).buckets.keys.sorted() == sent)
    }

    @Test("edits of the outbox stay on top of what is mended", .tags(.promise4))
    func pending() throws {
        let team = try team()
        try team.replicas[0].write {
            try $0.execute(sql: "UPDATE project SET budget = 7 WHERE title = 'Project 3'")
        }
        try tamper(team, "UPDATE project SET title = 'Rotten' WHERE title LIKE 'Project 1%'")
        try tamper(team, "UPDATE ting_digest SET hash = zeroblob(32), sums = zeroblob(8192)")
        #expect(try team.run(team.replicas[0], team.members[0]).mended == 11)
        try team.sync(1)
        try expectWhole(team)
        let budget = try team.replicas[1].read {
            try Int.fetchOne($0, sql: "SELECT budget FROM project WHERE title = 'Project 3'")
        }
        #expect(budget == 7)
    }

    @Test("verify finds what no entry has touched, and the next sync mends it")
    func verified() throws {
        let team = try team()
        try tamper(team, "UPDATE project SET title = 'Rotten' WHERE title = 'Project 3'")
        #expect(try !team.replicas[0].verify().matches)
        #expect(try team.run(team.replicas[0], team.members[0]).mended == 1)
        try expectWhole(team)
    }

    @Test(
        "a difference that shows only when an entry touches the record is mended in the same sync")
    func late() throws {
        let team = try team()
        try tamper(team, "UPDATE project SET title = 'Rotten' WHERE title = 'Project 3'")
        try team.foreign(1, "UPDATE project SET budget = 99 WHERE title = 'Project 3'")
        try team.sync(1)
        #expect(try team.run(team.replicas[0], team.members[0]).mended == 1)
        try expectWhole(team)
    }
}
