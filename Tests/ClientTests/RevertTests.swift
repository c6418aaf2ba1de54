// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingClient
import TingCore
import TingStore
import TingTesting

/// Undoing change sets, among others' work.
@Suite struct RevertTests {
    /// Two replicas of a project with a title.
    private func team() throws -> Team {
        let team = try Team(2)
        try edit(team, 0, "INSERT INTO project (code, title) VALUES ('P', 'Water')")
        try syncAll(team)
        return team
    }

    @discardableResult
    private func edit(_ team: Team, _ member: Int, _ sql: String) throws -> ChangeSet {
        let replica = team.replicas[member]
        try replica.write { try $0.execute(sql: sql) }
        return try #require(try replica.outbox().last).changeSet
    }

    private func syncAll(_ team: Team) throws {
        for _ in 0..<2 { for member in 0..<2 { try team.sync(member) } }
    }

    /// What undoing left, by field, or collection for a whole record.
    private func revert(_ team: Team, _ member: Int, _ changeSet: ChangeSet) throws -> [String] {
        let replica = team.replicas[member]
        return try replica.write { try replica.revert($0, changeSet) }
            .left.map { $0.field ?? $0.collection }
    }

    private func text(_ team: Team, _ sql: String) throws -> String? {
        try team.replicas[1].read { try String.fetchOne($0, sql: sql) }
    }

    @Test(
        "what a change set wrote as it settled a conflict is undone; the conflict stays settled, and is named"
    )
    func settling() throws {
        let team = try team()
        for (member, title) in [(0, "Hers"), (1, "His")] {
            try edit(team, member, "UPDATE project SET title = '\(title)'")
        }
        try syncAll(team)
        let decision = try edit(
            team, 1, "UPDATE project SET title = 'Ours'; UPDATE conflict SET status = 'settled'")
        try syncAll(team)
        #expect(try revert(team, 1, decision) == ["status"])
        #expect(try text(team, "SELECT title FROM project") == "His")
        #expect(try text(team, "SELECT status FROM conflict") == "settled")
        try syncAll(team)
        #expect(try team.replicas.map { try $0.status().quarantine } == [0, 0])
    }

    @Test("a record that another added just so, too, stays")
    func addedByTwo() throws {
        let team = try team()
        let id = "01890000-0000-7000-8000-000000000009"
        let added = try [0, 1].map {
            try edit(team, $0, "INSERT INTO person (id, name) VALUES ('\(id)', 'Bo')")
        }
        try syncAll(team)
        #expect(try revert(team, 1, added[1]) == ["person"])
        #expect(try text(team, "SELECT name FROM person") == "Bo")
    }

    @Test("a record that was added stays while others' work lies in or below it")
    func addedAndWorkedOn() throws {
        let team = try Team(2)
        let added = try edit(
            team, 0,
            """
            INSERT INTO project (id, title) VALUES ('01890000-0000-7000-8000-000000000001', 'Water');
            INSERT INTO task (project, title)
            VALUES ('01890000-0000-7000-8000-000000000001', 'Of the same change set')
            """)
        try syncAll(team)
        try edit(team, 1, "UPDATE project SET hours = 3")
        try syncAll(team)
        #expect(try revert(team, 0, added) == ["project"])
        try edit(team, 0, "UPDATE project SET hours = 0")
        try edit(
            team, 1, "INSERT INTO task (project, title) SELECT id, 'Of another' FROM project")
        try syncAll(team)
        #expect(try revert(team, 0, added) == ["project"])
        try edit(team, 1, "DELETE FROM task")
        try syncAll(team)
        #expect(try revert(team, 0, added).isEmpty)
        try syncAll(team)
        #expect(try text(team, "SELECT title FROM project") == nil)
    }

    @Test("a record that came back goes again, with what was written as it came")
    func restored() throws {
        let team = try team()
        try edit(team, 0, "DELETE FROM project")
        try syncAll(team)
        let replica = team.replicas[1]
        let id = try #require(try replica.locate(of: "project"))
        try replica.write { db in
            try replica.restore(db, "project", id)
            try db.execute(sql: "UPDATE project SET hours = 2")
        }
        let restoring = try #require(try replica.outbox().last).changeSet
        try syncAll(team)
        #expect(try revert(team, 1, restoring).isEmpty)
        try syncAll(team)
        #expect(try text(team, "SELECT title FROM project") == nil)
    }

