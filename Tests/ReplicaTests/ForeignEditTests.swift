// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// Edits by tools that know nothing of Ting, in the orders and forms that once went wrong.
@Suite("Edits by any SQLite tool", .tags(.promise11))
struct ForeignEditTests {
    static let project = "01890000-0000-7000-8000-000000000001"
    static let task = "01890000-0000-7000-8000-0000000000a1"

    /// A team with a project and a task in it.
    static func team(_ size: Int = 2) throws -> Team {
        let team = try Team(size)
        try team.foreign(
            0,
            """
            INSERT INTO project (id, title, summary) VALUES ('\(Self.project)', 'Water', 'one');
            INSERT INTO task (id, project, title) VALUES ('\(Self.task)', '\(Self.project)', 'First');
            """)
        for position in 0..<size { try team.sync(position) }
        return team
    }

    private func team(_ size: Int = 2) throws -> Team { try Self.team(size) }

    private func text(_ team: Team, _ replica: Int, _ sql: String) throws -> String? {
        try team.replicas[replica].read { try String.fetchOne($0, sql: sql) }
    }

    @Test("text that is not in NFC is sealed, written back and goes on from in NFC")
    func normalized() throws {
        let team = try team()
        let decomposed = "A\u{30a}rhus"
        try team.foreign(0, "UPDATE project SET title = '\(decomposed)'")
        _ = try team.replicas[0].seal()
        let hex = try text(team, 0, "SELECT hex(title) FROM project")
        #expect(hex == "C385726875 73".replacingOccurrences(of: " ", with: ""))
        try team.foreign(0, "UPDATE project SET title = 'Odense'")
        let change = try #require(team.replicas[0].nextRequest().deliveries.last?.changeSet)
        let before = try #require(change.operations[0].fields[0].before.text)
        #expect(before.isNormalized)
        try team.expectAgreement()
        // The same text in another form is no edit, and does no harm.
        try team.foreign(0, "UPDATE project SET title = 'Å'")
        try team.expectAgreement()
        try team.foreign(0, "UPDATE project SET title = 'A\u{30a}'")
        #expect(try team.replicas[0].nextRequest().deliveries.isEmpty)
        try team.foreign(1, "UPDATE project SET budget = 4")
        try team.expectAgreement()
    }

    @Test(
        "a child edited, moved or made before its parent is deleted goes with it",
        arguments: [
            "UPDATE task SET title = 'x'; DELETE FROM project",
            "DELETE FROM project; UPDATE task SET title = 'x'",
            "UPDATE task SET project = NULL; UPDATE task SET project = '\(project)'; DELETE FROM project",
            "INSERT INTO task (project, title) VALUES ('\(project)', 'new'); DELETE FROM project",
        ])
    func cascade(_ sql: String) throws {
        let team = try team()
        try team.foreign(0, sql)
        try team.expectAgreement()
        #expect(try text(team, 1, "SELECT count(*) FROM task") == "0")
        #expect(try text(team, 1, "SELECT count(*) FROM project") == "0")
        #expect(try team.replicas[0].status().conflicts == 0)
    }

    /// A task that is below no project.
    private static let free = "01890000-0000-7000-8000-0000000000f1"

