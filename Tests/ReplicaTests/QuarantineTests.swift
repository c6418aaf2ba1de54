// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("Rejected change sets and what builds on them", .tags(.promise4))
struct QuarantineTests {
    private func team() throws -> Team {
        let team = try Team(2)
        try team.foreign(
            0, "INSERT INTO project (title, partners) VALUES ('P', '[\"a\"]'), ('Q', '[]')")
        try team.sync(0)
        try team.sync(1)
        return team
    }

    @Test("retrying keeps an unsealed edit of the same record")
    func retryWithUnsealed() throws {
        let team = try team()
        try team.foreign(1, "UPDATE project SET title = 'rejected' WHERE title = 'Q'")
        try team.sync(team.replicas[1], team.members[1], role: .viewer)
        try team.foreign(1, "UPDATE project SET budget = 5 WHERE title = 'Q'")
        let waiting = try team.replicas[1].quarantine().map(\.changeSet.id)
        try team.replicas[1].retryQuarantine(waiting)
        try team.sync(1)
        try team.sync(0)
        #expect(try team.replicas[1].verify().matches)
        let row = try team.replicas[0].read {
            try String.fetchOne($0, sql: "SELECT title || budget FROM project WHERE budget = 5")
        }
        #expect(row == "rejected5")
    }

