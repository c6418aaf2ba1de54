// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("Files that rot")
struct BitRotTests {
    let team: Team
    var replica: Replica { team.replicas[0] }

    init() throws {
        team = try Team(2)
        for index in 0..<20 {
            try replica.write { db in
                try db.execute(
                    sql: "INSERT INTO project (title, hours) VALUES (?, 1)",
                    arguments: ["Project \(index)"])
            }
        }
        try team.sync(0)
        try team.sync(1)
    }

    func write(_ sql: String) throws { try replica.write { try $0.execute(sql: sql) } }

    /// Turns a bit in the middle of a column that holds bytes.
    func rot(_ table: String, _ column: String, where condition: String = "1") throws {
        try replica.tamper { db in
            let row = try Row.fetchOne(
                db, sql: "SELECT rowid, \(column) FROM \(table) WHERE \(condition)")
            guard let row else { return }
            var bytes = [UInt8](row[1] as Data)
            bytes[bytes.count * 3 / 4] ^= 4
            try db.execute(
                sql: "UPDATE \(table) SET \(column) = ? WHERE rowid = ?",
                arguments: [Data(bytes), row[0] as Int64])
        }
    }

    @Test(
        "a change set that rotted in the outbox is put together anew, never sent as it is",
        .tags(.promise4))
    func outbox() throws {
        try write("UPDATE project SET hours = hours + 2, title = 'First' WHERE title = 'Project 3'")
        let id = try #require(try replica.outbox().first?.changeSet.id)
        try write("UPDATE project SET hours = hours + 3 WHERE title = 'First'")
        try write("INSERT INTO task (project, title) SELECT id, 'New' FROM project LIMIT 1")
        try write("DELETE FROM project WHERE title = 'Project 9'")
        for position in 1...4 { try rot("ting_outbox", "body", where: "seq = \(position)") }
        try team.foreign(1, "UPDATE project SET hours = hours + 10 WHERE title = 'Project 3'")
        try team.sync(1)
        try team.sync(0)
        try team.sync(1)
        for replica in team.replicas {
            let hours = try replica.read {
                try Int.fetchOne($0, sql: "SELECT hours FROM project WHERE title = 'First'")
            }
            #expect(hours == 16)
            #expect(try replica.verify().matches)
            #expect(try replica.contents().count == 20)
        }
        let entries = try team.workspace.entries(since: 0, byteLimit: .max)
        #expect(entries.contains { $0.changeSet.id == id })
        #expect(try replica.quarantine().isEmpty)
    }

    @Test("one that rotted in quarantine is told, and not tried again", .tags(.promise4))
    func quarantine() throws {
        try write("UPDATE project SET title = 'Rejected' WHERE title = 'Project 3'")
        try team.sync(0, role: .viewer)
        let item = try #require(try replica.quarantine().first)
        #expect(!item.isDamaged)
        try replica.tamper { db in
            var changeSet = item.changeSet
            changeSet.operations[0].fields[0].after = .text("Rejecteb")
            try db.execute(
                sql: "UPDATE ting_quarantine SET body = ?",
                arguments: [Data(changeSet.storedBytes)])
        }
        #expect(try replica.quarantine().map(\.isDamaged) == [true])
        #expect(throws: ReplicaError.self) { try replica.retryQuarantine([item.changeSet.id]) }
        #expect(try replica.quarantine().count == 1)
    }