    @Test(
        "what is put below a record after it was deleted is held back, then brings it back",
        .tags(.promise2),
        arguments: [
            "DELETE FROM project; INSERT INTO task (project, title) VALUES ('\(project)', 'new')",
            "DELETE FROM project; UPDATE task SET project = '\(project)', title = 'new' WHERE id = '\(free)'",
        ])
    func belowDeleted(_ sql: String) throws {
        let team = try team()
        try team.foreign(0, "INSERT INTO task (id, title) VALUES ('\(Self.free)', 'free')")
        try team.expectAgreement()
        // The library refuses it whole.
        #expect(throws: InvalidEdit.self) {
            try team.replicas[0].write { try $0.execute(sql: sql) }
        }
        #expect(try text(team, 0, "SELECT count(*) FROM project") == "1")
        try team.foreign(0, sql)
        #expect(try team.replicas[0].status().invalid.map(\.field) == ["project"])
        // Once the deletion is everybody's, it is as if another member had made the child.
        try team.expectAgreement()
        for member in 0...1 {
            let rows =
                "SELECT count(*) FROM task JOIN project p ON p.id = project WHERE task.title = 'new'"
            #expect(try text(team, member, rows) == "1")
        }
        #expect(try team.replicas[0].status().conflicts == 1)
    }

    @Test("what is put below a record that was made and deleted meanwhile stays, and is told")
    func belowShortLived() throws {
        let team = try team()
        let gone = "01890000-0000-7000-8000-0000000000f2"
        let sql = """
            INSERT INTO project (id, title) VALUES ('\(gone)', 'short-lived');
            DELETE FROM project WHERE id = '\(gone)';
            INSERT INTO task (project, title) VALUES ('\(gone)', 'new')
            """
        #expect(throws: InvalidEdit.self) {
            try team.replicas[0].write { try $0.execute(sql: sql) }
        }
        try team.foreign(0, sql)
        #expect(try team.replicas[0].status().invalid.map(\.field) == ["project"])
        try team.sync(0)
        #expect(try text(team, 0, "SELECT count(*) FROM task WHERE title = 'new'") == "1")
        try team.foreign(0, "UPDATE task SET project = NULL WHERE title = 'new'")
        try team.expectAgreement()
        #expect(try text(team, 1, "SELECT count(*) FROM task WHERE title = 'new'") == "1")
    }

    @Test("a child that is taken out, and put back after its parent was deleted, brings that back")
    func putBack() throws {
        let team = try team()
        let tasks = try text(team, 0, "SELECT count(*) FROM task")
        try team.foreign(
            0,
            """
            UPDATE task SET project = NULL; DELETE FROM project;
            UPDATE task SET project = '\(Self.project)'
            """)
        try team.expectAgreement()
        #expect(try text(team, 1, "SELECT count(*) FROM task") == tasks)
        #expect(try text(team, 0, "SELECT count(*) FROM project") == "1")
        #expect(try team.replicas[0].status().conflicts == 1)
    }

    @Test(
        "a row whose id is not UTF-8 is held back, and told; the library refuses it",
        .tags(.promise2, .promise12))
    func unreadableID() throws {
        let team = try team()
        let insert = "INSERT INTO task (id, title) VALUES (CAST(x'ff' AS TEXT), 'precious')"
        #expect(throws: InvalidEdit.self) {
            try team.replicas[0].write { try $0.execute(sql: insert) }
        }
        try team.foreign(0, insert)
        #expect(try team.replicas[0].status().invalid.map(\.collection) == ["task"])
        try team.sync(0)
        #expect(try text(team, 0, "SELECT count(*) FROM task WHERE title = 'precious'") == "1")
        #expect(try team.replicas[0].status().invalid.count == 1)
        // Another one that reads alike, and below a record that goes in the same writing.
        try team.foreign(
            0,
            """
            INSERT INTO task (id, title) VALUES (CAST(x'fe' AS TEXT), 'precious too');
            DELETE FROM project;
            INSERT INTO task (id, title, project) VALUES (CAST(x'fd' AS TEXT), 'below', '\(Self.project)');
            INSERT INTO task (id, title, project) VALUES ('e' || char(0x301), 'odd', '\(Self.project)')
            """)
        #expect(try Set(team.replicas[0].status().invalid.map(\.record)).count == 4)
        try team.foreign(0, "DELETE FROM task WHERE title IN ('precious too', 'below', 'odd')")
        #expect(try team.replicas[0].status().invalid.count == 1)
        try team.foreign(0, "UPDATE task SET id = '\(Self.free)' WHERE title = 'precious'")
        try team.expectAgreement()
        #expect(try text(team, 1, "SELECT title FROM task WHERE id = '\(Self.free)'") == "precious")
    }

    @Test("what an index of a person's own refuses is told by its name", .tags(.promise12))
    func ownIndex() throws {
        let team = try team()
        try team.foreign(1, "CREATE UNIQUE INDEX mine ON task (title)")
        try team.foreign(0, "INSERT INTO task (title) VALUES ('same'), ('same')")
        try team.sync(0)
        let refused = #expect(throws: ReplicaError.self) { try team.sync(1) }
        #expect(refused == .refused("UNIQUE constraint failed: task.title", by: ["index mine"]))
        try team.foreign(1, "DROP INDEX mine")
        try team.expectAgreement()
        // What is missing is not blamed on what was added.
        try team.foreign(1, "CREATE INDEX mine ON task (title); DROP TABLE history")
        try team.foreign(0, "INSERT INTO task (title) VALUES ('other')")
        try team.sync(0)
        #expect(throws: DatabaseError.self) { try team.sync(1) }
    }

    @Test("so is one by a collation that only another program has", .tags(.promise12))
    func ownCollation() throws {
        let team = try team()
        var configuration = Configuration()
        configuration.prepareDatabase { db in
            db.add(collation: DatabaseCollation("mine") { $0.compare($1) })
        }
        let program = try DatabaseQueue(path: team.replicas[1].path, configuration: configuration)
        try program.write {
            try $0.execute(sql: "CREATE INDEX own ON task (title COLLATE mine)")
        }
        try program.close()
        try team.foreign(0, "INSERT INTO task (title) VALUES ('new')")
        try team.sync(0)
        let refused = #expect(throws: ReplicaError.self) { try team.sync(1) }
        #expect(refused == .refused("no such collation sequence: mine", by: ["index own"]))
        try team.foreign(1, "DROP INDEX own")
        try team.expectAgreement()
        #expect(try text(team, 1, "SELECT title FROM task WHERE title = 'new'") == "new")
    }

    @Test(
        "what is brought back against a person's own index is refused, and takes nothing away",
        .tags(.promise4, .promise12))
    func restoredAgainstOwnIndex() throws {
        let team = try team()
        let project = try #require(RecordID(Self.project))
        try team.replicas[0].write { try team.replicas[0].delete($0, "project", project) }
        try team.foreign(
            0,
            """
            CREATE UNIQUE INDEX mine ON project (title);
            INSERT INTO project (title) VALUES ('Water')
            """)
        for position in 0...1 { try team.sync(position) }
        let other = try text(team, 0, "SELECT id FROM project")
        let message = "UNIQUE constraint failed: project.title"
        let failed = #expect(throws: DatabaseError.self) {
            try team.replicas[0].write { try team.replicas[0].restore($0, "project", project) }
        }
        #expect(failed?.message == message)
        #expect(try team.replicas[0].outbox().isEmpty)
        // So it is where another member brings it back.
        try team.replicas[1].write { try team.replicas[1].restore($0, "project", project) }
        try team.sync(1)
        let refused = #expect(throws: ReplicaError.self) { try team.sync(0) }
        #expect(refused == .refused(message, by: ["index mine"]))
        #expect(try text(team, 0, "SELECT group_concat(id) FROM project") == other)
        try team.foreign(0, "DROP INDEX mine")
        try team.expectAgreement()
        #expect(try text(team, 0, "SELECT count(*) FROM project") == "2")
    }

    @Test("a column of a person's own keeps what it holds where its row is put together anew")
    func ownColumn() throws {
        let team = try team()
        try team.foreign(
            0, "ALTER TABLE project ADD COLUMN mine TEXT; UPDATE project SET mine = 'noted'")
        try team.foreign(0, "UPDATE project SET title = 'Waits'")
        try team.replicas[0].seal()
        try team.foreign(1, "UPDATE project SET budget = 7")
        try team.sync(1)
        try team.pull(0)
        let row = "SELECT title || budget || mine FROM project"
        #expect(try text(team, 0, row) == "Waits7noted")
        try team.expectAgreement()
        #expect(try text(team, 0, row) == "Waits7noted")
    }

    @Test("a deletion of what is still pending is sent as any server takes it")
    func deletionOfPending() throws {
        let team = try team()
        try team.foreign(0, "INSERT INTO project (title) VALUES ('pending')")
        _ = try team.replicas[0].seal()
        try team.foreign(1, "UPDATE project SET title = 'other'")
        try team.sync(1)
        // The base moves on, the insert is still pending.
        try team.pull(0)
        try team.foreign(0, "DELETE FROM project WHERE title = 'pending'")
        let deletion = try #require(
            team.replicas[0].nextRequest().deliveries.last?.changeSet.operations.last)
        #expect(deletion.kind == .delete && deletion.fields.allSatisfy { $0.field != "*" })
        try team.expectAgreement()
    }

    @Test("values that the merge made are not held against the next author")
    func mergedValuesAreValid() throws {
        let team = try team()
        let many = { (prefix: String) in
            "[" + (0..<1_500).map { "\"\(prefix)\($0)\"" }.joined(separator: ",") + "]"
        }
        try team.foreign(0, "UPDATE project SET partners = '\(many("a"))'")
        try team.foreign(1, "UPDATE project SET partners = '\(many("b"))'")
        try team.expectAgreement()
        try team.foreign(0, "UPDATE project SET title = 'Another field'")
        #expect(try team.replicas[0].status().invalid.isEmpty)
        try team.expectAgreement()
        #expect(try text(team, 1, "SELECT title FROM project") == "Another field")
    }

    @Test("a record that is given another's id replaces it")
    func replacingByRename() throws {
        let team = try team()
        let other = "01890000-0000-7000-8000-0000000000a2"
        try team.foreign(
            0,
            "INSERT INTO task (id, project, title) VALUES ('\(other)', '\(Self.project)', 'Other')")
        try team.expectAgreement()
        try team.foreign(
            0, "UPDATE OR REPLACE task SET id = '\(Self.task)' WHERE id = '\(other)'")
        try team.expectAgreement()
        for replica in team.replicas.indices {
            #expect(
                try text(team, replica, "SELECT group_concat(id || title) FROM task")
                    == Self.task + "Other")
            #expect(try text(team, replica, "SELECT group_concat(kind) FROM conflict") == nil)
        }
    }

    @Test("a record that is given another id takes children along that are pointed to it")
    func renamedWithChildren() throws {
        let team = try team()
        let new = "01890000-0000-7000-8000-000000000002"
        try team.foreign(
            0, "UPDATE project SET id = '\(new)'; UPDATE task SET project = '\(new)'")
        try team.expectAgreement()
        for replica in team.replicas.indices {
            #expect(try text(team, replica, "SELECT group_concat(id) FROM project") == new)
            #expect(try text(team, replica, "SELECT group_concat(project) FROM task") == new)
        }
    }

    @Test(
        "a record made, changed, deleted and restored offline meets no conflict with itself",
        .tags(.promise7))
    func restoredInsert() throws {
        let team = try team()
        let id = "01890000-0000-7000-8000-0000000000cc"
        let record = try #require(RecordID(id))
        let replica = team.replicas[0]
        try replica.write {
            try $0.execute(
                sql: "INSERT INTO project (id, summary, hours) VALUES ('\(id)', 'first', 5)")
        }
        try replica.write { try $0.execute(sql: "UPDATE project SET hours = 7 WHERE id = '\(id)'") }
        try replica.write { try replica.delete($0, "project", record) }
        try replica.write { try replica.restore($0, "project", record) }
        try replica.write { try replica.delete($0, "project", record) }
        try team.foreign(0, "INSERT INTO project (id, summary) VALUES ('\(id)', 'second')")
        try team.expectAgreement()
        #expect(try team.replicas[1].status().conflicts == 0)
        #expect(try text(team, 1, "SELECT summary FROM project WHERE id = '\(id)'") == "second")
    }

    @Test("the id of one record can't be taken by another collection")
    func takenID() throws {
        let team = try team()
        try team.foreign(0, "INSERT INTO person (id, name) VALUES ('\(Self.project)', 'x')")
        try team.foreign(0, "UPDATE project SET title = 'Goes on'")
        try team.expectAgreement()
        #expect(try team.replicas[0].status().invalid.map(\.collection) == ["person"])
        #expect(try text(team, 1, "SELECT title FROM project") == "Goes on")
    }

    @Test("an edit between two slices of an answer is sealed, and neither side's value is lost")
    func betweenSlices() throws {
        let team = try team()
        try team.foreign(1, "UPDATE project SET budget = 9")
        try team.sync(1)
        let request = try team.replicas[0].nextRequest()
        let judged = try team.workspace.accept(
            [.init(request: request, member: team.members[0].id, role: .editor)],
            now: team.clock.time)[0]
        let response = try team.workspace.reply(
            to: request, judgement: judged, role: .editor, members: nil, membersVersion: 1,
            now: team.clock.time)
        try team.foreign(0, "UPDATE project SET title = 'Meanwhile'")
        var summary = IntegrateSummary()
        try team.replicas[0].integrate(response, to: request, into: &summary)
        try team.expectAgreement()
        #expect(try text(team, 1, "SELECT title || budget FROM project") == "Meanwhile9")
    }
}
