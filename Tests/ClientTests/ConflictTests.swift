// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingClient
import TingCore
import TingStore
import TingTesting

/// What a conflict tells of the values that it names.
@Suite struct ConflictTests {
    @Test("whoever wrote the value that is kept now is named, also before it is sent")
    func keptBy() throws {
        let team = try Team(2)
        func edit(_ member: Int, _ sql: String) throws {
            try team.replicas[member].write { try $0.execute(sql: sql) }
        }
        func kept(_ member: Int) throws -> (Value, String?) {
            let replica = team.replicas[member]
            let conflict = try #require(try replica.read { try replica.conflicts($0) }.first)
            // Who wrote what was kept then is known, too.
            #expect(conflict.firstKeptBy == team.members[1].id.description)
            return (conflict.kept, conflict.keptBy)
        }
        let names = team.members.map(\.id.description)
        try edit(0, "INSERT INTO project (title) VALUES ('Water')")
        for member in [0, 1, 0] { try team.sync(member) }
        for member in 0..<2 { try edit(member, "UPDATE project SET title = 'By \(member)'") }
        for member in [0, 1, 0] { try team.sync(member) }
        #expect(try kept(0) == (.text("By 1"), names[1]))
        try edit(0, "UPDATE project SET title = 'Later'")
        #expect(try kept(0) == (.text("Later"), names[0]))
        try team.sync(0)
        try team.sync(1)
        #expect(try kept(1) == (.text("Later"), names[0]))
        // Another field is no matter.
        try edit(1, "UPDATE project SET hours = 3")
        #expect(try kept(1) == (.text("Later"), names[0]))
    }

    @Test(
        "a conflict stays open when its record is deleted; taking its value brings the record back",
        .tags(.promise3), arguments: [Settlement.take, .value(.text("Third")), .keep])
    func ofDeletedRecord(_ settlement: Settlement) throws {
        let team = try Team(2)
        func edit(_ member: Int, _ sql: String) throws {
            try team.replicas[member].write { try $0.execute(sql: sql) }
        }
        func titles(_ member: Int) throws -> [String] {
            try team.replicas[member].read {
                try String.fetchAll($0, sql: "SELECT title FROM project WHERE hours = 3")
            }
        }
        try edit(0, "INSERT INTO project (title, hours) VALUES ('Water', 3)")
        for member in [0, 1] { try team.sync(member) }
        for member in 0..<2 { try edit(member, "UPDATE project SET title = 'By \(member)'") }
        for member in [0, 1, 0] { try team.sync(member) }
        try edit(0, "DELETE FROM project")
        for member in [0, 1] { try team.sync(member) }
        let other = team.replicas[1]
        let conflict = try #require(try other.read { try other.conflicts($0) }.first)
        #expect(conflict.isOpen && conflict.other == .text("By 0"))
        #expect(conflict.isRecordDeleted && conflict.recordName == "By 1")
        #expect(conflict.kept == .text("By 1"))
        #expect(try titles(1).isEmpty)
        try other.write { try other.settle($0, conflict, by: settlement) }
        #expect(try other.outbox().count == 1)
        let version = try team.workspace.head().version
        for member in [1, 0] { try team.sync(member) }
        #expect(try team.workspace.head().version == version + 1)
        let expected =
            switch settlement {
            case .take: ["By 0"]
            case .value: ["Third"]
            case .keep: [String]()
            }
        for member in 0..<2 {
            #expect(try titles(member) == expected)
            #expect(try team.replicas[member].status().conflicts == 0)
        }
    }

    @Test("a row that another tool made up is held back, and no open conflict", .tags(.promise12))
    func madeUp() throws {
        let team = try Team(1)
        let replica = team.replicas[0]
        try team.foreign(
            0, "INSERT INTO conflict (collection, record, kind) VALUES ('project', 'x', 'field')")
        let status = try replica.status()
        #expect((status.conflicts, status.invalid.count) == (0, 1))
        let row = try replica.read { try String.fetchOne($0, sql: "SELECT id FROM conflict") }
        let id = try #require(row.flatMap { RecordID($0) })
        #expect(try replica.read { try replica.conflicts($0, settledToo: true) }.isEmpty)
        #expect(try replica.read { try replica.conflict($0, id) } == nil)
    }
}
