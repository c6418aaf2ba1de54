// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// Tools that take a table apart, or drop what notes their edits.
@Suite("A replica whose definition another tool changed", .tags(.promise11))
struct DefinitionTests {
    static let task = "01890000-0000-7000-8000-0000000000a1"
    static let other = "01890000-0000-7000-8000-0000000000a2"
    private let team: Team
    private var replica: Replica { team.replicas[0] }

    init() throws {
        team = try Team(2)
        try team.foreign(
            0,
            """
            INSERT INTO task (id, title) VALUES ('\(Self.task)', 'First'), ('\(Self.other)', 'Other')
            """)
        for position in [0, 1] { try team.sync(position) }
    }

    private func titles(_ position: Int) throws -> [String] {
        try team.replicas[position].read {
            try String.fetchAll($0, sql: "SELECT title FROM task ORDER BY id")
        }
    }

    private func expectSame(_ titles: [String]) throws {
        try team.expectAgreement()
        for position in [0, 1] { #expect(try self.titles(position) == titles) }
    }

    @Test(
        "a trigger that was dropped is made anew and told, whatever comes next",
        arguments: ["update", "insert", "delete", "replace", "rename"])
    func dropped(_ kind: String) throws {
        let name = "ting_task_\(kind)"
        for look in 0..<4 {
            try team.foreign(0, "DROP TRIGGER \(name)")
            let again = try Replica(path: replica.path, schema: team.schema, clock: { 0 })
            switch look {
            case 0: _ = try again.status()
            case 1: #expect(try again.verify().matches)
            case 2: try again.write { _ in }
            default: try team.run(again, team.members[0])
            }
            #expect(again.remade == ["trigger \(name)"])
            #expect(try !again.status().isSuspect)
            try again.close()
        }
        try team.foreign(0, "UPDATE task SET title = 'Second' WHERE id = '\(Self.task)'")
        try expectSame(["Second", "Other"])
        #expect(replica.remade == [])
    }

    @Test("a replica that is open notices it, too")
    func droppedMeanwhile() throws {
        _ = try replica.status()
        try team.foreign(0, "DROP TRIGGER ting_task_update")
        _ = try replica.status()
        #expect(replica.remade == ["trigger ting_task_update"])
    }

    @Test("a trigger that does something else is found by verify")
    func changed() throws {
        try team.foreign(
            0,
            """
            DROP TRIGGER ting_task_update;
            CREATE TRIGGER ting_task_update AFTER UPDATE ON task BEGIN SELECT 1; END;
            """)
        #expect(try replica.verify().matches)
        #expect(replica.remade == ["trigger ting_task_update"])
        try team.foreign(0, "UPDATE task SET title = 'Second' WHERE id = '\(Self.task)'")
        try expectSame(["Second", "Other"])
    }

    @Test("an edit that no trigger noted is put right, and kept aside")
    func unnoticed() throws {
        try team.foreign(
            0,
            """
            DROP TRIGGER ting_task_update;
            UPDATE task SET title = 'Unnoticed' WHERE id = '\(Self.task)';
            """)
        #expect(try replica.status().isSuspect)
        #expect(try team.run(replica, team.members[0]).mended == 1)
        try expectSame(["First", "Other"])
        let aside = try replica.read { try String.fetchOne($0, sql: "SELECT was FROM ting_mended") }
        #expect(aside?.contains("Unnoticed") == true)
    }

    @Test(
        "a table that was dropped is made anew, its rows come back, and edits on top stay",
        .tags(.promise4))
    func noTable() throws {
        try replica.write {
            try $0.execute(sql: "UPDATE task SET title = 'Mine' WHERE id = '\(Self.task)'")
        }
        try team.foreign(0, "DROP TABLE task")
        #expect(try replica.status().isSuspect)
        #expect(replica.remade.first == "table task")
        #expect(replica.remade.filter { $0.hasPrefix("trigger ") }.count == 5)
        #expect(try titles(0) == ["Mine"])
        #expect(try team.run(replica, team.members[0]).startedOver == nil)
        try expectSame(["Mine", "Other"])
    }

    @Test("what was held back in a table that was dropped is gone, and no edit comes of it")
    func heldInNoTable() throws {
        try team.foreign(
            0,
            """
            UPDATE task SET title = 'a' || char(0) WHERE id = '\(Self.task)';
            INSERT INTO task (id, title) VALUES ('none', 'x');
            """)
        #expect(try replica.status().invalid.count == 2)
        try team.foreign(0, "DROP TABLE task")
        try expectSame(["First", "Other"])
        #expect(try replica.status().invalid.isEmpty)
        #expect(try team.entries().count == 1)
    }

    @Test("a table that a tool put together without its key gets it back, with its rows")
    func noKey() throws {
        try team.foreign(
            0,
            """
            CREATE TABLE new AS SELECT * FROM task;
            INSERT INTO new SELECT id, project, 'Twice' FROM task WHERE id = '\(Self.task)';
            DROP TABLE task;
            ALTER TABLE new RENAME TO task;
            """)
        #expect(try replica.verify().matches)
        #expect(replica.remade.contains("table task"))
        let aside = try replica.read { try String.fetchAll($0, sql: "SELECT was FROM ting_mended") }
        #expect(aside.count == 1 && aside.first?.contains("Twice") == true)
        try team.foreign(
            0, "INSERT OR REPLACE INTO task (id, title) VALUES ('\(Self.task)', 'Second')")
        try expectSame(["Second", "Other"])
    }

    @Test("a table whose key a tool put last is put together anew, and edits go on")
    func keyLast() throws {
        let rest = try replica.read {
            try String.fetchAll(
                $0,
                sql: """
                    SELECT sql FROM sqlite_schema
                    WHERE tbl_name = 'task' AND type <> 'table' AND sql IS NOT NULL
                    """)
        }
        #expect(rest.count > 5)
        try team.foreign(
            0,
            """
            CREATE TABLE new (
              project TEXT, title TEXT, mine VARCHAR DEFAULT 'none', id TEXT PRIMARY KEY NOT NULL);
            INSERT INTO new SELECT project, title, 'Mine', id FROM task;
            DROP TABLE task;
            ALTER TABLE new RENAME TO task;
            \(rest.joined(separator: ";\n"));
            CREATE INDEX own ON task (mine);
            """)
        try replica.write {
            try $0.execute(sql: "UPDATE task SET title = 'Second' WHERE id = '\(Self.task)'")
        }
        #expect(replica.remade.contains("table task"))
        let own = try replica.read {
            try String.fetchAll(
                $0,
                sql: """
                    SELECT mine FROM task UNION ALL
                    SELECT name FROM sqlite_schema WHERE tbl_name = 'task' AND name = 'own'
                    """)
        }
        #expect(own == ["Mine", "Mine", "own"])
        try replica.write {
            try $0.execute(sql: "DELETE FROM task WHERE id = '\(Self.other)'")
        }
        let sealed = try replica.outbox().flatMap(\.changeSet.operations)
        #expect(sealed.map(\.kind) == [.update, .delete])
        #expect(sealed.map(\.record.description) == [Self.task, Self.other])
        try expectSame(["Second"])
    }

    @Test("rows that don't fit the table are replaced by the server's")
    func noKeyNorType() throws {
        try team.foreign(
            0,
            """
            DROP TABLE task;
            CREATE TABLE task (id, title);
            INSERT INTO task VALUES ('\(Self.task)', x'00'), ('\(Self.other)', 'Other');
            """)
        try expectSame(["First", "Other"])
    }
}
