// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingTesting

@testable import TingStore

@Suite("Opening a file of another version")
struct OpeningTests {
    private let team: Team
    private let path: String
    private static let project = "01890000-0000-7000-8000-000000000001"

    init() throws {
        team = try Team(1)
        path = team.replicas[0].path
        try team.replicas[0].write { db in
            try db.execute(
                sql: """
                    INSERT INTO project (id, title, hours) VALUES ('\(Self.project)', 'Ting', 3);
                    INSERT INTO task (project, title) VALUES ('\(Self.project)', 'One');
                    """)
        }
        try team.sync(0)
        try team.replicas[0].write { try $0.execute(sql: "UPDATE project SET title = 'Thing'") }
        try team.foreign(0, "UPDATE project SET summary = 'unsealed'")
    }

    private func open(_ version: Int) throws -> Replica {
        try Replica(
            path: path, schema: .sample(version), clock: { [clock = team.clock] in clock.time })
    }

    @Test("an older replica gets what it lacks: same digest, same outbox, no change set")
    func older() throws {
        let before = try team.replicas[0].status().digest
        let outbox = try team.replicas[0].outbox()
        try team.replicas[0].close()
        let replica = try open(3)
        #expect(try replica.status().digest == before)
        #expect(try replica.outbox() == outbox)
        #expect(try replica.verify().matches)
        let row = try replica.read { db in
            try Row.fetchOne(db, sql: "SELECT title, priority, views, ceiling FROM project")
        }
        #expect(row == ["title": "Thing", "priority": "normal", "views": 0, "ceiling": 100])
    }

    @Test("a file of the second layout loses its index of notes, and keeps the notes")
    func secondLayout() throws {
        try team.foreign(
            0,
            """
            CREATE INDEX ting_note_record ON ting_note(record);
            UPDATE ting_schema SET layout = 2;
            """)
        try team.replicas[0].close()
        let replica = try open(1)
        let (index, layout) = try replica.read { db in
            try (
                Int.fetchOne(
                    db,
                    sql: "SELECT count(*) FROM sqlite_schema WHERE name = 'ting_note_record'"),
                Int.fetchOne(db, sql: "SELECT layout FROM ting_schema")
            )
        }
        #expect(index == 0 && layout == SchemaTable.layout)
        try replica.seal()
        #expect(try replica.outbox().last?.changeSet.operations[0].fields[0].field == "summary")
    }

