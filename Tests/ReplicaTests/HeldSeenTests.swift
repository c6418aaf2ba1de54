// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingTesting

@testable import TingStore

/// An edit that is held back is sealed when its author mends it: much may have left the outbox since.
@Suite("What the author of a held-back edit had seen", .tags(.promise3))
struct HeldSeenTests {
    private let team: Team
    private static let project = "01890000-0000-7000-8000-000000000001"

    init() throws {
        team = try Team(2)
        try team.foreign(
            0,
            """
            INSERT INTO project (id, title, partners, progress, budget)
            VALUES ('\(Self.project)', 'Water', '["x"]', 1, 1);
            """)
        try syncAll()
    }

    private func syncAll() throws { for _ in 0..<2 { for place in 0..<2 { try team.sync(place) } } }

    private func text(_ sql: String) throws -> String? {
        try team.replicas[1].read { try String.fetchOne($0, sql: sql) }
    }

    /// An own edit, one that is held back on top of it, a sync, and the mended edit.
    private func mend(_ own: String, held: String, mended: String) throws {
        try team.replicas[0].write { try $0.execute(sql: "UPDATE project SET \(own)") }
        try team.foreign(0, "UPDATE project SET \(held)")
        let invalid = try team.replicas[0].seal()
        #expect(!invalid.isEmpty)
        try team.sync(0)
        team.clock.advance(1_000)
        try team.foreign(0, mended)
        try syncAll()
        #expect(try team.replicas[0].status().invalid.isEmpty)
        #expect(try team.replicas[1].status().conflicts == 0)
        #expect(try team.replicas[0].status().digest == team.replicas[1].status().digest)
    }

    @Test("a set and a maximum go on from the author's own edit before")
    func setAndMaximum() throws {
        try mend(
            "partners = '[\"x\",\"y\"]', sensitivity = 'restricted'",
            held: "partners = '[1]', sensitivity = 'zzz'",
            mended: "UPDATE project SET partners = '[\"x\"]', sensitivity = 'open'")
        #expect(try text("SELECT partners || sensitivity FROM project") == "[\"x\"]open")
    }

    @Test("there is no conflict, and no proposal, against the author's own edit before")
    func latestAndReview() throws {
        try mend(
            "progress = 10, code = 'C1'", held: "progress = 999, code = printf('%.201c', 'c')",
            mended: "UPDATE project SET progress = 20, code = 'C2'")
        #expect(try text("SELECT progress || code FROM project") == "20C2")
    }

    @Test("a record is deleted whose author edited it before a field was held back")
    func deletion() throws {
        try mend("progress = 10", held: "progress = 999", mended: "DELETE FROM project")
        #expect(try text("SELECT count(*) FROM project") == "0")
    }

    /// Syncs, mends the field that is held back, and meets in a conflict the 20 that another wrote.
    private func expectConflictWithOther() throws {
        try team.sync(0)
        team.clock.advance(60_000)
        try team.foreign(0, "UPDATE project SET progress = 30")
        try syncAll()
        #expect(try text("SELECT progress FROM project") == "30")
        #expect(try text("SELECT other FROM conflict WHERE status = 'open'") == "20")
    }

    @Test("an edit held back on one that waits had not seen what that hides")
    func hidden() throws {
        try team.replicas[0].write { try $0.execute(sql: "UPDATE project SET progress = 10") }
        team.clock.advance(60_000)
        try team.replicas[1].write { try $0.execute(sql: "UPDATE project SET progress = 20") }
        try team.sync(1)
        try team.pull(0)
        try team.foreign(0, "UPDATE project SET progress = 999")
        try expectConflictWithOther()
    }

    @Test("what another wrote meanwhile is still unseen")
    func others() throws {
        try team.replicas[0].write { try $0.execute(sql: "UPDATE project SET progress = 10") }
        try team.foreign(0, "UPDATE project SET progress = 999")
        try team.sync(0)
        try team.sync(1)
        try team.replicas[1].write { try $0.execute(sql: "UPDATE project SET progress = 20") }
        try team.sync(1)
        try expectConflictWithOther()
    }

    @Test("what was seen stays seen where the edit before was discarded, and the chain behind it")
    func discarded() throws {
        let replica = team.replicas[0]
        try replica.write { try $0.execute(sql: "UPDATE project SET progress = 10") }
        try replica.write { try $0.execute(sql: "UPDATE project SET budget = 10") }
        try team.foreign(0, "UPDATE project SET progress = 999")
        _ = try replica.seal()
        try replica.discardOutbox([try #require(replica.outbox().last).changeSet.id])
        try syncAll()
        try team.foreign(0, "UPDATE project SET progress = 30")
        try syncAll()
        #expect(try replica.status().conflicts == 0)
        #expect(try text("SELECT progress FROM project") == "30")
    }
}
