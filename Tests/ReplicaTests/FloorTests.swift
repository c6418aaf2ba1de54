// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("Below the floor")
struct FloorTests {
    static let project = "01890000-0000-7000-8000-000000000001"
    static let gone = "01890000-0000-7000-8000-000000000002"
    static let seeds = Array(0..<10)
    static let historiesPerSeed = 12

    struct Broken: Error { var what: String }

    /// Few ids, every policy; the floor moves at any moment; replicas fall behind it.
    @Test(
        "with and without compaction, histories end the same, byte for byte",
        .tags(.promise2, .promise3, .promise4), arguments: seeds)
    func sameEnd(_ seed: Int) throws {
        for history in 0..<Self.historiesPerSeed {
            var random = SeededGenerator(state: UInt64(seed) << 32 | UInt64(history))
            do {
                try play(&random)
            } catch {
                Issue.record("seed \(seed), history \(history): \(error)")
                return
            }
        }
    }

    private func play(_ random: inout SeededGenerator) throws {
        let team = try Team(3)
        try team.addTwin()
        var written: Set<ChangeSetID> = []
        for step in 0..<Int.random(in: 8...30, using: &random) {
            let who = Int.random(in: 0..<3, using: &random)
            team.clock.advance(Int64.random(in: 0...5_000, using: &random))
            switch Int.random(in: 0..<8, using: &random) {
            case 0, 1: try team.sync(who)
            case 2: try team.compact(.keep(Int64.random(in: 1...4, using: &random)))
            default:
                try RandomHistoryTests().edit(
                    team, who, "w\(step)x\(who)", &written, &random)
            }
            // Starting over is bounded by the hour.
            team.clock.advance(1_000_000)
        }
        for _ in 0..<2 {
            for who in 0..<3 { try team.sync(who) }
            try team.compact(.keep(1))
            team.clock.advance(4_000_000)
        }
        for who in 0..<3 { try team.sync(who) }
        try check(team, written)
    }

    private func check(_ team: Team, _ written: Set<ChangeSetID>) throws {
        guard let twin = team.twin else { throw Broken(what: "there is no twin") }
        let (head, other) = (try team.workspace.head(), try twin.head())
        guard head == other else { throw Broken(what: "\(head), the twin \(other)") }
        for table in ["ting_edit", "ting_addition", "ting_state_digest", "ting_delivery"] {
            guard try rows(team.workspace, table) == rows(twin, table) else {
                throw Broken(what: "\(table) differs")
            }
        }
        guard try team.workspace.contents() == twin.contents() else {
            throw Broken(what: "records differ")
        }
        guard try team.entries() == twin.entries(since: 0, byteLimit: .max) else {
            throw Broken(what: "the archive and the workspace are not the whole history")
        }
        guard written.isSubset(of: try team.entries().map(\.changeSet.id)) else {
            throw Broken(what: "a sealed change set is lost")
        }
        for replica in team.replicas {
            let status = try replica.status()
            guard status.version == head.version, status.digest == head.state,
                status.outbox == 0, status.quarantine == 0, try replica.verify().matches
            else { throw Broken(what: "replica: \(status), server: \(head)") }
        }
        let problems =
            try team.workspace.verify().problems
            + team.workspace.verify(archive: team.archivePath)
        guard problems.isEmpty else { throw Broken(what: problems.joined(separator: " ")) }
    }

    private func rows(_ workspace: Workspace, _ table: String) throws -> [Row] {
        var rows: [Row] = []
        try workspace.tamper { rows = try Row.fetchAll($0, sql: "SELECT * FROM \(table)") }
        return rows
    }

    /// Two replicas that know two projects; one of them leaves for two years, with edits, and
    /// meanwhile one project is deleted.
    private func leftBehind(editing project: String? = nil) throws -> Team {
        let team = try Team(2)
        for id in [Self.project, Self.gone] {
            try team.foreign(
                0, "INSERT INTO project (id, title, hours) VALUES ('\(id)', 'Water', 5)")
        }
        try team.sync(0)
        try team.sync(1)
        let condition = project.map { " WHERE id = '\($0)'" } ?? ""
        try team.foreign(1, "UPDATE project SET summary = 'Mine', hours = hours + 1" + condition)
        try team.replicas[1].seal()
        for step in 1...20 {
            try team.foreign(0, "UPDATE project SET progress = \(step)")
            try team.sync(0)
        }
        try team.foreign(0, "DELETE FROM project WHERE id = '\(Self.gone)'")
        try team.sync(0)
        team.clock.advance(2 * 365 * 86_400_000)
        try team.compact(.keep(1))
        return team
    }

    @Test(
        "away for two years: it goes on from a snapshot, and its outbox is judged by its old bases",
        .tags(.promise4))
    func twoYears() throws {
        let team = try leftBehind()
        let floor = try team.workspace.floor()
        #expect(try floor == team.workspace.head().version)
        let outcome = try team.run(team.replicas[1], team.members[1])
        #expect(outcome.startedOver == .belowFloor)
        #expect(outcome.unproven == 0 && outcome.givenBack == 0)
        // The delete had not been seen by the edit: the record is back, and a conflict says so.
        let row = try team.replicas[1].read {
            try String.fetchAll(
                $0, sql: "SELECT summary || hours || progress FROM project ORDER BY id")
        }
        #expect(row == ["Mine620", "Mine620"])
        let kinds = try team.replicas[1].read {
            try String.fetchAll($0, sql: "SELECT kind FROM conflict")
        }
        #expect(kinds == ["deleted"])
        let status = try team.replicas[1].status()
        #expect(try status.digest == team.workspace.head().state && status.outbox == 0)
        #expect(try team.replicas[1].floor()?.version == floor)
        #expect(try team.replicas[1].verify().matches)
    }

