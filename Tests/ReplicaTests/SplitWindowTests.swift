// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingTesting

@testable import TingStore

/// Edits that go into several change sets, because one would go beyond a limit: what they come to is
/// what one change set would have come to.
@Suite("Windows of edits larger than a change set", .tags(.promise11))
struct SplitWindowTests {
    static let project = "01890000-0000-7000-8000-000000000001"
    static let other = "01890000-0000-7000-8000-000000000002"

    private static func task(_ number: Int) -> String {
        "01890000-0000-7000-8000-0000000001\(number < 10 ? "0" : "")\(number)"
    }

    private static func insertTasks(_ numbers: Range<Int>, title: String = "'task'") -> String {
        numbers.map {
            """
            INSERT INTO task (id, project, title) VALUES ('\(task($0))', '\(project)', \(title));
            """
        }.joined(separator: "\n")
    }

    private static let insertProject = """
        INSERT INTO project (id, code, title) VALUES ('\(project)', 'V1', 'Water');
        """

    /// A team that shares a project with five tasks.
    private func team() throws -> Team {
        let team = try Team(2)
        try team.foreign(0, Self.insertProject + Self.insertTasks(0..<5))
        for position in 0..<2 { try team.sync(position) }
        return team
    }

    /// Seals as if no more operations went into one change set.
    private func seal(_ replica: Replica, operations: Int) throws {
        _ = try replica.quietly { db in
            try Sealer(replica, db, room: ChangeSetRoom(operations: operations)).seal(message: "")
        }
    }

    private func outbox(_ replica: Replica) throws -> [ChangeSet] {
        try replica.nextRequest().deliveries.map(\.changeSet)
    }

    /// The records of the outbox's operations, by change set.
    private func sealedRecords(_ replica: Replica) throws -> [[String]] {
        try outbox(replica).map { $0.operations.map(\.record.description) }
    }

    /// Both replicas and the workspace agree, and nobody was told no.
    private func expectSmooth(_ team: Team) throws {
        for _ in 0..<2 { for position in 0..<2 { try team.sync(position) } }
        for replica in team.replicas {
            let status = try replica.status()
            #expect(status.outbox == 0 && status.quarantine == 0 && status.conflicts == 0)
            let state = try team.workspace.head().state
            #expect(status.digest == state)
            let matches = try replica.verify().matches
            #expect(matches)
        }
        let problems = try team.workspace.verify().problems
        #expect(problems == [])
    }

