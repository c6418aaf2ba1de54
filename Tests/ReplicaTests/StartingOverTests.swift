// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// Each of these was found by the simulator.
@Suite("Starting over from a snapshot", .tags(.promise2, .promise4))
struct StartingOverTests {
    static let project = "01890000-0000-7000-8000-000000000001"

    private func team() throws -> Team {
        let team = try Team(1)
        try team.foreign(
            0, "INSERT INTO project (id, title) VALUES ('\(Self.project)', 'Water')")
        try team.sync(0)
        return team
    }

    private func snapshot(_ workspace: Workspace, _ team: Team) throws -> String {
        let path = team.folder.appending(path: "snapshot-\(UUID().uuidString).sqlite").path
        _ = try workspace.writeSnapshot(to: path)
        return path
    }

    private func emptyWorkspace(_ team: Team, key: UInt8 = 0) throws -> Workspace {
        var generator = SystemRandomNumberGenerator()
        return try Workspace.create(
            path: team.folder.appending(path: "new-\(UUID().uuidString).sqlite").path,
            slug: "team", schema: team.schema, epoch: .random(using: &generator),
            receiptKey: (0..<32).map { $0 + key })
    }

    private func text(_ team: Team, _ sql: String) throws -> String? {
        try team.replicas[0].read { try String.fetchOne($0, sql: sql) }
    }

    @Test("what goes to the outbox again is shown at once, before the server has it")
    func shown() throws {
        let team = try team()
        let empty = try snapshot(emptyWorkspace(team), team)
        try team.replicas[0].startOver(from: empty, because: .anotherEpoch, unproven: [1])
        #expect(try text(team, "SELECT title FROM project") == "Water")
        #expect(try team.replicas[0].status().outbox == 1)
    }