    @Test("what was deleted stays deleted, for who was away as for who comes new", .tags(.promise4))
    func deletedStays() throws {
        let team = try leftBehind(editing: Self.project)
        try team.sync(1)
        let newcomer = try team.clone(for: team.members[0])
        for replica in [team.replicas[1], newcomer] {
            let ids = try replica.read { try String.fetchAll($0, sql: "SELECT id FROM project") }
            #expect(ids == [Self.project])
            #expect(
                try replica.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM conflict") } == 0
            )
        }
        // It can still be brought back with its last values.
        try team.replicas[1].write { db in
            _ = try team.replicas[1].restore(db, "project", #require(RecordID(Self.gone)))
        }
        try team.sync(1)
        let back = try team.replicas[1].read {
            try String.fetchOne(
                $0, sql: "SELECT title || progress FROM project WHERE id = ?",
                arguments: [Self.gone])
        }
        #expect(back == "Water20")
    }

    @Test(
        "accepted, the answer lost, and below the floor since: it leaves the outbox, and is there once",
        .tags(.promise5))
    func answerLost() throws {
        let team = try Team(2)
        try team.foreign(
            0, "INSERT INTO project (id, title, hours) VALUES ('\(Self.project)', 'Water', 1)")
        try team.sync(0)
        try team.sync(1)
        try team.foreign(1, "UPDATE project SET hours = hours + 1")
        let lost = try team.replicas[1].nextRequest()
        _ = try team.workspace.accept(
            [.init(request: lost, member: team.members[1].id, role: .editor)], now: team.clock.time)
        for _ in 0..<5 {
            try team.foreign(0, "UPDATE project SET hours = hours + 10")
            try team.sync(0)
        }
        try team.compact(.keep(1))
        let outcome = try team.run(team.replicas[1], team.members[1])
        #expect(outcome.startedOver == .belowFloor)
        #expect(try team.replicas[1].status().outbox == 0)
        #expect(try team.workspace.head().version == 7)
        let hours = try team.replicas[1].read {
            try Int.fetchOne($0, sql: "SELECT hours FROM project")
        }
        #expect(hours == 52)
    }

    @Test(
        "of two inserts of one record in one change set the first begins its counters, there as above",
        .tags(.promise3))
    func twoStarts() throws {
        let team = try Team(1)
        try team.addTwin()
        func insert(_ id: String, hours: Int64? = nil) throws -> TingCore.Operation {
            TingCore.Operation(
                .insert, "project", try #require(RecordID(id)), time: 0,
                fields: hours.map {
                    [FieldEdit("hours", before: .null, after: .integer($0), time: 0)]
                } ?? [])
        }
        // It begins with none; what the second writes is a step.
        try team.submit(
            team.changeSet(1, on: 0, [insert(Self.project), insert(Self.project, hours: 9)]))
        try team.submit(team.changeSet(2, on: 0, [insert(Self.gone)]))
        try team.compact(.keep(1))
        #expect(try team.workspace.floor() == 2)
        try team.submit(team.changeSet(3, on: 0, [insert(Self.project, hours: 9)]))
        let twin = try #require(team.twin)
        #expect(try team.workspace.head() == twin.head())
        #expect(try team.workspace.contents() == twin.contents())
        let newcomer = try team.clone(for: team.members[0])
        let conflicts = try newcomer.read {
            try String.fetchAll($0, sql: "SELECT kind || field || other FROM conflict")
        }
        #expect(conflicts == ["fieldhours9"])
    }

    @Test("who wrote a field of a record from below the floor, nobody here can tell")
    func writtenFields() throws {
        let team = try Team(1)
        try team.foreign(
            0, "INSERT INTO project (id, title, summary) VALUES ('\(Self.project)', 'A', 'Old')")
        try team.sync(0)
        try team.foreign(0, "UPDATE project SET summary = NULL")
        try team.sync(0)
        try team.compact(.keep(1))
        try team.foreign(
            0, "INSERT INTO project (id, title, budget) VALUES ('\(Self.gone)', 'B', 7)")
        try team.sync(0)
        let newcomer = try team.clone(for: team.members[0])
        let (old, new) = (try #require(RecordID(Self.project)), try #require(RecordID(Self.gone)))
        func written(_ replica: Replica, _ record: RecordID) throws -> Set<String>? {
            try replica.read { db in
                let fields = try WrittenFields(db)
                return try fields.fields(of: record)
            }
        }
        #expect(try written(newcomer, old) == nil)
        #expect(try written(newcomer, new) == ["title", "budget"])
        #expect(try written(team.replicas[0], old) == ["title", "summary"])
    }

    @Test("a replica at the version before the floor needs no snapshot; one version less, it does")
    func edge() throws {
        let team = try Team(2)
        for step in 1...6 {
            try team.foreign(
                0,
                "INSERT INTO project (id, title) VALUES ('\(Self.project)', '\(step)') "
                    + "ON CONFLICT DO UPDATE SET title = excluded.title")
            try team.sync(0)
            if step == 3 { try team.sync(1) }
        }
        try team.compact(.version(4))
        let copy = try team.clone(for: team.members[1])
        #expect(try team.run(copy, team.members[1]).startedOver == nil)
        #expect(try team.run(team.replicas[1], team.members[1]).startedOver == nil)
        #expect(try team.replicas[1].floor() == nil && copy.floor()?.version == 4)
        #expect(try team.workspace.verify().problems == [])
        #expect(try team.workspace.floor(.keep(0)) == 6, "the head stays")
        #expect(try team.workspace.floor(.version(99)) == 6)
        #expect(try team.workspace.floor(.version(1)) == 4, "the floor never goes down")
        #expect(try team.workspace.floor(.since(team.clock.time + 1)) == 6)
    }
}