    @Test("an entry that rotted on the server goes to nobody, and `verify` names it")
    func entry() throws {
        try team.workspace.tamper { db in
            try db.execute(sql: "UPDATE history SET accepted = accepted + 1 WHERE version = 20")
        }
        try team.foreign(1, "UPDATE project SET budget = 1 WHERE title = 'Project 1'")
        try team.sync(1)
        let fresh = try Team(0)
        #expect(try fresh.workspace.verify().problems.isEmpty)
        #expect(try !team.workspace.verify().problems.isEmpty)
        var request = try replica.nextRequest()
        request.base.version = 0
        request.historyDigest = .zero
        #expect(throws: ReplicaError.self) {
            try team.workspace.reply(
                to: request, judgement: .init(), role: .editor, members: nil, membersVersion: 1,
                now: team.clock.time)
        }
    }

    @Test(
        "whatever rots of an entry on the server, it goes to nobody",
        arguments: [
            "UPDATE history SET author = '01890000-0000-7000-8000-00000000ffff'",
            "UPDATE history SET accepted = accepted + 1",
            "UPDATE ting_entry SET change_set = CAST(hex(change_set) AS BLOB)",
            "UPDATE ting_entry SET effects = x'80'",
            "DELETE FROM history",
        ])
    func anyPart(_ statement: String) throws {
        try team.workspace.tamper { db in
            try db.execute(sql: "\(statement) WHERE version = 12")
        }
        #expect(throws: (any Error).self) { try whole() }
    }

    @Test(
        "an entry's own hash that is missing, as in files of before, or rotted leaves it readable")
    func entryHash() throws {
        let before = try whole().entries
        try team.workspace.tamper { db in
            try db.execute(
                sql: """
                    UPDATE ting_state_digest SET entry_hash = NULL WHERE version % 2 = 0;
                    UPDATE ting_state_digest SET entry_hash = randomblob(32) WHERE version = 3
                    """)
        }
        #expect(try whole().entries == before)
        #expect(before.count >= 20)
    }

    /// The server's answer to one who has nothing yet.
    private func whole() throws -> SyncResponse {
        var request = try replica.nextRequest()
        request.base.version = 0
        request.historyDigest = .zero
        return try team.workspace.reply(
            to: request, judgement: .init(), role: .editor, members: nil, membersVersion: 1,
            now: team.clock.time)
    }

    @Test("sums of the state digest that rotted on the server accept nothing more")
    func sums() throws {
        try team.workspace.tamper { db in
            let sums = try Data.fetchOne(db, sql: "SELECT sums FROM ting_digest") ?? Data()
            var bytes = [UInt8](sums)
            bytes[77] ^= 1
            try db.execute(sql: "UPDATE ting_digest SET sums = ?", arguments: [Data(bytes)])
        }
        #expect(try !team.workspace.verify().problems.isEmpty)
        try write("UPDATE project SET budget = 1")
        #expect(throws: ReplicaError.self) { try team.sync(0) }
        #expect(try replica.status().outbox > 0)
    }

    @Test(
        "a definition that rotted on the server is found by verify, before the write that it fails")
    func definition() throws {
        try team.workspace.tamper { db in
            let version = try Int.fetchOne(db, sql: "PRAGMA schema_version") ?? 0
            try db.execute(
                sql: """
                    PRAGMA writable_schema = ON;
                    UPDATE sqlite_schema SET sql = replace(sql, 'julianday', 'juliandax')
                    WHERE name = 'project';
                    PRAGMA writable_schema = OFF;
                    PRAGMA schema_version = \(version + 1);
                    """)
        }
        let problems = try team.workspace.verify().problems
        #expect(problems.count == 1)
        #expect(problems.first?.contains("table project") == true)
    }

    @Test("an index that lacks a row is found by verify, and mended by the next sync")
    func index() throws {
        func onSchema(_ sql: String) throws {
            let queue = try DatabaseQueue(path: replica.path)
            try queue.writeWithoutTransaction { db in
                let version = try Int.fetchOne(db, sql: "PRAGMA schema_version") ?? 0
                try db.execute(sql: "PRAGMA writable_schema = ON")
                try db.execute(sql: sql)
                try db.execute(sql: "PRAGMA schema_version = \(version + 1)")
            }
            try queue.close()
        }
        // While its definition is hidden, the index misses what is written.
        try onSchema(
            """
            CREATE TABLE hidden AS SELECT * FROM sqlite_schema WHERE name = 'ting_task_project';
            DELETE FROM sqlite_schema WHERE name = 'ting_task_project'
            """)
        try write("INSERT INTO task (project, title) SELECT id, 'New' FROM project LIMIT 1")
        try onSchema("INSERT INTO sqlite_schema SELECT * FROM hidden")
        #expect(try !replica.verify().matches)
        _ = try team.run(replica, team.members[0])
        #expect(try replica.verify().matches)
        #expect(try team.run(replica, team.members[0]).exchanges == 1)
    }

    @Test(
        "a history that rotted is found by verify; the next sync takes the server's",
        .tags(.promise2))
    func history() throws {
        try rot("ting_entry", "change_set", where: "version = 7")
        #expect(try !replica.verify().matches)
        let outcome = try team.run(replica, team.members[0])
        #expect(outcome.startedOver == .notMended)
        #expect(try replica.verify().matches)
        #expect(try team.run(replica, team.members[0]).startedOver == nil)
    }

    @Test(
        "a history digest that rotted at the head is taken for rot, not for a server with another history",
        .tags(.promise2))
    func rottenHead() throws {
        let snapshot = replica.path + ".snapshot"
        _ = try team.workspace.writeSnapshot(to: snapshot)
        try write("UPDATE project SET title = 'Later' WHERE title = 'Project 3'")
        try team.sync(0)
        try replica.tamper { db in
            try db.execute(
                sql: """
                    UPDATE ting_entry SET history_digest = zeroblob(32)
                    WHERE version = (SELECT max(version) FROM ting_entry)
                    """)
        }
        let outcome = try team.run(replica, team.members[0], snapshot: snapshot)
        #expect(outcome.startedOver == .notMended)
        #expect(outcome.givenBack == 0)
        #expect(try replica.verify().matches)
    }

    @Test(
        "a replica that starts over from an older snapshot is not taken for a copy, also where the sync ended there",
        .tags(.promise10, .promise12), arguments: [false, true])
    func startsOverFromOlder(_ isCut: Bool) throws {
        let snapshot = replica.path + ".snapshot"
        _ = try team.workspace.writeSnapshot(to: snapshot)
        try write("UPDATE project SET title = 'Later' WHERE title = 'Project 3'")
        try team.sync(0)
        let before = try replica.identity().replica
        try replica.tamper { try $0.execute(sql: "UPDATE history SET author = 'x'") }
        _ = try replica.verify()
        if isCut { try replica.startOver(from: snapshot, because: .notMended) }
        let outcome = try team.run(replica, team.members[0], snapshot: snapshot)
        #expect(outcome.startedOver == (isCut ? nil : .notMended))
        #expect(outcome.version > 1)
        #expect(!outcome.summary.renamed)
        #expect(try replica.identity().replica == before)
        #expect(try replica.verify().matches)
    }
}