    @Test("what goes to the outbox again comes before what builds on it")
    func order() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET budget = 7")
        _ = try team.replicas[0].seal()
        try team.workspace.close()
        team.workspace = try emptyWorkspace(team)
        let outcome = try team.run(team.replicas[0], team.members[0])
        #expect(outcome.summary.quarantined == 0)
        #expect(try text(team, "SELECT title || budget FROM project") == "Water7")
        #expect(try team.replicas[0].status().quarantine == 0)
    }

    @Test(
        "what is given back, or goes to the outbox again, is behind what it lists, which was accepted after it",
        arguments: [0, 1])
    func listed(key: UInt8) throws {
        let team = try Team(2)
        try team.foreign(1, "INSERT INTO project (title) VALUES ('Air')")
        for position in [1, 0] { try team.sync(position) }
        for statement in [
            "INSERT INTO project (title) VALUES ('Water')",
            "UPDATE project SET budget = 7 WHERE title = 'Air'",
            "UPDATE project SET title = 'Vand' WHERE title = 'Water'",
        ] {
            try team.foreign(0, statement)
            _ = try team.replicas[0].seal()
        }
        for isFirst in [true, false] {
            try team.workspace.close()
            team.workspace = try emptyWorkspace(team, key: isFirst ? 0 : key)
            // Without Air its budget is rejected, and the title after it accepted.
            if isFirst { try team.sync(0) }
            try team.sync(1)
            try team.replicas[0].retryQuarantine(
                try team.replicas[0].quarantine().map(\.changeSet.id))
            for position in [0, 1] { try team.sync(position) }
            #expect(try text(team, "SELECT budget FROM project WHERE title = 'Air'") == "7")
            #expect(try text(team, "SELECT title FROM project WHERE title <> 'Air'") == "Vand")
        }
        #expect(try team.replicas.map { try $0.status().conflicts } == [0, 0])
    }

    @Test("what goes to the outbox again is listed by the next, though one that listed it goes")
    func listedByTheNext() throws {
        let team = try team()
        let replica = team.replicas[0]
        for budget in 7...8 {
            try replica.write { try $0.execute(sql: "UPDATE project SET budget = \(budget)") }
        }
        // The first is accepted, and the second, which lists it, waits.
        var request = try replica.nextRequest()
        let waiting = request.deliveries.removeLast().changeSet
        #expect(waiting.seen == request.deliveries.map(\.changeSet.hash))
        let judgement = try team.workspace.accept(
            [.init(request: request, member: team.members[0].id, role: .editor)],
            now: team.clock.time)[0]
        let response = try team.workspace.reply(
            to: request, judgement: judgement, role: .editor, members: nil, membersVersion: 1,
            now: team.clock.time)
        var summary = IntegrateSummary()
        try replica.integrate(response, to: request, into: &summary)
        #expect(summary.sent == 1)
        let empty = try snapshot(emptyWorkspace(team), team)
        try replica.startOver(from: empty, because: .anotherEpoch, unproven: [1, 2])
        try replica.discardOutbox([waiting.id])
        let lost = try replica.outbox().map(\.changeSet.hash)
        #expect(lost.count == 2)
        try replica.write { try $0.execute(sql: "UPDATE project SET budget = 9") }
        let next = try #require(try replica.outbox().last).changeSet
        #expect(Set(next.seen) == Set(lost))
    }

    @Test("what is held back in a record that goes to the outbox again is still there, in its row")
    func held() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET status = 'nonsense'")
        _ = try team.replicas[0].seal()
        let empty = try snapshot(emptyWorkspace(team), team)
        try team.replicas[0].startOver(from: empty, because: .anotherEpoch, unproven: [1])
        #expect(try text(team, "SELECT title || status FROM project") == "Waternonsense")
        #expect(try team.replicas[0].status().invalid.map(\.field) == ["status"])
    }

    @Test("a column of a person's own keeps what it holds")
    func ownColumns() throws {
        let team = try team()
        try team.foreign(0, "INSERT INTO task (title) VALUES ('First'), ('Second')")
        try team.sync(0)
        try team.foreign(
            0,
            """
            ALTER TABLE project ADD COLUMN "my own" TEXT;
            ALTER TABLE task ADD COLUMN mine INTEGER NOT NULL DEFAULT 7;
            UPDATE project SET "my own" = 'noted';
            UPDATE task SET mine = 8 WHERE title = 'First';
            INSERT INTO task (title, mine) VALUES ('Third, which waits', 9)
            """)
        try team.replicas[0].startOver(
            from: try snapshot(team.workspace, team), because: .notMended)
        #expect(try text(team, "SELECT title || \"my own\" FROM project") == "Waternoted")
        let tasks = "SELECT group_concat(title || mine) FROM (SELECT * FROM task ORDER BY title)"
        #expect(try text(team, tasks) == "First8,Second7,Third, which waits9")
        try team.expectAgreement()
        #expect(try text(team, tasks) == "First8,Second7,Third, which waits9")
    }

    /// A copy of the replica's file, made while a draft was in it, which each file finishes otherwise: one
    /// id for two change sets.
    private func copiedDraft(_ team: Team) throws -> Replica {
        let copy = team.folder.appending(path: "copy.sqlite").path
        try team.foreign(0, "UPDATE project SET title = 'Vand'")
        try team.foreign(0, "VACUUM INTO '\(copy)'")
        try team.foreign(0, "UPDATE project SET progress = 5")
        try team.foreign(copy, "UPDATE project SET budget = 7")
        return try Replica(
            path: copy, schema: team.schema, clock: { [clock = team.clock] in clock.time })
    }

    /// The workspace as it is, in a file of its own.
    private func olderWorkspace(_ team: Team) throws -> Workspace {
        let path = team.folder.appending(path: "older.sqlite").path
        try team.workspace.backup(to: path)
        return try Workspace(path: path, schema: team.schema)
    }

    @Test("what a server lost, and has with other content under its id, is kept in quarantine")
    func lostOtherwise() throws {
        let team = try team()
        let (copy, older) = (try copiedDraft(team), try olderWorkspace(team))
        try team.sync(0)
        let lost = try #require(try team.workspace.entries(since: 1, byteLimit: .max).first)
        try team.workspace.close()
        team.workspace = older
        try team.sync(copy, team.members[0])
        let other = try #require(try older.entries(since: 1, byteLimit: .max).first)
        #expect(other.changeSet.id == lost.changeSet.id)
        let replica = team.replicas[0]
        let over = try replica.startOver(
            from: try snapshot(older, team), because: .otherHistory, unproven: [2])
        #expect(over.unproven == 0)
        #expect(try replica.outbox().isEmpty)
        let kept = try #require(try replica.quarantine().first)
        #expect(kept.code == .acceptedOtherwise && kept.changeSet == lost.changeSet)
        #expect(try text(team, "SELECT title || budget FROM project") == "Vand7")
        try replica.redoQuarantine(kept.changeSet.id, message: "") { _, _ in [:] }
        try team.expectAgreement()
        #expect(try text(team, "SELECT title || budget || progress FROM project") == "Vand75")
        #expect(try team.workspace.head().version == 3)
    }

    @Test("one that can't be kept, since another of its id is in quarantine, is told as lost")
    func lostBesideQuarantine() throws {
        let team = try team()
        let (copy, older) = (try copiedDraft(team), try olderWorkspace(team))
        try team.sync(0)
        // The copy knows the original's half, and its own was rejected.
        #expect(try team.sync(copy, team.members[0]).quarantined == 1)
        let waiting = try copy.quarantine()
        #expect(waiting.map(\.code) == [.acceptedOtherwise])
        let over = try copy.startOver(
            from: try snapshot(older, team), because: .otherHistory, unproven: [2])
        #expect(over.unproven == 1)
        #expect(try copy.quarantine() == waiting)
        #expect(try copy.outbox().isEmpty)
        try older.close()
    }

    @Test("a snapshot without what was given back is refused, and the replica stays as it was")
    func lacking() throws {
        let team = try team()
        let empty = try snapshot(emptyWorkspace(team), team)
        #expect(throws: ReplicaError.snapshotLacks(1)) {
            try team.replicas[0].startOver(from: empty, because: .anotherEpoch, returned: [1])
        }
        #expect(try text(team, "SELECT title FROM project") == "Water")
        #expect(try team.replicas[0].status().epoch == team.workspace.epoch)
    }

    @Test("a server that was replaced once more before its snapshot came is not followed to it")
    func replaced() throws {
        let team = try team()
        let empty = try snapshot(emptyWorkspace(team), team)
        #expect(throws: ReplicaError.snapshotLacks(1)) {
            try team.replicas[0].startOver(
                from: empty, because: .anotherEpoch, epoch: team.workspace.epoch)
        }
        #expect(try text(team, "SELECT title FROM project") == "Water")
    }

    @Test("a snapshot made before something was given back serves nobody any more")
    func stale() throws {
        let team = try team()
        let entries = try team.workspace.entries(since: 0, byteLimit: .max)
        let (old, path) = (team.workspace, team.folder.appending(path: "older.sqlite").path)
        var generator = SystemRandomNumberGenerator()
        // The same key, and an older file: nothing had been accepted then.
        let older = try Workspace.create(
            path: path, slug: "team", schema: team.schema, epoch: .random(using: &generator),
            receiptKey: [UInt8](repeating: 7, count: 32))
        #expect(try older.holdsWhatCameBack(0))
        let request = try GiveBackRequest(epoch: old.epoch, schema: 1, entries: entries)
        let answer = try older.takeBack(
            request, now: team.clock.time, next: .random(using: &generator))
        #expect(answer.response.taken == [1])
        #expect(try !older.holdsWhatCameBack(0))
        #expect(try older.holdsWhatCameBack(1))
    }

    @Test("under a clock that stands still two older files are kept aside", .tags(.promise9))
    func aside() throws {
        let team = try team()
        for _ in 0..<2 {
            try team.replicas[0].startOver(
                from: try snapshot(team.workspace, team), because: .notMended)
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: team.folder.path)
        #expect(files.count { $0.contains(".before-") } == 2)
    }

    @Test("settling a conflict that the new history doesn't have makes no row of it")
    func ghost() throws {
        let team = try Team(2)
        try team.foreign(
            0, "INSERT INTO project (id, title) VALUES ('\(Self.project)', 'Water')")
        try team.sync(0)
        try team.sync(1)
        for (position, title) in ["Vand", "水"].enumerated() {
            try team.foreign(position, "UPDATE project SET title = '\(title)'")
        }
        for position in [0, 1, 0] { try team.sync(position) }
        #expect(try team.replicas[0].status().conflicts == 1)
        try team.foreign(0, "UPDATE conflict SET status = 'settled'")
        _ = try team.replicas[0].seal()
        let empty = try snapshot(emptyWorkspace(team), team)
        try team.replicas[0].startOver(from: empty, because: .anotherEpoch)
        #expect(try text(team, "SELECT count(*) FROM conflict") == "0")
    }

    @Test(
        "who discards an edit that had been sent is not told that the file is a copy",
        .tags(.promise10))
    func discarded() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET title = 'Sent, and discarded'")
        let request = try team.replicas[0].nextRequest()
        _ = try team.workspace.accept(
            [.init(request: request, member: team.members[0].id, role: .editor)],
            now: team.clock.time)
        // The reply is lost.
        try team.replicas[0].discardOutbox(request.deliveries.map(\.changeSet.id))
        #expect(try !team.sync(0).renamed)
        #expect(try text(team, "SELECT title FROM project") == "Sent, and discarded")
    }

    @Test(
        "who discards what a bundle carries is not told that the file is a copy, however late it comes",
        .tags(.promise10))
    func discardedFromBundle() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET title = 'Carried, and discarded'")
        let bundle = try team.replicas[0].nextRequest()
        let ids = bundle.deliveries.map(\.changeSet.id)
        try team.replicas[0].noteCarried(ids)
        #expect(try team.replicas[0].carried(of: ids) == 1)
        try team.replicas[0].discardOutbox(ids)
        // The outbox empties, and the replica is at the head, before the bundle is there.
        try team.foreign(0, "UPDATE project SET budget = 7")
        try team.sync(0)
        #expect(try team.replicas[0].nextRequest().links.isEmpty)
        _ = try team.workspace.accept(
            [.init(request: bundle, member: team.members[0].id, role: .editor)],
            now: team.clock.time)
        #expect(try !team.sync(0).renamed)
        #expect(try text(team, "SELECT title FROM project") == "Carried, and discarded")
        // What arrived need not be remembered.
        #expect(try text(team, "SELECT count(*) FROM ting_link") == "0")
    }
}
