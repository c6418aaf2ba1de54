// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("Who keeps a parent that comes back", .tags(.promise3))
struct ParentConflictTests {
    private static let from = RecordID(high: 0x7000, low: 1)
    private static let to = RecordID(high: 0x7000, low: 2)
    private static let schema = Schema(
        name: "moved", version: 1,
        collections: [
            CollectionSchema("project", fields: [Field("title", .text, .latest)]),
            CollectionSchema(
                "task",
                fields: [
                    Field("project", .reference, .review, to: ["project"], parent: true),
                    Field("hours", .counter, .counter),
                ]),
        ])

    @Test("is who moved the child there, not who counted on in it without knowing")
    func moved() throws {
        let team = try Team(2, schema: Self.schema)
        let (dan, cay) = (team.replicas[0], team.replicas[1])
        try dan.write { db in
            try dan.insert(db, "project", Self.from, ["title": .text("From")])
            try dan.insert(db, "project", Self.to, ["title": .text("To")])
            let task = RecordID(high: 0x7000, low: 3)
            try dan.insert(db, "task", task, ["project": .text(Self.from.description)])
        }
        try team.expectAgreement()
        try dan.write { try $0.execute(sql: "UPDATE task SET project = '\(Self.to)'") }
        try team.sync(0)
        try cay.write { try $0.execute(sql: "UPDATE task SET hours = hours + 3") }
        try cay.write { try $0.execute(sql: "DELETE FROM project WHERE id = '\(Self.to)'") }
        try team.expectAgreement()
        let members = team.members.map(\.id)
        for replica in team.replicas {
            let conflicts = try replica.read { db in
                try String.fetchAll(
                    db, sql: "SELECT kind || record || kept_by || other_by FROM conflict")
            }
            #expect(conflicts == ["parent\(Self.to)\(members[0])\(members[1])"])
            let tasks = try replica.read {
                try String.fetchAll($0, sql: "SELECT project || hours FROM task")
            }
            #expect(tasks == ["\(Self.to)3"])
        }
    }
}
