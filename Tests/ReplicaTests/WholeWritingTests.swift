// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// `COMMIT` inside a writing once put rows on disk that no note was made of: a sync took them back.
@Suite("A writing is one transaction, whatever SQL runs in it", .tags(.promise4))
struct WholeWritingTests {
    static let project = "01890000-0000-7000-8000-000000000001"
    private let team: Team
    private var replica: Replica { team.replicas[0] }

    init() throws {
        team = try Team(1)
        try team.foreign(0, "INSERT INTO project (id, title) VALUES ('\(Self.project)', 'Water')")
        try team.sync(0)
        // One edit waits sealed, and one as notes.
        try replica.write { try $0.execute(sql: "UPDATE project SET summary = 'sealed'") }
        try team.foreign(0, "UPDATE project SET hours = 7")
    }

    private static let endings = [
        "COMMIT", "COMMIT; BEGIN IMMEDIATE", "END", "END TRANSACTION; BEGIN", "ROLLBACK",
        "ROLLBACK; BEGIN IMMEDIATE", "ROLLBACK; SAVEPOINT a", "ROLLBACK; SAVEPOINT a; RELEASE a",
        "/* so */ COMMIT", "-- so\n COMMIT; -- and so\n BEGIN", "  commit",
        "DELETE FROM ting_outbox; COMMIT", "DELETE FROM ting_outbox; ROLLBACK; BEGIN",
    ]

    /// Nothing of the writing is there, and all that waited before it still is.
    private func expectKept() throws {
        let row = try replica.read {
            try Row.fetchOne($0, sql: "SELECT title, summary, hours FROM project")
        }
        #expect(row == ["title": "Water", "summary": "sealed", "hours": 7])
        try replica.seal()
        let waiting = try replica.outbox().flatMap(\.changeSet.operations).flatMap(\.fields)
        #expect(waiting.map(\.field) == ["summary", "hours"])
        try team.sync(0)
        #expect(try replica.verify().matches)
        #expect(try replica.status().digest == team.workspace.head().state)
        #expect(try replica.status().outbox == 0)
    }

    private func update(_ db: Database, _ title: String) throws {
        let id = try #require(RecordID(Self.project))
        try replica.update(db, "project", id, ["title": .text(title)])
    }

    @Test("what would end it is refused, and nothing is kept", arguments: endings)
    func refused(_ ending: String) throws {
        #expect(throws: ReplicaError.transactionEnded) {
            try replica.write { db in
                try update(db, "Gone")
                try db.execute(sql: ending)
            }
        }
        try expectKept()
    }

    @Test("also where the failure is passed over, and more is written", arguments: endings)
    func passedOver(_ ending: String) throws {
        #expect(throws: ReplicaError.transactionEnded) {
            try replica.write { db in
                try db.execute(sql: "UPDATE project SET title = 'Gone'")
                try? db.execute(sql: ending)
                try? update(db, "Gone too")
                try? db.execute(sql: "UPDATE project SET title = 'Gone for good'")
            }
        }
        try expectKept()
    }

    @Test("a failure that rolls it back lets no later edit through")
    func rolledBack() throws {
        #expect(throws: ReplicaError.transactionEnded) {
            try replica.write { db in
                try? db.execute(
                    sql: "INSERT OR ROLLBACK INTO project (id) VALUES ('\(Self.project)')")
                try? update(db, "Gone")
            }
        }
        try expectKept()
    }

    @Test("savepoints take back a part of it, and the next writing is as ever")
    func savepoints() throws {
        _ = try? replica.write { try $0.execute(sql: "COMMIT") }
        try replica.write { db in
            try db.execute(
                sql: """
                    SAVEPOINT a; UPDATE project SET title = 'Gone'; ROLLBACK TO a; RELEASE a;
                    UPDATE project SET title = 'Wind';
                    """)
        }
        let last = try #require(try replica.outbox().last?.changeSet.operations.first)
        #expect(last.fields.map(\.after) == [.text("Wind")])
    }
}