    @Test("what a file of the second layout holds back it knows by collection, too")
    func heldBackBefore() throws {
        let insert = "(id, title) VALUES ('no id', 'x')"
        try team.foreign(
            0,
            "INSERT INTO task \(insert); UPDATE project SET progress = 500 WHERE progress IS NULL")
        let held = try team.replicas[0].seal()
        #expect(held.count == 2)
        try team.foreign(
            0,
            """
            CREATE TABLE former (
              record TEXT NOT NULL, field TEXT NOT NULL, collection TEXT NOT NULL,
              problem TEXT NOT NULL, remedy TEXT NOT NULL, epoch TEXT NOT NULL,
              version INTEGER NOT NULL, seen BLOB, PRIMARY KEY (record, field)
            ) STRICT, WITHOUT ROWID;
            INSERT INTO former SELECT record, field, collection, problem, remedy, epoch, version, seen
            FROM ting_invalid;
            DROP TABLE ting_invalid;
            ALTER TABLE former RENAME TO ting_invalid;
            UPDATE ting_schema SET layout = 2;
            """)
        let seen = "SELECT group_concat(hex(seen)) FROM ting_invalid"
        let before = try team.replicas[0].read { try String.fetchOne($0, sql: seen) }
        try team.replicas[0].close()
        let replica = try open(1)
        #expect(try replica.status().invalid == held)
        #expect(try replica.read { try String.fetchOne($0, sql: seen) } == before)
        try team.foreign(path, "INSERT INTO project \(insert)")
        #expect(
            try replica.seal().map { "\($0.collection) \($0.field ?? "")" }.sorted()
                == ["project ", "project progress", "task "])
    }

    @Test("notes of an SQL tool that were not sealed yet are sealed by the newer program")
    func unsealed() throws {
        try team.replicas[0].close()
        let replica = try open(2)
        try replica.seal()
        let last = try #require(try replica.outbox().last?.changeSet)
        #expect(
            last.operations.map(\.fields) == [
                [FieldEdit("summary", before: .null, after: .text("unsealed"), time: last.time)]
            ])
    }

    @Test(
        "a row that was replaced, moved or deleted before its fields changed places is noted by name"
    )
    func placesChange() throws {
        try team.replicas[0].seal()
        let task = "01890000-0000-7000-8000-000000000002"
        let other = "01890000-0000-7000-8000-000000000003"
        try team.replicas[0].write { db in
            try db.execute(
                sql: """
                    INSERT INTO task (id, project, title) VALUES
                    ('\(task)', '\(Self.project)', 'Two'), ('\(other)', '\(Self.project)', 'Three');
                    """)
        }
        let sent = try team.replicas[0].outbox().count
        try team.foreign(
            0,
            """
            REPLACE INTO project (id, title, hours) VALUES ('\(Self.project)', 'Replaced', 4);
            DELETE FROM task WHERE id = '\(task)';
            UPDATE task SET id = '01890000-0000-7000-8000-000000000004' WHERE id = '\(other)';
            """)
        try team.replicas[0].close()
        let turned = Schema(
            name: "sample", version: 2,
            collections: Schema.sample(2).written.map {
                CollectionSchema($0.name, fields: $0.fields.reversed())
            })
        let replica = try Replica(
            path: path, schema: turned, clock: { [clock = team.clock] in clock.time })
        try replica.seal()
        let changes = try replica.outbox().dropFirst(sent).flatMap(\.changeSet.operations)
        let project = try #require(changes.first { $0.collection == "project" })
        #expect(
            project.fields.map { "\($0.field): \($0.before) \($0.after)" } == [
                "hours: integer(3) integer(4)",
                #"summary: text("unsealed") null"#,
                #"title: text("Thing") text("Replaced")"#,
            ])
        #expect(changes.count { $0.kind == .delete } == 2)
        #expect(try replica.verify().matches)
    }

    @Test("notes of an earlier layout are kept as they are, texts of digits too")
    func strictNotes() throws {
        try team.replicas[0].seal()
        try team.foreign(
            0,
            """
            UPDATE project SET summary = 'later';
            DROP TABLE ting_note;
            CREATE TABLE ting_note (
              seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, collection TEXT NOT NULL,
              record TEXT NOT NULL, field TEXT NOT NULL DEFAULT '', before ANY,
              time INTEGER NOT NULL DEFAULT 7, draft BLOB NOT NULL DEFAULT (randomblob(32))
            ) STRICT;
            INSERT INTO ting_note (seq, kind, collection, record, field, before)
            VALUES (5, 'u', 'project', '\(Self.project)', 'summary', '007');
            UPDATE ting_schema SET layout = 2;
            """)
        try team.replicas[0].close()
        let replica = try open(1)
        let kept = try replica.read { db in
            try Row.fetchOne(db, sql: "SELECT seq, before, time FROM ting_note")
        }
        #expect(kept == ["seq": 5, "before": "007", "time": 7])
        try replica.seal()
        #expect(
            try replica.outbox().last?.changeSet.operations.flatMap(\.fields).map(\.before)
                == [.text("007")])
    }

    @Test("a row that an earlier layout noted as JSON is read")
    func jsonNote() throws {
        try team.replicas[0].seal()
        try team.foreign(
            0,
            """
            DROP TRIGGER ting_project_replace;
            CREATE TRIGGER ting_project_replace BEFORE INSERT ON project BEGIN
              INSERT INTO ting_note (kind, collection, record, field, before)
              SELECT 'r', 'project', id, '', json_object('title', title, 'summary', summary, 'hours', hours)
              FROM project WHERE id = NEW.id;
            END;
            REPLACE INTO project (id, title, hours) VALUES ('\(Self.project)', 'Replaced', 4);
            """)
        try team.replicas[0].seal()
        let last = try #require(try team.replicas[0].outbox().last?.changeSet)
        #expect(
            last.operations.flatMap(\.fields).map(\.before) == [
                .integer(3), .text("unsealed"), .text("Thing"),
            ])
    }

    @Test("what an SQL tool writes to a new field is captured", .tags(.promise11))
    func captured() throws {
        try team.replicas[0].close()
        let replica = try open(2)
        try team.foreign(
            path, "UPDATE project SET priority = 'high'; INSERT INTO visit DEFAULT VALUES")
        try replica.seal()
        let operations = try replica.outbox().flatMap(\.changeSet.operations)
        #expect(operations.contains { $0.fields.contains { $0.field == "priority" } })
        #expect(operations.contains { $0.collection == "visit" && $0.kind == .insert })
        #expect(try replica.outbox().last?.changeSet.schema == 2)
    }

    @Test(
        "a newer file keeps its fields under an older program, whose edits don't erase them",
        .tags(.promise3))
    func newer() throws {
        try team.replicas[0].close()
        let newer = try open(2)
        try newer.write { db in
            try db.execute(sql: "UPDATE project SET priority = 'high', notes = 'kept'")
            try db.execute(sql: "INSERT INTO visit (place) VALUES ('Odense')")
        }
        try newer.close()
        let older = try open(1)
        #expect(older.schema == .sample(2))
        try older.write { try $0.execute(sql: "UPDATE project SET title = 'Again', hours = 4") }
        try older.close()
        let again = try open(2)
        let row = try again.read { db in
            try Row.fetchOne(
                db, sql: "SELECT title, priority, notes, place FROM project, visit")
        }
        #expect(row == ["title": "Again", "priority": "high", "notes": "kept", "place": "Odense"])
        #expect(try again.verify().matches)
    }

    @Test("a program that has the file open goes by the newer schema from its next edit on")
    func underway() throws {
        let running = team.replicas[0]
        let newer = try open(2)
        try newer.write { try $0.execute(sql: "UPDATE project SET notes = 'new'") }
        try running.write { try $0.execute(sql: "UPDATE project SET title = 'old program'") }
        #expect(running.schema.version == 2)
        #expect(try running.outbox().last?.changeSet.schema == 2)
        #expect(
            try newer.read { try String.fetchOne($0, sql: "SELECT notes FROM project") } == "new")
        #expect(try newer.verify().matches)
    }

    @Test("the search index and the rows stay: a new field touches no row")
    func cost() throws {
        let running = team.replicas[0]
        try running.write { db in
            for number in 0..<2_000 {
                try db.execute(sql: "INSERT INTO person (name) VALUES ('Person \(number)')")
            }
        }
        try running.close()
        func pages() throws -> [Int: Data] {
            let queue = try DatabaseQueue(path: path)
            _ = try queue.writeWithoutTransaction { try $0.checkpoint(.truncate) }
            try queue.close()
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            return Dictionary(
                uniqueKeysWithValues: stride(from: 0, to: data.count, by: 4_096).map {
                    ($0, data[$0..<min($0 + 4_096, data.count)])
                })
        }
        let before = try pages()
        try open(2).close()
        let after = try pages()
        let changed = before.filter { after[$0.key] != $0.value }.count
        #expect(before.count > 250)
        // Those of SQLite's own table of definitions, and of the free list.
        #expect(changed < 60)
    }

    @Test("a file of a later format is refused, and left as it is")
    func format() throws {
        try team.replicas[0].tamper { try $0.execute(sql: "UPDATE ting_replica SET format = 2") }
        #expect(throws: SchemaError.format(2)) { try open(2) }
        #expect(throws: SchemaError.format(2)) { try open(1) }
    }

    @Test("a schema that this program can't read is refused with what to do", .tags(.promise4))
    func unreadable() throws {
        try open(3).close()
        try team.replicas[0].tamper { db in
            try db.execute(
                sql: "UPDATE ting_schema SET json = replace(json, '\"money\"', '\"volume\"')")
        }
        let error = #expect(throws: SchemaError.self) { try open(2) }
        #expect(error == .unreadable(version: 3, known: 2))
        #expect(error?.remedy.contains("unsynced edits are kept") == true)
    }

    @Test("a schema of another application is refused")
    func different() throws {
        let other = Schema(name: "other", version: 2, collections: [])
        #expect(throws: SchemaError.differs("other is not sample.")) {
            try Replica(path: path, schema: other) { 0 }
        }
    }

    @Test(
        "a person's own table, view, index or column in the place of a new one is named, with what makes room",
        .tags(.promise4),
        arguments: [
            ("CREATE TABLE visit (id, place)", SchemaError.Taken.table("visit")),
            ("CREATE TABLE Visit (id TEXT PRIMARY KEY NOT NULL) STRICT", .table("Visit")),
            ("CREATE VIEW visit AS SELECT id FROM project", .view("visit")),
            ("CREATE INDEX visit ON project(title)", .index("visit")),
            ("ALTER TABLE project ADD COLUMN priority INTEGER", .column("priority", of: "project")),
            ("ALTER TABLE project ADD COLUMN Notes TEXT", .column("Notes", of: "project")),
            (
                "ALTER TABLE project ADD COLUMN notes TEXT AS (title)",
                .column("notes", of: "project")
            ),
        ])
    func taken(_ own: String, _ taken: SchemaError.Taken) throws {
        try team.replicas[0].seal()
        let outbox = try team.replicas[0].outbox()
        try team.replicas[0].close()
        try team.foreign(path, own)
        let error = #expect(throws: SchemaError.self) { try open(2) }
        #expect(error == .taken(taken))
        let older = try open(1)
        #expect(older.schema == .sample(1))
        #expect(try older.outbox() == outbox)
        try older.close()
        let remedy = try #require(error?.remedy.split(separator: "`").dropFirst().first)
        try team.foreign(path, String(remedy))
        let replica = try open(2)
        #expect(replica.schema == .sample(2))
        #expect(try replica.outbox() == outbox)
        #expect(try replica.verify().matches)
    }

    @Test("a column as the newer schema has it, which a person made, is no obstacle")
    func alike() throws {
        try team.replicas[0].close()
        try team.foreign(path, "ALTER TABLE project ADD COLUMN notes TEXT")
        #expect(try open(2).schema == .sample(2))
    }

    @Test("a workspace of a newer server serves under an older one, and comes back")
    func workspace() throws {
        let path = team.workspace.path
        let head = try team.workspace.head()
        try team.workspace.close()
        for version in [3, 1, 2, 3] {
            let workspace = try Workspace(path: path, schema: .sample(version))
            #expect(workspace.schema.version == 3)
            #expect(try workspace.head() == head)
            #expect(try workspace.verify().problems.isEmpty)
            try workspace.close()
        }
        team.workspace = try Workspace(path: path, schema: .sample(1))
        let fresh = try team.clone(for: team.members[0])
        #expect(fresh.schema == .sample(3))
        #expect(try fresh.contents() == team.workspace.contents())
    }

    /// Who changes the tables that a new file gets also raises `SchemaTable.layout`, so that files of
    /// before get them; this number then changes with it. What says the same in other words, as a check
    /// of `ting_shared` does, needs no new one.
    @Test("the layout's number is that of the tables")
    func layout() {
        let statements =
            Replica.definition(Schema(name: "none", version: 1, collections: []))
            + Workspace.definition(Schema(name: "none", version: 1, collections: []))
        let hash = Hash(of: Array(statements.joined(separator: ";\n").utf8)).description.prefix(8)
        #expect("\(SchemaTable.layout) \(hash)" == "4 d0928ccc")
    }
}
