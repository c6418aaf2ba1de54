// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// What small edits may make of long values, and how far a server goes after what they name.
@Suite("Edits that cost more than their size", .tags(.promise6))
struct CostlyEditTests {
    private func write(_ team: Team, _ position: Int, _ sql: String, _ values: [String?] = [])
        throws
    {
        try team.replicas[position].write {
            try $0.execute(sql: sql, arguments: StatementArguments(values))
        }
    }

    private func team(projects: Int) throws -> Team {
        let team = try Team(2)
        for number in 0..<projects {
            try write(
                team, 0, "INSERT INTO project (title, budget) VALUES (?, ?)",
                ["P", String(number)])
        }
        try team.sync(0)
        try team.sync(1)
        return team
    }

    private static let long = String(repeating: "å", count: Limits.textByteLimit / 2)

    @Test(
        "an edit whose conflicts would hold more than an entry may is rejected, and stops no other")
    func conflicts() throws {
        let team = try team(projects: 9)
        for number in 0..<9 {
            try write(
                team, 0, "UPDATE project SET title = ? WHERE budget = \(number)", [Self.long])
            try team.sync(0)
        }
        try write(team, 1, "UPDATE project SET title = 'Q'")
        try write(team, 1, "INSERT INTO project (title) VALUES ('R')")
        let summary = try team.sync(1)
        #expect((summary.quarantined, summary.sent) == (1, 1))
        let item = try #require(try team.replicas[1].quarantine().first)
        #expect(item.code == .tooLarge)
        try team.sync(0)
        #expect(try team.replicas[0].status().conflicts == 0)
        #expect(try team.replicas.map { try $0.verify().matches } == [true, true])
    }

    @Test(
        "texts that together are longer than a text may be are not joined: one waits in a conflict")
    func joined() throws {
        let team = try team(projects: 1)
        try write(team, 0, "UPDATE project SET summary = 'middle'")
        try team.sync(0)
        try team.sync(1)
        let half = String(repeating: "水", count: Limits.textByteLimit / 5)
        try write(team, 0, "UPDATE project SET summary = ?", [half + "\nmiddle"])
        try write(team, 1, "UPDATE project SET summary = ?", ["middle\n" + half])
        for position in [0, 1, 0] { try team.sync(position) }
        let text = try team.replicas[0].read {
            try String.fetchOne($0, sql: "SELECT summary FROM project")
        }
        #expect(text == "middle\n" + half)
        let other = try team.replicas[0].read {
            try String.fetchOne($0, sql: "SELECT other FROM conflict")
        }
        #expect(other?.hasSuffix("水\\nmiddle\"") == true)
        // It can be edited again.
        try write(team, 0, "UPDATE project SET summary = 'short'")
        #expect(try team.sync(0).sent == 1)
    }

    @Test("a rejection says what is wrong without all of it")
    func detail() throws {
        let team = try team(projects: 1)
        try write(team, 0, "UPDATE project SET retain = '2027'")
        var request = try team.replicas[0].nextRequest()
        request.deliveries[0].changeSet.operations[0].fields[0].after = .text(Self.long)
        let judgement = try team.workspace.accept(
            [.init(request: request, member: team.members[0].id, role: .editor)],
            now: team.clock.time)[0]
        guard case .rejected(.invalidValue, let detail)? = judgement.verdicts.first?.verdict else {
            Issue.record("\(judgement.verdicts)")
            return
        }
        #expect(detail.hasPrefix("`ååå") && detail.count < 200)
    }

