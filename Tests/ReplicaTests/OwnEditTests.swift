// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// Edits inside `write`, which SQLite's pre-update hook notes in place of the triggers.
@Suite("Edits through the library")
struct OwnEditTests {
    static let project = "01890000-0000-7000-8000-000000000001"
    static let other = "01890000-0000-7000-8000-000000000002"
    static let task = "01890000-0000-7000-8000-0000000000a1"
    private let team: Team
    private var replica: Replica { team.replicas[0] }

    init() throws {
        team = try Team(1)
        try replica.write { db in
            try db.execute(
                sql: """
                    INSERT INTO project (id, title, summary) VALUES ('\(Self.project)', 'Water', 'one');
                    INSERT INTO task (id, project, title)
                    VALUES ('\(Self.task)', '\(Self.project)', 'First');
                    """)
        }
        try team.sync(0)
    }

    private func id(_ text: String) throws -> RecordID { try #require(RecordID(text)) }

    /// What one writing comes to, as kind, end of the id, and field = before → after.
    private func sealed(_ body: (Database) throws -> Void) throws -> [String] {
        let count = try replica.outbox().count
        try replica.write(body)
        let change = try replica.outbox().dropFirst(count).flatMap(\.changeSet.operations)
        #expect(
            try replica.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM ting_note") } == 0)
        return change.map { operation in
            let fields = operation.fields.map {
                " \($0.field)=\($0.before.isNull ? "" : $0.before.json)>\($0.after.json)"
            }
            return "\(operation.kind) \(operation.record.description.suffix(2))"
                + fields.joined()
        }
    }

    @Test("verbs and SQL come to the same change set")
    func verbs() throws {
        let values: [String: Value] = ["title": .text("New"), "hours": .integer(3)]
        let byVerb = try sealed { try replica.insert($0, "project", id(Self.other), values) }
        #expect(byVerb == ["insert 02 hours=>3 title=>\"New\""])
        let updated = try sealed { db in
            try replica.update(db, "project", id(Self.project), ["title": .text("Wind")])
            try replica.update(db, "project", id(Self.other), ["hours": .null])
        }
        #expect(
            updated == ["update 01 title=\"Water\">\"Wind\"", "update 02 hours=3>0"])
        let again = try sealed {
            try $0.execute(sql: "UPDATE project SET title = 'Sun', hours = 1")
        }
        #expect(
            again == [
                "update 01 hours=0>1 title=\"Wind\">\"Sun\"",
                "update 02 hours=0>1 title=\"New\">\"Sun\"",
            ])
        try team.expectAgreement()
    }

    @Test("several edits of one record fold to the first before and the last after")
    func folded() throws {
        let came = try sealed { db in
            try replica.update(db, "project", id(Self.project), ["title": .text("A")])
            try db.execute(sql: "UPDATE project SET title = 'B', summary = 'two'")
            try replica.update(db, "project", id(Self.project), ["title": .text("C")])
            try db.execute(sql: "UPDATE project SET summary = 'one'")
        }
        #expect(came == ["update 01 title=\"Water\">\"C\""])
        let none = try sealed { db in
            try replica.insert(db, "project", id(Self.other), ["title": .text("New")])
            try replica.delete(db, "project", id(Self.other))
            try replica.update(db, "project", id(Self.project), ["title": .text("C")])
        }
        #expect(none == [])
        try team.expectAgreement()
    }

    @Test("SQL that sets a field to what it is seals nothing: only the verb keeps a value")
    func kept() throws {
        let same = "UPDATE project SET title = title, summary = 'one', hours = hours + 0"
        #expect(try sealed { try $0.execute(sql: same) } == [])
        try team.foreign(0, same)
        #expect(try replica.seal().isEmpty)
        #expect(try replica.outbox().isEmpty)
        let keep = try sealed { try replica.keep($0, "project", id(Self.project), field: "title") }
        #expect(keep == ["update 01 title=\"Water\">\"Water\""])
        try team.expectAgreement()
    }

    @Test("what a savepoint took back is not sealed, whoever wrote it")
    func savepoints() throws {
        struct Stop: Error {}
        let came = try sealed { db in
            try? db.inSavepoint {
                try replica.insert(db, "project", id(Self.other), ["title": .text("Gone")])
                try replica.update(db, "project", id(Self.project), ["title": .text("Gone")])
                try db.execute(sql: "DELETE FROM task")
                throw Stop()
            }
            try replica.update(db, "project", id(Self.project), ["summary": .text("two")])
        }
        #expect(came == ["update 01 summary=\"one\">\"two\""])
        let failed = try sealed { db in
            try replica.update(db, "project", id(Self.project), ["title": .text("Kept")])
            // Each row is written before the second fails, and the statement with it.
            try? db.execute(
                sql: """
                    INSERT INTO project (id, title) VALUES ('\(Self.other)', 'No'),
                    ('\(Self.project)', 'No')
                    """)
        }
        #expect(failed == ["update 01 title=\"Water\">\"Kept\""])
        try team.expectAgreement()
    }

    @Test("a failure that ends the transaction leaves nothing of it")
    func ended() throws {
        let before = try replica.outbox().count
        #expect(throws: DatabaseError.self) {
            try replica.write { db in
                try replica.update(db, "project", id(Self.project), ["title": .text("Gone")])
                try? db.execute(
                    sql: "INSERT OR ROLLBACK INTO project (id) VALUES ('\(Self.project)')")
            }
        }
        #expect(try replica.outbox().count == before)
        try team.expectAgreement()
    }

    @Test("emptied tables, REPLACE, UPSERT and a new id are noted, also by statements kept ready")
    func forms() throws {
        for _ in 0..<2 {
            let replaced = try sealed {
                try $0.cachedStatement(
                    sql: "INSERT OR REPLACE INTO task (id, title) VALUES (?, 'Second')"
                ).execute(arguments: [Self.task])
                try $0.execute(
                    sql: """
                        INSERT INTO project (id, title) VALUES ('\(Self.project)', 'Up')
                        ON CONFLICT (id) DO UPDATE SET title = excluded.title
                        """)
            }
            #expect(
                replaced == [
                    "update a1 project=\"\(Self.project)\">null title=\"First\">\"Second\"",
                    "update 01 title=\"Water\">\"Up\"",
                ])
            let emptied = try sealed { try $0.cachedStatement(sql: "DELETE FROM task").execute() }
            #expect(emptied == ["delete a1"])
            _ = try sealed { db in
                try replica.restore(db, "task", id(Self.task))
                try replica.update(
                    db, "task", id(Self.task),
                    ["title": .text("First"), "project": .text(Self.project)])
                try replica.update(db, "project", id(Self.project), ["title": .text("Water")])
            }
        }
        let renamed = try sealed {
            try $0.execute(sql: "UPDATE project SET id = '\(Self.other)'")
        }
        #expect(Set(renamed.map { $0.prefix(9) }) == ["insert 02", "delete 01"])
        try team.expectAgreement()
    }

    @Test("deleting a record deletes its children, by SQL too")
    func children() throws {
        let came = try sealed { try $0.execute(sql: "DELETE FROM project") }
        #expect(came == ["delete 01", "delete a1"])
        try team.expectAgreement()
    }

    @Test(
        "a value that isn't canonical, or that SQLite stores as another type, is sealed as it stands"
    )
    func canonical() throws {
        let came = try sealed { db in
            try replica.update(
                db, "project", id(Self.project),
                ["title": .text("A\u{30a}rhus"), "summary": .integer(5)])
        }
        #expect(came == ["update 01 summary=\"one\">\"5\" title=\"Water\">\"Århus\""])
        let hex = try replica.read {
            try String.fetchOne($0, sql: "SELECT hex(title) FROM project")
        }
        #expect(hex == "C38572687573")
        try team.expectAgreement()
    }

    @Test("a column that somebody added and SQLite computes is nobody's edit, and stops none")
    func computed() throws {
        try team.foreign(
            0, "ALTER TABLE project ADD COLUMN n_len INTEGER AS (length(title)) VIRTUAL")
        let bySQL = try sealed { try $0.execute(sql: "UPDATE project SET title = 'Wind'") }
        #expect(bySQL == ["update 01 title=\"Water\">\"Wind\""])
        let byVerb = try sealed {
            try replica.update($0, "project", id(Self.project), ["title": .text("Sunlight")])
        }
        #expect(byVerb == ["update 01 title=\"Wind\">\"Sunlight\""])
        #expect(
            try replica.read { try Int.fetchOne($0, sql: "SELECT n_len FROM project") } == 8)
        let deleted = try sealed { try $0.execute(sql: "DELETE FROM project") }
        #expect(deleted == ["delete 01", "delete a1"])
        try team.expectAgreement()
    }

    @Test("what the schema doesn't allow is refused with its reason, and nothing is kept")
    func refused() throws {
        #expect(throws: InvalidEdit.self) {
            try replica.write {
                try replica.insert($0, "task", id(Self.other), ["project": .text(Self.task)])
            }
        }
        #expect(throws: InvalidEdit.self) {
            try replica.write { try replica.insert($0, "task", id(Self.project), [:]) }
        }
        #expect(throws: ReplicaError.unknownField("task.colour")) {
            try replica.write {
                try replica.update($0, "task", id(Self.task), ["colour": .text("red")])
            }
        }
        try team.expectAgreement()
    }

    @Test("an edit of a record that is not there is an error, and nothing is kept")
    func notThere() throws {
        #expect(throws: ReplicaError.unknownRecord(Self.other)) {
            try replica.write { db in
                try replica.update(db, "project", id(Self.project), ["title": .text("Gone")])
                try replica.update(db, "project", id(Self.other), ["title": .text("Nobody's")])
            }
        }
        try team.expectAgreement()
        #expect(
            try replica.read { try String.fetchOne($0, sql: "SELECT title FROM project") }
                == "Water")
    }

    @Test("many new records, whose ids are asked about together, may not have another's")
    func manyNew() throws {
        let ids = (10..<40).compactMap { RecordID("01890000-0000-7000-8000-0000000000\($0)") }
        func insertAll() throws {
            try replica.write { db in
                for (position, id) in ids.enumerated() {
                    try replica.insert(
                        db, position % 2 == 0 ? "project" : "person",
                        id, [position % 2 == 0 ? "title" : "name": .text("No \(position)")])
                }
            }
        }
        try team.foreign(0, "INSERT INTO task (id, title) VALUES ('\(ids[3])', 'There')")
        #expect(throws: InvalidEdit.self) { try insertAll() }
        try team.foreign(0, "DELETE FROM task WHERE id = '\(ids[3])'")
        try replica.seal()
        try insertAll()
        #expect(try replica.outbox().last?.changeSet.operations.count == ids.count)
        try team.expectAgreement()
    }

    @Test("an edit of a record that another tool left held back is sealed, or joins what waits")
    func heldBack() throws {
        try team.foreign(0, "UPDATE project SET status = 'nonsense'")
        try team.foreign(0, "INSERT INTO task (id, project) VALUES ('\(Self.other)', 'nobody')")
        try team.foreign(0, "UPDATE task SET project = 'nobody' WHERE id = '\(Self.task)'")
        _ = try? replica.seal()
        try replica.write { db in
            try replica.update(db, "task", id(Self.task), ["title": .text("Beside")])
            try replica.update(db, "task", id(Self.other), ["title": .text("Joins")])
        }
        let last = try #require(try replica.outbox().last?.changeSet)
        #expect(last.operations.map(\.record) == [try id(Self.task)])
        #expect(last.operations.flatMap(\.fields).map(\.field) == ["title"])
        try replica.write { db in
            try replica.update(db, "task", id(Self.other), ["project": .text(Self.project)])
        }
        let mended = try #require(try replica.outbox().last?.changeSet.operations.first)
        #expect(mended.kind == .insert)
        #expect(mended.fields.map(\.field) == ["project", "title"])
    }

    @Test(
        "a restore brings back the children that went with the record, synced or not",
        arguments: [false, true])
    func restoredWithChildren(isSynced: Bool) throws {
        try replica.write {
            try replica.insert(
                $0, "task", id(Self.other), ["project": .text(Self.project)])
        }
        for (collection, record) in [("task", Self.task), ("project", Self.project)] {
            try replica.write { try replica.delete($0, collection, id(record)) }
            if isSynced { try team.sync(0) }
        }
        let count = try replica.write { try replica.restore($0, "project", id(Self.project)) }
        #expect(count == 2)
        let tasks = try replica.read { try String.fetchAll($0, sql: "SELECT id FROM task") }
        #expect(tasks == [Self.other])
    }

    @Test("search finds what was sealed since, one change set at a time")
    func search() throws {
        _ = try replica.search("anything")
        try replica.write { db in
            try replica.insert(db, "project", id(Self.other), ["title": .text("Harbour")])
        }
        #expect(try replica.search("harbour").map(\.id) == [id(Self.other)])
        try replica.write {
            try replica.update($0, "project", id(Self.other), ["title": .text("Lighthouse")])
        }
        #expect(try replica.search("harbour").isEmpty)
        try team.sync(0)
        #expect(try replica.search("lighthouse").map(\.id) == [id(Self.other)])
    }

    @Test("verbs take no collection and no field that the schema lacks, however it is spelled")
    func unknownNames() throws {
        let (project, nobody) = (try id(Self.project), try id(Self.other))
        for name in ["nothing", "project\" WHERE ? IS NOT NULL --"] {
            let verbs: [(Database) throws -> Void] = [
                { try replica.delete($0, name, project) },
                { try replica.restore($0, name, project) },
                { try replica.keep($0, name, project, field: nil) },
                { try replica.update($0, name, project, [:]) },
                { try replica.insert($0, name, nobody, [:]) },
            ]
            for verb in verbs {
                #expect(throws: ReplicaError.unknownCollection(name)) { try replica.write(verb) }
            }
        }
        #expect(throws: ReplicaError.unknownField("project.nothing")) {
            try replica.write { try replica.keep($0, "project", project, field: "nothing") }
        }
        #expect(try replica.write { try replica.delete($0, "project", nobody) } == 0)
        #expect(try replica.outbox().isEmpty)
    }
}