    private func count(_ team: Team, _ source: String) throws -> Int? {
        try team.replicas[1].read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM \(source)")
        }
    }

    @Test("a record that is deleted with more below it than one change set holds stays deleted")
    func deletion() throws {
        let team = try team()
        try team.foreign(0, "DELETE FROM project")
        try seal(team.replicas[0], operations: 2)
        let changeSets = try outbox(team.replicas[0])
        #expect(changeSets.count == 3)
        try expectSmooth(team)
        #expect(try count(team, "project") == 0)
        #expect(try count(team, "task") == 0)
    }

    @Test("a child that moved away before its parent was deleted stays, and the parent goes")
    func moved() throws {
        let team = try team()
        try team.foreign(
            0,
            """
            INSERT INTO project (id, title) VALUES ('\(Self.other)', 'Air');
            UPDATE project SET title = 'Old water' WHERE id = '\(Self.project)';
            UPDATE task SET project = '\(Self.other)' WHERE id <> '\(Self.task(4))';
            DELETE FROM project WHERE id = '\(Self.project)';
            """)
        try seal(team.replicas[0], operations: 1)
        let changeSets = try outbox(team.replicas[0])
        #expect(changeSets.count == 7)
        try expectSmooth(team)
        #expect(try count(team, "project") == 1)
        #expect(try count(team, "task WHERE project = '\(Self.other)'") == 4)
        #expect(try count(team, "task") == 4)
    }

    @Test("a unique text goes to the record made after its holder was deleted")
    func unique() throws {
        let team = try team()
        try team.foreign(
            0,
            """
            DELETE FROM project;
            INSERT INTO project (id, code) VALUES ('\(Self.other)', 'V1');
            """)
        try seal(team.replicas[0], operations: 2)
        try expectSmooth(team)
        #expect(try count(team, "project WHERE code = 'V1'") == 1)
    }

    @Test("a child that comes back with its parent does not bring that back on its own")
    func restored() throws {
        let team = try team()
        try team.foreign(0, "DELETE FROM project")
        try team.sync(0)
        try team.foreign(0, Self.insertTasks(0..<5, title: "'again'") + Self.insertProject)
        try seal(team.replicas[0], operations: 2)
        try expectSmooth(team)
        #expect(try count(team, "project WHERE code = 'V1'") == 1)
        #expect(try count(team, "task WHERE title = 'again'") == 5)
    }

    @Test("children written before their parent are accepted, however large they are")
    func childrenFirst() throws {
        let team = try Team(2)
        let title = "printf('%.900000c', 'x')"
        try team.foreign(
            0,
            "BEGIN; \(Self.insertTasks(0..<3, title: title)) \(Self.insertProject) COMMIT")
        try expectSmooth(team)
        #expect(try count(team, "task WHERE length(title) = 900000") == 3)
        let version = try team.workspace.head().version
        #expect(version == 2)
    }

    @Test("an edit that refers to a new record comes after it")
    func updateRefers() throws {
        let team = try team()
        let person = "01890000-0000-7000-8000-000000000003"
        try team.foreign(
            0,
            """
            UPDATE project SET title = 'Fresh water';
            UPDATE task SET title = 'one';
            INSERT INTO person (id, name) VALUES ('\(person)', 'Mette');
            UPDATE project SET lead = '\(person)';
            """)
        try seal(team.replicas[0], operations: 2)
        try expectSmooth(team)
        #expect(try count(team, "project WHERE lead = '\(person)'") == 1)
    }

    @Test("what fits into one change set keeps the order in which it was written")
    func fits() throws {
        let team = try Team(2)
        try team.foreign(0, "BEGIN; \(Self.insertTasks(0..<3)) \(Self.insertProject) COMMIT")
        try seal(team.replicas[0], operations: 4)
        let records = try sealedRecords(team.replicas[0])
        #expect(records == [(0..<3).map(Self.task) + [Self.project]])
        try expectSmooth(team)
    }

    @Test("two copies of a file make the same change sets of one window")
    func copies() throws {
        let team = try Team(1)
        try team.foreign(0, "BEGIN; \(Self.insertTasks(0..<5)) \(Self.insertProject) COMMIT")
        let path = team.folder.appending(path: "copy.sqlite").path
        try team.foreign(0, "VACUUM INTO '\(path)'")
        let copy = try Replica(
            path: path, schema: team.schema, clock: { [clock = team.clock] in clock.time })
        try seal(team.replicas[0], operations: 2)
        try seal(copy, operations: 2)
        let (made, again) = (try outbox(team.replicas[0]), try outbox(copy))
        #expect(made.count == 3)
        #expect(made == again)
        let records = try sealedRecords(copy)
        #expect(records.first == [Self.project, Self.task(0)])
    }

    @Test("records that refer to each other in a circle come one after the other")
    func circle() throws {
        let schema = Schema(
            name: "circle", version: 1,
            collections: [
                CollectionSchema(
                    "part",
                    fields: [
                        Field("whole", .reference, .latest, to: ["part"], parent: true),
                        Field("title", .text, .latest),
                    ])
            ])
        let team = try Team(2, schema: schema)
        let next = [1: 2, 2: 1, 3: 3]
        try team.foreign(
            0,
            "BEGIN;"
                + [1, 0, 3, 2].map { number in
                    let whole = next[number].map { "'\(Self.task($0))'" } ?? "NULL"
                    return "INSERT INTO part (id, whole) VALUES ('\(Self.task(number))', \(whole));"
                }.joined() + "COMMIT")
        try seal(team.replicas[0], operations: 2)
        let records = try sealedRecords(team.replicas[0])
        #expect(
            records == [[Self.task(2), Self.task(1)], [Self.task(0), Self.task(3)]])
    }

    @Test("fifty thousand records, each below the next, are put in order")
    func chain() throws {
        let collection = try #require(Schema.sample.collection("task"))
        let drafts = try (0..<50_000).map { number in
            let note: Row = [
                "kind": "i", "collection": "task", "record": Data("r\(number)".utf8), "field": "",
                "before": nil, "time": 0, "draft": Data(), "seq": number,
            ]
            let draft = SealDraft(try Fold(collection, note))
            draft.operation = Operation(
                .insert, "task", RecordID(high: 0, low: UInt64(number)), time: 0)
            draft.references = [("project", ["r\(number + 1)"])]
            return draft
        }
        let order = SealOrder(drafts).units.flatMap { $0 }.map(\.fold.record)
        #expect(order == (0..<50_000).reversed().map { "r\($0)" })
    }
}
