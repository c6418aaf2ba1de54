// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("Edits that wait, and what comes in beneath them")
struct PendingEditTests {
    private let team: Team
    private var replica: Replica { team.replicas[0] }

    init() throws {
        team = try Team(2)
        try team.replicas[1].write {
            try $0.execute(
                sql: """
                    INSERT INTO project (title, summary, budget)
                    VALUES ('Water', 'one\ntwo\nthree\n', 1)
                    """)
        }
        for position in [1, 0] { try team.sync(position) }
    }

    private func text(_ sql: String, of position: Int = 0) throws -> String? {
        try team.replicas[position].read { try String.fetchOne($0, sql: sql) }
    }

    /// Seals an own edit, and takes in what another does a minute later: what waits stays as it was sealed,
    /// and what is shared is the server's.
    private func seal(_ own: String, above theirs: String) throws {
        try replica.write { try $0.execute(sql: own) }
        team.clock.advance(60_000)
        try team.replicas[1].write { try $0.execute(sql: theirs) }
        try team.sync(1)
        let waiting = try replica.outbox()
        try team.pull(0)
        #expect(try replica.outbox() == waiting)
        for changeSet in waiting.map(\.changeSet) {
            #expect(try replica.waiting(changeSet.hash) == changeSet)
        }
        let (status, head) = (try replica.status(), try team.workspace.head())
        #expect(status.version == head.version && status.digest == head.state)
        #expect(try replica.verify().matches)
    }

    @Test("taken away, they uncover what others wrote meanwhile; made again, they cover it")
    func covered() throws {
        try seal(
            "UPDATE project SET title = 'Own'",
            above: "UPDATE project SET title = 'Theirs', budget = 7")
        #expect(try text("SELECT title || budget FROM project") == "Own7")
        try team.sync(0, role: .viewer)
        #expect(try text("SELECT title || budget FROM project") == "Theirs7")
        try replica.retryQuarantine(try replica.quarantine().map(\.changeSet.id))
        #expect(try text("SELECT title || budget FROM project") == "Own7")
        #expect(try replica.verify().matches)
    }

    @Test(
        "on a record deleted beneath they are shown with its last values, and sent bring it back",
        .tags(.promise3))
    func onDeleted() throws {
        try seal("UPDATE project SET title = 'Own'", above: "DELETE FROM project")
        let row = "SELECT title || summary || budget FROM project"
        #expect(try text(row) == "Ownone\ntwo\nthree\n1")
        try team.expectAgreement()
        for position in 0..<2 {
            #expect(try text(row, of: position) == "Ownone\ntwo\nthree\n1")
            #expect(
                try text("SELECT group_concat(kind || status) FROM conflict", of: position)
                    == "deletedopen")
        }
    }

    @Test("discarded, they leave nothing of a record deleted beneath")
    func discarded() throws {
        try seal("UPDATE project SET title = 'Own'", above: "DELETE FROM project")
        try replica.discardOutbox(try replica.outbox().map(\.changeSet.id))
        #expect(try text("SELECT count(*) FROM project") == "0")
        try team.expectAgreement()
        #expect(try replica.status().conflicts == 0)
    }

    @Test(
        "they keep the before-value that their author saw, and so undo nothing of a text's others")
    func beforeValue() throws {
        try seal(
            "UPDATE project SET summary = 'one\ntwo\nTHREE\n'",
            above: "UPDATE project SET summary = 'ONE\ntwo\nthree\n'")
        let edit = try #require(
            try replica.outbox().first?.changeSet.operations.first?.fields.first)
        #expect(edit.before == .text("one\ntwo\nthree\n"))
        #expect(try text("SELECT summary FROM project") == "one\ntwo\nTHREE\n")
        try team.expectAgreement()
        for position in 0..<2 {
            #expect(try text("SELECT summary FROM project", of: position) == "ONE\ntwo\nTHREE\n")
        }
        #expect(try replica.status().conflicts == 0)
    }
}