    @Test("rejected edits that are made again still keep what they kept", .tags(.promise3))
    func keptAgain() throws {
        let team = try team()
        for (replica, title) in [(0, "Hers"), (1, "His")] {
            try team.foreign(replica, "UPDATE project SET title = '\(title)'")
            try team.sync(replica)
        }
        let replica = team.replicas[1]
        let record = try #require(
            try replica.read { try String.fetchOne($0, sql: "SELECT id FROM project") })
        let id = try #require(RecordID(record))
        for field in ["title", nil] {
            try replica.write { db in
                try replica.keep(db, "project", id, field: field)
                try db.execute(sql: "UPDATE conflict SET status = 'settled'")
            }
            try team.sync(1, role: .viewer)
            let rejected = try #require(try replica.quarantine().first).changeSet
            try replica.redoQuarantine(rejected.id, message: "") { _, _ in [:] }
            let again = try #require(try replica.outbox().last).changeSet
            #expect(
                again.operations.map { [$0.collection] + $0.fields.map(\.field) }
                    == rejected.operations.map { [$0.collection] + $0.fields.map(\.field) })
            try replica.discardOutbox([again.id])
        }
    }

    @Test(
        "an insert that is made again where others made the record sets no counter back: its author names it",
        .tags(.promise3))
    func insertedMeanwhile() throws {
        let team = try team()
        let id = "01890000-0000-7000-8000-0000000000ef"
        func insert(_ position: Int, _ title: String, _ hours: Int) throws {
            try team.replicas[position].write {
                try $0.execute(
                    sql: "INSERT INTO project (id, title, hours) VALUES (?, ?, ?)",
                    arguments: [id, title, hours])
            }
        }
        let replica = team.replicas[1]
        try insert(1, "Mine", 3)
        try team.sync(1, role: .viewer)
        let rejected = try #require(try replica.quarantine().first).changeSet
        try insert(0, "Theirs", 2)
        try team.replicas[0].write {
            try $0.execute(sql: "UPDATE project SET hours = hours + 5 WHERE id = '\(id)'")
        }
        try team.sync(0)
        try team.sync(1)
        // It began with 3 here and is 7 now: which of them counts, its author says.
        let unclear = #expect(throws: InvalidEdit.self) {
            try replica.redoQuarantine(rejected.id, message: "") { _, _ in [:] }
        }
        #expect(unclear?.field == "hours")
        #expect(try replica.quarantine().count == 1)
        try replica.redoQuarantine(rejected.id, message: "") { _, _ in ["hours": .integer(7)] }
        let again = try #require(try replica.outbox().last).changeSet.operations
        #expect(again.map(\.kind) == [.update])
        #expect(again.flatMap(\.fields).map(\.field) == ["title"])
        try team.expectAgreement()
        for replica in team.replicas {
            let row = try replica.read {
                try String.fetchOne(
                    $0, sql: "SELECT title || hours FROM project WHERE id = '\(id)'")
            }
            #expect(row == "Mine7")
            #expect(try replica.status().conflicts == 0)
        }
    }

    @Test("an author who retries meets no conflict with their own edits", .tags(.promise3))
    func ownEdits() throws {
        let team = try team()
        let replica = team.replicas[1]
        try replica.write {
            try $0.execute(sql: "UPDATE project SET budget = 1 WHERE title = 'Q'")
        }
        try team.sync(replica, team.members[1], role: .viewer)
        try replica.write {
            try $0.execute(sql: "UPDATE project SET progress = 1 WHERE title = 'P'")
        }
        try replica.retryQuarantine(try replica.quarantine().map(\.changeSet.id))
        try replica.write {
            try $0.execute(sql: "UPDATE project SET progress = 2 WHERE title = 'P'")
        }
        try team.sync(1)
        #expect(try replica.status().conflicts == 0)
    }

    @Test("what was seen through a discarded change set stays seen")
    func discarded() throws {
        let team = try team()
        let replica = team.replicas[1]
        for progress in 1...2 {
            try replica.write {
                try $0.execute(sql: "UPDATE project SET progress = \(progress) WHERE title = 'P'")
            }
            try replica.write {
                try $0.execute(sql: "UPDATE project SET budget = \(progress) WHERE title = 'Q'")
            }
        }
        let middle = try replica.outbox()[1].changeSet.id
        try replica.discardOutbox([middle])
        try team.sync(1)
        #expect(try replica.status().conflicts == 0)
        #expect(try replica.verify().matches)
    }

    @Test("what builds on a record whose insert is discarded waits in quarantine", .tags(.promise6))
    func discardedInsert() throws {
        let team = try team()
        let replica = team.replicas[1]
        let id = "01890000-0000-7000-8000-0000000000dd"
        try replica.write {
            try $0.execute(sql: "INSERT INTO project (id, title) VALUES ('\(id)', 'New')")
        }
        try team.foreign(1, "UPDATE project SET budget = 4 WHERE id = '\(id)'")
        try replica.discardOutbox([try #require(replica.outbox().first).changeSet.id])
        #expect(try replica.quarantine().map(\.code) == [.dependsOnRejected])
        try team.sync(1)
        #expect(try replica.status().outbox == 0)
        #expect(try replica.verify().matches)
    }

    @Test(
        "what builds on a deferred change set is not sent before that is judged", .tags(.promise6))
    func deferredOnAnEarlierPage() throws {
        let team = try team()
        let replica = team.replicas[1]
        let id = "01890000-0000-7000-8000-0000000000ee"
        try replica.write {
            try $0.execute(sql: "INSERT INTO project (id, title) VALUES ('\(id)', 'New')")
        }
        let waiting = try #require(replica.outbox().first)
        try replica.write {
            try $0.execute(
                sql: "INSERT INTO task (project, title) VALUES ('\(id)', 'Builds on it')")
        }
        try replica.write { try $0.execute(sql: "INSERT INTO person (name) VALUES ('Goes on')") }
        let next = try replica.nextRequest(
            after: waiting.number, deferred: [waiting.changeSet.id])
        #expect(next.deliveries.map(\.number) == [waiting.number + 2])
    }

    @Test("a dependent of a rejection whose answer was lost is rejected with it")
    func lostRejection() throws {
        let team = try team()
        let replica = team.replicas[1]
        try replica.write {
            try $0.execute(sql: "UPDATE project SET title = 'no' WHERE title = 'P'")
        }
        let first = try replica.nextRequest()
        _ = try team.workspace.accept(
            [.init(request: first, member: team.members[1].id, role: .viewer)],
            now: team.clock.time)
        try replica.write {
            try $0.execute(sql: "UPDATE project SET progress = 3 WHERE title = 'no'")
        }
        try team.sync(1)
        #expect(try replica.quarantine().map(\.code) == [.roleTooLow, .dependsOnRejected])
        #expect(try replica.status().outbox == 0)
        #expect(try team.workspace.head().version == 1)
        try replica.retryQuarantine(try replica.quarantine().map(\.changeSet.id))
        try team.sync(1)
        #expect(try team.workspace.head().version == 3)
    }
}
