// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// Two records under one id, of which another tool wrote one: what is held back stays where it is,
/// and what others share is shown, sent and mended as if it were not there.
@Suite("One id, written twice", .tags(.promise4))
struct TakenIDTests {
    static let task = "01890000-0000-7000-8000-0000000000a1"
    static let new = "01890000-0000-7000-8000-0000000000b1"
    private let team: Team
    private var replica: Replica { team.replicas[0] }

    init() throws {
        team = try Team(2)
        try team.foreign(0, "INSERT INTO task (id, title) VALUES ('\(Self.task)', 'First')")
        for position in [0, 1] { try team.sync(position) }
    }

    private func expectSame() throws {
        try team.expectAgreement()
        for replica in team.replicas { #expect(try replica.quarantine().isEmpty) }
    }

    private func text(_ replica: Int, _ sql: String) throws -> String? {
        try team.replicas[replica].read { try String.fetchOne($0, sql: sql) }
    }

    private func mended() throws -> Int? {
        try replica.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM ting_mended") }
    }

    // MARK: In two collections

    @Test("a row with the id of another collection's record is held back, and differs from nothing")
    func heldBesideTask() throws {
        try team.foreign(0, "INSERT INTO project (id, title) SELECT id, title FROM task")
        #expect(try replica.status().invalid.map(\.collection) == ["project"])
        #expect(try replica.verify().matches)
        try replica.tamper { try $0.execute(sql: "UPDATE ting_replica SET suspect = 1") }
        let outcome = try team.run(replica, team.members[0])
        #expect(outcome.mended == 0 && outcome.startedOver == nil)
        try expectSame()
        #expect(try text(0, "SELECT title FROM project") == "First")
        #expect(try replica.status().invalid.map(\.collection) == ["project"])
    }

    @Test("a row that nobody is noted to have made goes, and the record whose id it has stays")
    func strayRow() throws {
        try replica.tamper {
            try $0.execute(sql: "INSERT INTO project (id, title) SELECT id, 'stray' FROM task")
        }
        #expect(try !replica.verify().matches)
        #expect(try team.run(replica, team.members[0]).mended == 1)
        try expectSame()
        #expect(try text(0, "SELECT count(*) FROM project") == "0")
        #expect(try text(0, "SELECT title FROM task") == "First")
    }

    @Test("what mending can't put right starts over, and never goes round", .timeLimit(.minutes(1)))
    func neverEnds() throws {
        try team.foreign(1, "UPDATE task SET title = 'Second'")
        try team.sync(1)
        // Without its key, every round adds a row.
        try team.foreign(
            0,
            """
            DROP TABLE task;
            CREATE TABLE task (id TEXT, project TEXT, title TEXT);
            INSERT INTO task (id, title) VALUES ('\(Self.task)', 'x'), ('\(Self.task)', 'y');
            """)
        try replica.tamper { try $0.execute(sql: "UPDATE ting_replica SET suspect = 1") }
        _ = try? team.run(replica, team.members[0])
        #expect(try mended() ?? 0 < 10)
        try expectSame()
        #expect(try text(0, "SELECT group_concat(title) FROM task") == "Second")
    }

    @Test(
        "a record moved to another collection with its id: the row is held back, the deletion goes",
        arguments: [true, false])
    func moved(atOnce: Bool) throws {
        let insert = "INSERT INTO project (id, title) SELECT id, title FROM task;"
        let delete = "DELETE FROM task;"
        if atOnce {
            try team.foreign(0, "BEGIN; \(insert) \(delete) COMMIT")
        } else {
            try team.foreign(0, insert)
            try team.sync(0)
            try team.foreign(0, delete)
        }
        try expectSame()
        #expect(try replica.status().invalid.map(\.collection) == ["project"])
        #expect(try text(0, "SELECT title FROM project") == "First")
        for position in [0, 1] { #expect(try text(position, "SELECT count(*) FROM task") == "0") }
        // Under an id of its own it goes.
        try team.foreign(0, "UPDATE project SET id = '\(Self.new)'")
        try expectSame()
        #expect(try text(1, "SELECT title FROM project") == "First")
        #expect(try replica.status().invalid.isEmpty)
    }

    @Test("the library refuses to move a record to another collection with its id")
    func movedByLibrary() throws {
        let id = try #require(RecordID(Self.task))
        for order in [true, false] {
            #expect(throws: InvalidEdit.self) {
                try replica.write { db in
                    if order { try replica.delete(db, "task", id) }
                    try replica.insert(db, "project", id, ["title": .text("First")])
                    if !order { try replica.delete(db, "task", id) }
                }
            }
        }
        try expectSame()
        #expect(try text(0, "SELECT title FROM task") == "First")
    }

    @Test("a rejected record leaves no row where another collection's record has its id")
    func rejectedElsewhere() throws {
        try team.foreign(0, "INSERT INTO project (id, title) VALUES ('\(Self.new)', 'Mine')")
        try replica.seal()
        try team.foreign(1, "INSERT INTO person (id, name) VALUES ('\(Self.new)', 'Theirs')")
        try team.sync(1)
        // The other's record comes before the verdict.
        try team.pull(0)
        #expect(try text(0, "SELECT name FROM person") == "Theirs")
        try team.sync(0)
        #expect(try replica.quarantine().count == 1)
        #expect(try text(0, "SELECT count(*) FROM project") == "0")
        #expect(try text(0, "SELECT name FROM person") == "Theirs")
        #expect(try replica.verify().matches)
        try replica.discardQuarantine(replica.quarantine().map(\.changeSet.id))
        try expectSame()
    }

    @Test("who takes away a held-back row takes no children of the record whose id it has")
    func childrenStay() throws {
        let project = "01890000-0000-7000-8000-0000000000c1"
        try team.foreign(
            0,
            """
            INSERT INTO project (id, title) VALUES ('\(project)', 'Water');
            UPDATE task SET project = '\(project)';
            """)
        try team.sync(0)
        try team.foreign(0, "INSERT INTO person (id, name) VALUES ('\(project)', 'x')")
        try replica.seal()
        try team.foreign(0, "DELETE FROM person")
        try expectSame()
        #expect(try text(1, "SELECT title FROM task") == "First")
    }

    @Test("an id written into two tables at once is held back in both, and each is told")
    func heldTwice() throws {
        let names = "(id, title) VALUES ('\(Self.new)', 'One')"
        try team.foreign(
            0,
            """
            INSERT INTO project \(names); INSERT INTO task \(names);
            INSERT INTO project (id, title) VALUES ('no id', 'Two');
            INSERT INTO task (id, title) VALUES ('no id', 'Two');
            """)
        let held = try replica.status().invalid.map { "\($0.collection) \($0.record)" }
        #expect(
            held.sorted() == [
                "project \(Self.new)", "project no id", "task \(Self.new)", "task no id",
            ])
        // What a later seal finds of one leaves what is known of the other.
        try team.foreign(0, "DELETE FROM project WHERE id IN ('\(Self.new)', 'no id')")
        #expect(try replica.seal().map { "\($0.collection) \($0.record)" } == ["task no id"])
        try team.foreign(0, "DELETE FROM task WHERE id = 'no id'")
        #expect(try replica.seal().isEmpty)
        try expectSame()
        #expect(
            try text(1, "SELECT title FROM task WHERE id = '\(Self.new)'") == "One")
        #expect(try text(1, "SELECT count(*) FROM project") == "0")
    }

    @Test("what refers to a row whose id is another collection's waits; what refers to that goes")
    func referred() throws {
        try team.foreign(
            0,
            """
            INSERT INTO person (id, name) VALUES ('\(Self.new)', 'Lin');
            INSERT INTO project (title) VALUES ('Water');
            """)
        try team.sync(0)
        try team.foreign(0, "INSERT INTO project (id, title) VALUES ('\(Self.new)', 'One')")
        try replica.seal()
        #expect(throws: InvalidEdit.self) {
            try replica.write {
                try $0.execute(sql: "UPDATE task SET project = '\(Self.new)'")
            }
        }
        let lead = "UPDATE project SET lead = '\(Self.new)' WHERE title = 'Water'"
        try replica.write { try $0.execute(sql: lead) }
        try team.foreign(0, "UPDATE project SET lead = NULL WHERE title = 'Water'")
        try replica.seal()
        try team.foreign(0, lead)
        #expect(try replica.seal().map(\.collection) == ["project"])
        try expectSame()
        #expect(try text(1, "SELECT lead FROM project") == Self.new)
    }

    // MARK: In one collection

    private func insertTwice() throws {
        try team.foreign(
            0,
            """
            INSERT INTO project (id, title, summary, progress, code)
            VALUES ('\(Self.new)', 'A title', 'A summary', 500, 'AA')
            """)
        #expect(try replica.status().invalid.map(\.field) == ["progress"])
        try team.foreign(
            1,
            """
            INSERT INTO project (id, title, code, budget)
            VALUES ('\(Self.new)', 'B title', 'BB', 7)
            """)
        try team.sync(1)
    }

    private static let row = """
        SELECT coalesce(title, '') || '/' || coalesce(summary, '') || '/' || coalesce(progress, '')
        || '/' || coalesce(code, '') || '/' || coalesce(budget, '') FROM project
        """

    @Test("a held-back record stays whole where another of its id comes", .tags(.promise3))
    func heldInsert() throws {
        try insertTwice()
        for _ in 0..<2 {
            try team.sync(0)
            #expect(try text(0, Self.row) == "A title/A summary/500/AA/")
            #expect(try replica.status().invalid.map(\.field) == ["progress"])
            #expect(try replica.outbox().isEmpty)
            #expect(try replica.verify().matches)
        }
        #expect(
            try team.entries().allSatisfy {
                $0.changeSet.operations.allSatisfy { $0.kind == .insert }
            })
        // Mended, it is an insert of an id that exists: an update from the defaults.
        try team.foreign(0, "UPDATE project SET progress = 50")
        try replica.seal()
        #expect(try text(0, Self.row) == "A title/A summary/50/AA/7")
        try expectSame()
        for position in [0, 1] {
            #expect(try text(position, Self.row) == "A title/A summary/50/BB/7")
            let open = try text(
                position,
                "SELECT group_concat(field) FROM (SELECT field FROM conflict ORDER BY field)")
            #expect(open == "code,title")
        }
        let kinds = try team.entries().last?.changeSet.operations.map(\.kind)
        #expect(kinds == [.insert])
    }

    @Test("it stays whole where the replica starts over, whatever came before that")
    func heldInsertStartsOver() throws {
        try insertTwice()
        try team.sync(0)
        let path = team.folder.appending(path: "snapshot.sqlite").path
        _ = try team.workspace.writeSnapshot(to: path)
        try replica.startOver(from: path, because: .notMended)
        #expect(try text(0, Self.row) == "A title/A summary/500/AA/")
        try team.foreign(0, "UPDATE project SET progress = 50")
        try expectSame()
        #expect(try text(1, Self.row) == "A title/A summary/50/BB/7")
    }

    @Test("given up, it shows what others made under its id")
    func heldInsertGivenUp() throws {
        try insertTwice()
        try team.sync(0)
        try team.foreign(0, "DELETE FROM project")
        try expectSame()
        #expect(try text(0, Self.row) == "B title//0/BB/7" || text(0, Self.row) == "B title///BB/7")
        #expect(try replica.status().invalid.isEmpty)
        #expect(try text(1, "SELECT count(*) FROM project") == "1")
    }

    @Test("what refers to it goes: all have a record of that id")
    func heldInsertReferred() throws {
        try insertTwice()
        try team.sync(0)
        try team.foreign(0, "UPDATE task SET project = '\(Self.new)'")
        try team.sync(0)
        try team.sync(1)
        #expect(try text(1, "SELECT project FROM task") == Self.new)
    }

    @Test(
        "two starts of one counter are a conflict, which who goes on from the second leaves open",
        .tags(.promise3))
    func counterStarts() throws {
        for (position, hours) in [(0, 5), (1, 8)] {
            try team.replicas[position].write {
                try $0.execute(
                    sql: "INSERT INTO project (id, hours) VALUES ('\(Self.new)', \(hours))")
            }
        }
        try team.replicas[1].write { try $0.execute(sql: "UPDATE project SET hours = 9") }
        #expect(try team.replicas[1].outbox().count == 2)
        try expectSame()
        for position in [0, 1] {
            #expect(try text(position, "SELECT hours FROM project") == "6")
            let conflict = "SELECT group_concat(kind || field || other || status) FROM conflict"
            #expect(try text(position, conflict) == "fieldhours8open")
        }
    }
}
