// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// What waits in a file that can't be used any more, saved into a new replica.
extension BitRotTests {
    @Test(
        "nothing is carried over from another workspace's replica, and what is not sealed is told",
        .tags(.promise4, .promise8))
    func foreignCarryOver() throws {
        try team.foreign(0, "UPDATE project SET title = 'By hand' WHERE title = 'Project 3'")
        let fresh = try team.clone(for: team.members[0])
        let carried = try fresh.carryOver(from: replica.path)
        #expect((carried.outbox, carried.unsealed) == (0, 1))
        try write("UPDATE project SET title = 'Secret' WHERE title = 'Project 4'")
        try replica.tamper { try $0.execute(sql: "UPDATE ting_replica SET workspace = 'other'") }
        #expect(throws: ReplicaError.otherWorkspace("other")) {
            try fresh.carryOver(from: replica.path)
        }
        #expect(try fresh.outbox().isEmpty)
    }

    @Test(
        "nothing is carried over from another member's replica: it would be sent under this one's name",
        .tags(.promise4, .promise8))
    func othersCarryOver() throws {
        let other = team.replicas[1]
        try other.write { db in
            try db.execute(
                sql: "UPDATE project SET title = 'Theirs' WHERE title = 'Project 3'")
        }
        #expect(throws: ReplicaError.otherMember("Member 1 <m1@example.org>")) {
            try replica.carryOver(from: other.path)
        }
        #expect(try replica.outbox().isEmpty && replica.quarantine().isEmpty)
        let fresh = try team.clone(for: team.members[1])
        try team.sync(fresh, team.members[1])
        #expect(try fresh.carryOver(from: other.path).outbox == 1)
        // Of another account with their address it may be, as on a server that was made anew.
        try replica.tamper { db in
            try db.execute(
                sql: """
                    UPDATE member SET email = 'M1@Example.org'
                    WHERE id = (SELECT member FROM ting_replica)
                    """)
        }
        #expect(try replica.carryOver(from: other.path).outbox == 1)
    }

    @Test(
        "what waits in a file that can't be used is carried over to a new replica", .tags(.promise4)
    )
    func carryOver() throws {
        try write("UPDATE project SET title = 'Rejected' WHERE title = 'Project 3'")
        try team.sync(0, role: .viewer)
        for index in 0..<5 {
            try write("UPDATE project SET hours = hours + 1 WHERE title = 'Project \(index)'")
        }
        try rot("ting_outbox", "body", where: "seq = (SELECT min(seq) + 1 FROM ting_outbox)")
        // A definition that rotted: SQLite opens nothing of such a file.
        try replica.tamper { db in
            try db.execute(sql: "PRAGMA writable_schema = ON")
            try db.execute(
                sql: "UPDATE sqlite_schema SET sql = 'CREATU' || substr(sql, 7) WHERE name = 'task'"
            )
        }
        try replica.close()
        let clock = team.clock
        #expect(throws: DatabaseError.self) {
            try Replica(path: replica.path, schema: team.schema, clock: { clock.time })
        }
        let fresh = try team.clone(for: team.members[0])
        let carried = try fresh.carryOver(from: replica.path)
        #expect((carried.outbox, carried.quarantine, carried.damaged) == (4, 1, 1))
        #expect(try team.sync(fresh, team.members[0]).sent == 4)
        #expect(try fresh.quarantine().map(\.code) == [.roleTooLow])
        // Again: what is known already is left out, also what was rejected and then accepted.
        #expect(try fresh.carryOver(from: replica.path).outbox == 0)
        try fresh.retryQuarantine(fresh.quarantine().map(\.changeSet.id))
        try team.sync(fresh, team.members[0])
        let again = try fresh.carryOver(from: replica.path)
        #expect((again.outbox, again.quarantine, again.damaged) == (0, 0, 1))
        #expect(try fresh.quarantine().isEmpty)
    }

    @Test(
        "what waits is carried over from a file with a rotten page, or without the definition of a table",
        .tags(.promise4))
    func carryOverPages() throws {
        for index in 0..<40 {
            try write("UPDATE project SET title = printf('%.*c', 600, 'x') || \(index)")
        }
        try replica.close()
        let (size, empty, places) = try DatabaseQueue(path: replica.path).read { db in
            (
                try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0,
                try Int.fetchOne(
                    db, sql: "SELECT rootpage FROM sqlite_schema WHERE name = 'ting_quarantine'")
                    ?? 0, try Int.fetchOne(db, sql: "SELECT count(*) FROM ting_outbox")
            )
        }
        let whole = try Data(contentsOf: URL(filePath: replica.path))
        for (name, rot) in [
            (
                "page",
                { (data: inout Data) in
                    data.replaceSubrange((empty - 1) * size..<empty * size, with: Data(count: size))
                }
            ),
            (
                "definition",
                { data in
                    let range = try #require(
                        data.range(of: Data("CREATE TABLE ting_quarantine".utf8)))
                    data.replaceSubrange(range.prefix(6), with: Data("CREATU".utf8))
                }
            ),
        ] as [(String, (inout Data) throws -> Void)] {
            var rotten = whole
            try rot(&rotten)
            let path = replica.path + ".\(name)"
            try rotten.write(to: URL(filePath: path))
            let fresh = try team.clone(for: team.members[0])
            let carried = try fresh.carryOver(from: path)
            #expect(carried.outbox == places, "\(name)")
            #expect(carried.damaged == 1, "\(name)")
        }
    }

    /// A page whose number of cells rotted upward ends a search within it anywhere (R8, flip 114006).
    @Test(
        "what a rotten number of cells hides of the outbox is told, whatever the number",
        .tags(.promise4))
    func carryOverHiddenCells() throws {
        for index in 0..<40 {
            try write(
                "UPDATE project SET title = printf('%.*c', 100, 'x') || \(index) WHERE id = (SELECT min(id) FROM project)"
            )
        }
        try replica.close()
        let (size, leaf, places) = try DatabaseQueue(path: replica.path).read { db in
            (
                try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0,
                try Int.fetchOne(
                    db,
                    sql: """
                        SELECT max(pageno) FROM dbstat
                        WHERE name = 'ting_outbox' AND pagetype = 'leaf'
                        """) ?? 0,
                try Int.fetchOne(db, sql: "SELECT count(*) FROM ting_outbox") ?? 0
            )
        }
        let whole = try Data(contentsOf: URL(filePath: replica.path))
        let cells = whole[(leaf - 1) * size + 4]
        for number in [cells ^ 0x40, cells ^ 0x80, cells - 1, 0] {
            var rotten = whole
            rotten[(leaf - 1) * size + 4] = number
            let path = replica.path + ".\(number)"
            try rotten.write(to: URL(filePath: path))
            let fresh = try team.clone(for: team.members[0])
            let carried = try fresh.carryOver(from: path)
            #expect(carried.damaged > 0, "\(number) cells")
            #expect(carried.outbox + carried.damaged >= places, "\(number) cells")
        }
    }
}