    @Test("what was seen is followed so far and no further", arguments: [true, false])
    func seen(within: Bool) throws {
        let team = try team(projects: 1)
        let title = { (title: String) in
            try self.write(team, 0, "UPDATE project SET title = '\(title)'")
        }
        try title("first")
        try title("second")
        let outbox = try team.replicas[0].outbox().map(\.changeSet)
        let count = Limits.seenLimit - (within ? 1 : 0)
        // A chain from the second's list to the first.
        try team.workspace.tamper { db in
            let chain =
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            try db.execute(
                sql: """
                    \(chain) INSERT INTO ting_link (hash, seen)
                    SELECT CAST(printf('%032d', i) AS BLOB), CAST(printf('%032d', i + 1) AS BLOB) FROM n
                    """, arguments: [count])
            try db.execute(
                sql: "UPDATE ting_link SET seen = ? WHERE hash = CAST(printf('%032d', ?) AS BLOB)",
                arguments: [Data(outbox[0].hash.bytes), count])
        }
        var second = outbox[1]
        second.seen = [try #require(Hash(bytes: Array(String(format: "%032d", 1).utf8)))]
        var request = try team.replicas[0].nextRequest()
        request.deliveries[1].changeSet = second
        let judgement = try team.workspace.accept(
            [.init(request: request, member: team.members[0].id, role: .editor)],
            now: team.clock.time)[0]
        let merged = judgement.verdicts.map { if case .merged = $0.verdict { true } else { false } }
        #expect(merged == [false, !within])
    }

    @Test("after its time a transaction leaves the rest of each request, and the same sync goes on")
    func patience() throws {
        let team = try team(projects: 1)
        for number in 1...3 { try write(team, 0, "UPDATE project SET hours = \(number)") }
        team.workspace.setPatience(milliseconds: 0)
        let request = try team.replicas[0].nextRequest()
        let judgements = try team.workspace.accept(
            [.init(request: request, member: team.members[0].id, role: .editor)],
            now: team.clock.time)
        #expect(judgements.map(\.verdicts.count) == [1])
        #expect(try team.sync(0).sent == 3)
    }

    @Test(
        "what goes on in the next transaction still builds on what was rejected in the one before")
    func fate() throws {
        let team = try team(projects: 1)
        team.workspace.setPatience(milliseconds: 0)
        try write(team, 0, "UPDATE project SET progress = 1")
        try write(team, 0, "UPDATE project SET progress = 2")
        try write(team, 0, "INSERT INTO project (title) VALUES ('other')")
        var request = try team.replicas[0].nextRequest()
        request.deliveries[0].changeSet.operations[0].fields[0].after = .integer(1_000)
        var submission = Workspace.Submission(
            request: request, member: team.members[0].id, role: .editor)
        var judgement = Workspace.Judgement()
        var transactions = 0
        repeat {
            judgement = try team.workspace.accept([submission], now: team.clock.time)[0]
            transactions += 1
        } while submission.goesOn(after: judgement)
        #expect(transactions == 3)
        let rejections = judgement.verdicts.map { delivery -> Rejection? in
            if case .rejected(let code, _) = delivery.verdict { code } else { nil }
        }
        #expect(rejections == [.invalidValue, .dependsOnRejected, nil])
        #expect(judgement.appended == 2...2)
    }

    @Test("a bucket too large to be sent is not: the replica starts over")
    func bucket() throws {
        let team = try Team(1)
        for number in 1...9 {
            try write(
                team, 0, "INSERT INTO project (id, title) VALUES (?, ?)",
                ["01890000-0000-7000-8000-00000000\(number)0aa", Self.long])
            try team.sync(0)
        }
        let replica = team.replicas[0]
        try team.foreign(
            0,
            """
            PRAGMA recursive_triggers = 0; DROP TRIGGER ting_project_update;
            UPDATE project SET title = 'rotten' WHERE id LIKE '%10aa'
            """)
        #expect(try !replica.verify().matches)
        let outcome = try team.run(replica, team.members[0])
        #expect(outcome.startedOver == .notMended)
        #expect(try replica.verify().matches)
    }

    @Test("counters of records that are inserted again begin as at first", arguments: [2, 70])
    func starts(versions: Int) throws {
        let team = try Team(2)
        let ids = (0..<versions).map { String(format: "01890000-0000-7000-8000-%012d", $0) }
        for (hours, id) in ids.enumerated() {
            try write(
                team, 0, "INSERT INTO project (id, hours) VALUES (?, \(hours + 1))", [id])
        }
        try team.sync(0)
        for (hours, id) in ids.enumerated() {
            try write(
                team, 1, "INSERT INTO project (id, hours) VALUES (?, \(hours + 1))", [id])
        }
        try write(team, 1, "UPDATE project SET hours = hours + 1")
        for position in [1, 0] { try team.sync(position) }
        // The same start is no conflict, and counts once.
        #expect(try team.replicas[0].status().conflicts == 0)
        let sum = try team.replicas[0].read {
            try Int.fetchOne($0, sql: "SELECT sum(hours) FROM project")
        }
        #expect(sum == versions * (versions + 1) / 2 + versions)
    }
}
