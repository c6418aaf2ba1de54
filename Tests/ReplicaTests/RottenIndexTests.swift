// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// What SQLite gives for true and isn't: a row found by an index out of order, a default, a name.
@Suite("Indexes, names and defaults that rot", .tags(.promise2))
struct RottenIndexTests {
    private let team: Team
    private let member: Member

    init() throws {
        team = try Team(2)
        member = team.members[0]
        for index in 0..<24 {
            try team.foreign(
                1,
                """
                INSERT INTO project (id, title, hours) VALUES
                ('\(Self.id(index))', 'Project \(index)', \(index))
                """)
        }
        try team.sync(1)
        try team.sync(0)
    }

    private static func id(_ index: Int) -> String {
        String(format: "01920000-0000-7000-8000-00000000%02x%02x", index, index)
    }

    /// Opens a replica whose clock runs so fast that each entry is taken in by itself.
    private func open(_ path: String) throws -> Replica {
        let (clock, steady) = (team.clock, ManualClock())
        return try Replica(
            path: path, schema: team.schema, clock: { clock.time },
            uptime: {
                steady.advance(60_000)
                return steady.time
            })
    }

    /// A copy of the first replica, closed, whose index has a record's key out of order.
    private func rot(_ index: String, _ record: Int) throws -> Replica {
        let replica = team.replicas[0]
        try replica.close()
        let path = replica.path
        let queue = try DatabaseQueue(path: path)
        let root = try queue.read { db in
            try Int.fetchOne(
                db, sql: "SELECT rootpage FROM sqlite_schema WHERE name = ?", arguments: [index])
        }
        try queue.close()
        var bytes = try Data(contentsOf: URL(filePath: path))
        let page = ((root ?? 1) - 1) * 4096..<(root ?? 1) * 4096
        let key = try #require(bytes.range(of: Data(Self.id(record).utf8), in: page))
        // 0192… becomes 0196…
        bytes[key.lowerBound + 3] ^= 4
        try bytes.write(to: URL(filePath: path))
        return try open(path)
    }

    private func sync(_ replica: Replica) throws { try team.sync(replica, member) }

    private func expectSame(_ replica: Replica) throws {
        #expect(
            try replica.contents().sorted { $0.record < $1.record }
                == team.workspace.contents().sorted { $0.record < $1.record })
        #expect(try replica.verify().matches)
    }

    @Test("a shared value found under another's key is shown for nobody", arguments: 0..<12)
    func shared(_ record: Int) throws {
        for index in 0..<12 {
            try team.replicas[0].write { db in
                try db.execute(
                    sql: "UPDATE project SET hours = hours + 2, title = ? WHERE id = ?",
                    arguments: ["Waits \(index)", Self.id(index)])
            }
        }
        let replica = try rot("sqlite_autoindex_ting_shared_1", record)
        try sync(replica)
        _ = try replica.verify()
        try sync(replica)
        try expectSame(replica)
        let hours = try replica.read {
            try Int.fetchAll($0, sql: "SELECT hours FROM project ORDER BY id")
        }
        #expect(hours == (0..<24).map { $0 < 12 ? $0 + 2 : $0 })
    }

    @Test("nobody's row is sent for the one that another tool edited", arguments: 0..<24)
    func sealing(_ record: Int) throws {
        let replica = try rot("sqlite_autoindex_project_1", record)
        for index in [11, 12, 23] {
            try team.foreign(
                replica.path, "UPDATE project SET budget = 7 WHERE title = 'Project \(index)'")
        }
        try sync(replica)
        _ = try replica.verify()
        try sync(replica)
        try expectSame(replica)
        let budgets = try replica.read {
            try Int.fetchAll($0, sql: "SELECT hours FROM project WHERE budget = 7 ORDER BY id")
        }
        #expect(budgets == [11, 12, 23])
    }

    @Test(
        "a row with a pending edit that shows something else is found by verify, and mended",
        arguments: [
            "UPDATE project SET title = 'Rotten' WHERE id = '\(id(3))'",
            "DELETE FROM project WHERE id = '\(id(3))'",
            "DELETE FROM ting_pending",
            "UPDATE ting_pending SET field = 'tivle'",
            "UPDATE ting_pending SET version = version + 1",
            "UPDATE ting_pending SET record = '\(id(4))'",
        ])
    func shown(_ statement: String) throws {
        let replica = team.replicas[0]
        try replica.write { db in
            try db.execute(sql: "UPDATE project SET title = 'Mine' WHERE id = '\(Self.id(3))'")
        }
        try replica.tamper { try $0.execute(sql: statement) }
        #expect(try !replica.verify().matches)
        try sync(replica)
        try expectSame(replica)
        let title = try replica.read {
            try String.fetchOne($0, sql: "SELECT title FROM project WHERE id = '\(Self.id(3))'")
        }
        #expect(title == "Mine")
    }

    /// Changes the definition as rot would: nothing is told.
    private func define(_ path: String, _ sql: String) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.writeWithoutTransaction { db in
            let version = try Int.fetchOne(db, sql: "PRAGMA schema_version") ?? 0
            try db.execute(sql: "PRAGMA writable_schema = ON")
            try db.execute(sql: sql)
            #expect(db.changesCount == 1)
            try db.execute(sql: "PRAGMA schema_version = \(version + 1)")
        }
        try queue.close()
    }

    @Test("a default that rotted is sent as nobody's edit", .tags(.promise11))
    func standard() throws {
        let path = team.replicas[0].path
        try team.replicas[0].close()
        try define(
            path,
            """
            UPDATE sqlite_schema SET sql = replace(sql, '"hours" INTEGER DEFAULT 0',
            '"hours" INTEGER DEFAULT 1') WHERE name = 'project' AND sql LIKE '%"hours" INTEGER DEFAULT 0%'
            """)
        let replica = try open(path)
        try team.foreign(path, "INSERT INTO project (title) VALUES ('New')")
        #expect(throws: ReplicaError.damaged("the definition of table project")) {
            try replica.seal()
        }
        #expect(throws: ReplicaError.damaged("the definition of table project")) {
            try replica.verify()
        }
        #expect(try replica.outbox().isEmpty)
    }

    @Test(
        "a name that rotted in a note never lets go of the value that it holds back",
        .tags(.promise4), arguments: ["'statvs'", "7", "x'737461747573'"])
    func heldName(_ name: String) throws {
        let replica = team.replicas[0]
        try team.foreign(
            replica.path, "UPDATE project SET status = 'nonsense' WHERE id = '\(Self.id(3))'")
        #expect(try replica.seal().count == 1)
        let path = replica.path
        try replica.close()
        try define(
            path,
            """
            UPDATE sqlite_schema SET sql = replace(sql, 'field TEXT NOT', 'field ANY NOT')
            WHERE name = 'ting_note'
            """)
        try team.foreign(path, "UPDATE ting_note SET field = \(name)")
        try define(
            path,
            """
            UPDATE sqlite_schema SET sql = replace(sql, 'field ANY NOT', 'field TEXT NOT')
            WHERE name = 'ting_note'
            """)
        try team.foreign(1, "UPDATE project SET title = 'Theirs' WHERE id = '\(Self.id(3))'")
        try team.sync(1)
        let opened = try open(path)
        #expect(throws: StoredFormError.self) {
            try sync(opened)
            try sync(opened)
        }
        let status = try opened.read {
            try String.fetchOne($0, sql: "SELECT status FROM project WHERE id = '\(Self.id(3))'")
        }
        #expect(status == "nonsense")
    }
}
