// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// A row stays for what is held back in it, though what made it was rejected.
@Suite("A row whose making was rejected")
struct RejectedMakingTests {
    private let team: Team
    private var replica: Replica { team.replicas[0] }

    init() throws { team = try Team(2) }

    @Test(
        "what is written on it waits until that is retried, and so does what refers to it",
        .tags(.promise4))
    func waits() throws {
        let new = "01890000-0000-7000-8000-000000000002"
        try team.foreign(0, "INSERT INTO project (id, title, hours) VALUES ('\(new)', 'New', 1)")
        try replica.seal()
        try team.foreign(0, "UPDATE project SET status = 'nonsense' WHERE id = '\(new)'")
        try team.sync(0, role: .viewer)
        #expect(try replica.quarantine().map(\.code) == [.roleTooLow])
        #expect(try replica.status().invalid.map(\.field) == ["status"])
        for sql in [
            "UPDATE project SET title = 'Newer' WHERE id = '\(new)'",
            "INSERT INTO task (project, title) VALUES ('\(new)', 'Task')",
        ] {
            #expect(throws: InvalidEdit.self) { try replica.write { try $0.execute(sql: sql) } }
            try team.foreign(0, sql)
        }
        try team.sync(0)
        #expect(try replica.quarantine().map(\.code) == [.roleTooLow])
        #expect(try replica.outbox().isEmpty)
        #expect(Set(try replica.status().invalid.map(\.field)) == ["status", "title", "project"])
        try replica.retryQuarantine(try replica.quarantine().map(\.changeSet.id))
        try team.sync(0)
        try team.foreign(0, "UPDATE project SET status = 'active' WHERE id = '\(new)'")
        for _ in 0..<2 { try team.sync(0) }
        #expect(try replica.quarantine().isEmpty && replica.outbox().isEmpty)
        #expect(try replica.status().invalid.isEmpty)
        try team.sync(1)
        let seen = try team.replicas[1].read {
            try String.fetchAll(
                $0,
                sql: """
                    SELECT p.title || hours || p.status || t.title FROM project p
                    JOIN task t ON t.project = p.id
                    """)
        }
        #expect(seen == ["Newer1activeTask"])
        try team.expectAgreement()
    }

    @Test("is deleted without a word to the server")
    func deleted() throws {
        try team.foreign(0, "INSERT INTO project (title) VALUES ('New')")
        try replica.seal()
        try team.foreign(0, "UPDATE project SET status = 'nonsense' WHERE title = 'New'")
        try team.sync(0, role: .viewer)
        try team.foreign(0, "DELETE FROM project WHERE status = 'nonsense'")
        try team.sync(0)
        #expect(try replica.quarantine().map(\.code) == [.roleTooLow])
        #expect(try replica.outbox().isEmpty && replica.status().invalid.isEmpty)
        try team.expectAgreement()
    }
}
