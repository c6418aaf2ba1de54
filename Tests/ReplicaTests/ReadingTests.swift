// SPDX-License-Identifier: Apache-2.0

import CSQLite
import Foundation
import GRDB
import Testing
import TingCore
import TingTesting

@testable import TingStore

@Suite("A reading changes nothing, and costs little", .tags(.promise4))
struct ReadingTests {
    private let team: Team
    private var replica: Replica { team.replicas[0] }

    init() throws {
        team = try Team(1)
        try team.foreign(0, "INSERT INTO project (title) VALUES ('Water')")
        try team.sync(0)
        try replica.write { try $0.execute(sql: "UPDATE project SET hours = 7") }
    }

    private static let writes = [
        "UPDATE project SET title = 'Gone'", "DELETE FROM ting_outbox",
        "CREATE TABLE plan (id)", "CREATE TEMP TABLE plan (id)", "DROP TABLE project",
        "UPDATE project SET title = 'Gone'; COMMIT",
        "UPDATE project SET title = 'Gone'; COMMIT; BEGIN IMMEDIATE",
        "SAVEPOINT a; UPDATE project SET title = 'Gone'; RELEASE a",
    ]

    private func expectKept() throws {
        let row = try replica.read { try Row.fetchOne($0, sql: "SELECT title, hours FROM project") }
        #expect(row == ["title": "Water", "hours": 7])
        let tables = try replica.read {
            try Int.fetchOne(
                $0,
                sql: """
                    SELECT (SELECT count(*) FROM sqlite_schema WHERE name = 'plan')
                        + (SELECT count(*) FROM sqlite_temp_schema)
                    """)
        }
        #expect(tables == 0)
        #expect(try replica.outbox().count == 1)
        try team.sync(0)
        #expect(try replica.verify().matches)
        #expect(try replica.status().digest == team.workspace.head().state)
    }

    @Test("what it writes is refused, and nothing is kept", arguments: writes)
    func refused(_ sql: String) throws {
        #expect(throws: ReplicaError.wroteWhileReading) {
            try replica.read { try $0.execute(sql: sql) }
        }
        try expectKept()
    }

    @Test(
        "who only reads doesn't wait for another program that writes, and says what it lacks",
        .tags(.promise7))
    func besideAWriter() throws {
        let other = try DatabaseQueue(path: replica.path)
        try other.writeWithoutTransaction { db in
            try db.execute(sql: "BEGIN IMMEDIATE")
            // With nothing noted nothing is locked.
            let start = ContinuousClock.now
            #expect(try replica.sealForReading() == nil)
            #expect(try replica.seal().isEmpty)
            #expect(try replica.status().unsealed == nil)
            #expect(ContinuousClock.now - start < .milliseconds(Limits.readingWaitMilliseconds))
            try db.execute(
                sql: """
                    COMMIT; UPDATE project SET budget = 5; BEGIN IMMEDIATE
                    """)
            #expect(try replica.sealForReading() == .SQLITE_BUSY)
            let status = try replica.status()
            #expect((status.unsealed, status.outbox) == (.SQLITE_BUSY, 2))
            #expect(try replica.search("water").count == 1)
            try db.execute(sql: "COMMIT")
        }
        #expect(try replica.sealForReading() == nil)
        #expect(try replica.status().outbox == 2)
        // Without an outbox the noted edit is the oldest.
        try team.sync(0)
        try team.foreign(0, "UPDATE project SET budget = 6")
        try other.writeWithoutTransaction { db in
            try db.execute(sql: "BEGIN IMMEDIATE")
            #expect(try replica.status().oldestUnsynced != nil)
            try db.execute(sql: "ROLLBACK")
        }
    }

    @Test("also where failures are passed over, and more is written", arguments: writes)
    func passedOver(_ sql: String) throws {
        #expect(throws: ReplicaError.wroteWhileReading) {
            try replica.read { db in
                try? db.execute(sql: sql)
                try? db.execute(sql: "UPDATE project SET title = 'Gone too'")
            }
        }
        try expectKept()
    }

    @Test(
        "one that ends its transaction is refused, and nothing that it writes after that is kept",
        arguments: ["COMMIT", "ROLLBACK", "COMMIT; BEGIN", "COMMIT; BEGIN IMMEDIATE"])
    func ended(_ ending: String) throws {
        #expect(throws: (any Error).self) {
            try replica.read { db in
                try db.execute(sql: ending)
                try db.execute(sql: "DELETE FROM ting_outbox")
            }
        }
        // Past GRDB, which runs nothing after that.
        #expect(throws: ReplicaError.self) {
            try replica.read { db in
                try? db.execute(sql: ending)
                sqlite3_exec(db.sqliteConnection, "DELETE FROM ting_outbox; COMMIT", nil, nil, nil)
            }
        }
        try expectKept()
    }

    @Test("a writing after a refused reading is as ever")
    func after() throws {
        _ = try? replica.read { try $0.execute(sql: "UPDATE project SET title = 'Gone'") }
        try replica.write { try $0.execute(sql: "UPDATE project SET title = 'Wind'") }
        #expect(try replica.outbox().count == 2)
    }

    @Test("statements stay prepared from one reading to the next")
    func prepared() throws {
        let again = try (0..<20).map { _ in
            try replica.read { db in
                let statement = try db.cachedStatement(sql: "SELECT title FROM project")
                #expect(try String.fetchOne(statement) == "Water")
                return sqlite3_stmt_status(
                    statement.sqliteStatement, SQLITE_STMTSTATUS_REPREPARE, 0)
            }
        }
        #expect(again.allSatisfy { $0 == again[0] })
    }

    private static let uses: [(String, @Sendable (Replica, Database) throws -> Void)] = [
        ("read", { replica, _ in try replica.read { _ in } }),
        ("write", { replica, _ in try replica.write { _ in } }),
        ("status", { replica, _ in _ = try replica.status() }),
        ("seal", { replica, _ in try replica.seal() }),
        ("close", { replica, _ in try replica.close() }),
    ]

    @Test(
        "what would wait for itself is refused, and the replica goes on", arguments: uses.map(\.0))
    func nested(_ name: String) throws {
        let use = try #require(Self.uses.first { $0.0 == name }).1
        for _ in 0..<2 {
            #expect(throws: ReplicaError.nested) {
                try replica.read { try use(replica, $0) }
            }
            #expect(throws: ReplicaError.nested) {
                try replica.write { try use(replica, $0) }
            }
        }
        // The same file by another object is another reader.
        let other = try Replica(
            path: replica.path, schema: team.schema,
            clock: { [clock = team.clock] in clock.time })
        let title = try replica.read { _ in
            try other.read { try String.fetchOne($0, sql: "SELECT title FROM project") }
        }
        #expect(title == "Water")
        try other.close()
        try expectKept()
    }
}