    @Test(
        "a record goes with its children of the same change set, in whatever order they were written"
    )
    func childFirst() throws {
        let team = try Team(2)
        let added = try edit(
            team, 0,
            """
            INSERT INTO task (project, title)
            VALUES ('01890000-0000-7000-8000-000000000001', 'Before its parent');
            INSERT INTO project (id, title) VALUES ('01890000-0000-7000-8000-000000000001', 'Water')
            """)
        try syncAll(team)
        #expect(try revert(team, 0, added).isEmpty)
        #expect(
            try team.replicas[0].read { try Int.fetchOne($0, sql: "SELECT count(*) FROM task") }
                == 0)
    }

    @Test("a deletion that another decided on since stands")
    func deletedAgain() throws {
        let team = try team()
        let first = try edit(team, 0, "DELETE FROM project")
        #expect(try revert(team, 0, first).isEmpty)
        try syncAll(team)
        #expect(try text(team, "SELECT title FROM project") == "Water")
        try edit(team, 1, "DELETE FROM project")
        try syncAll(team)
        #expect(try revert(team, 0, first) == ["project"])
        let second = try #require(try team.replicas[1].history(of: nil).first).changeSet
        #expect(try revert(team, 1, second).isEmpty)
        #expect(try text(team, "SELECT title FROM project") == "Water")
    }

    @Test("a server that was restored since makes no edit another's work")
    func restoredServer() throws {
        let team = try team()
        try edit(team, 1, "UPDATE project SET status = 'active'")
        try syncAll(team)
        try edit(team, 0, "UPDATE project SET status = 'done'")
        try syncAll(team)
        let last = try edit(team, 0, "UPDATE project SET status = 'active'")
        try syncAll(team)
        var generator = SystemRandomNumberGenerator()
        try team.workspace.startEpoch(.random(using: &generator))
        try syncAll(team)
        #expect(try revert(team, 0, last).isEmpty)
        try syncAll(team)
        #expect(try text(team, "SELECT status FROM project") == "done")
    }

    @Test("an edit that brought a deleted record back is undone; the record stays")
    func broughtBack() throws {
        let team = try team()
        try edit(team, 0, "DELETE FROM project")
        let late = try edit(team, 1, "UPDATE project SET hours = 5")
        try syncAll(team)
        #expect(try text(team, "SELECT title || hours FROM project") == "Water5")
        #expect(try revert(team, 1, late).isEmpty)
        #expect(try text(team, "SELECT title || hours FROM project") == "Water0")
    }

    @Test("what another wrote just so, without knowing of it, stays")
    func writtenByTwo() throws {
        let team = try team()
        let sql = "UPDATE project SET title = 'Air', partners = '[\"eu\"]', hours = 4"
        let both = try [0, 1].map { try edit(team, $0, sql) }
        try syncAll(team)
        #expect(try revert(team, 1, both[1]) == ["title"])
        #expect(
            try text(team, "SELECT title || partners || hours FROM project") == "Air[\"eu\"]4")
    }

    @Test("what was reverted can be reverted, and what came before it, one after the other")
    func chain() throws {
        let team = try team()
        let edits = try ["Air", "Fire", "Earth"].map { title in
            let made = try edit(
                team, 0, "UPDATE project SET title = '\(title)', hours = hours + 1")
            try syncAll(team)
            return made
        }
        for made in edits.reversed() {
            #expect(try revert(team, 1, made).isEmpty)
            try syncAll(team)
        }
        #expect(try text(team, "SELECT title || hours FROM project") == "Water0")
    }
}

extension Replica {
    /// The one deleted record of a collection.
    fileprivate func locate(of collection: String) throws -> RecordID? {
        try history(of: nil).lazy.flatMap(\.changeSet.operations)
            .first { $0.kind == .delete && $0.collection == collection }?.record
    }
}
