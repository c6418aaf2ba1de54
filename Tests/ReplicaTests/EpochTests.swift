// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("Restored, copied-back and wiped servers", .tags(.promise2, .promise4))
struct EpochTests {
    static let project = "01890000-0000-7000-8000-000000000001"

    /// Two replicas that know a project; the server's file was copied after it.
    func team() throws -> Team {
        let team = try Team(2)
        try team.foreign(
            0, "INSERT INTO project (id, title, hours) VALUES ('\(Self.project)', 'Water', 1)")
        try team.sync(0)
        try team.sync(1)
        try team.workspace.backup(to: backup(team))
        return team
    }

    private func backup(_ team: Team) -> String {
        team.folder.appending(path: "backup.sqlite").path
    }

    /// The server's file is the one of the backup again, under another epoch if it is restored.
    func putBack(_ team: Team, restored: Bool) throws {
        try team.workspace.close()
        let path = team.folder.appending(path: "put-back-\(UUID().uuidString).sqlite").path
        try FileManager.default.copyItem(atPath: backup(team), toPath: path)
        team.workspace = try Workspace(path: path, schema: team.schema)
        var generator = SystemRandomNumberGenerator()
        if restored { try team.workspace.startEpoch(.random(using: &generator)) }
    }

    func text(_ team: Team, _ replica: Int, _ sql: String) throws -> String? {
        try team.replicas[replica].read { try String.fetchOne($0, sql: sql) }
    }

    @Test("so is what a server lost whose older files went on, further than the replica had come")
    func wentOn() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET title = 'Lost by the server'")
        try team.sync(0)
        try putBack(team, restored: false)
        for hours in 1...3 {
            try team.foreign(1, "UPDATE project SET hours = hours + \(hours)")
            try team.sync(1)
        }
        #expect(try team.workspace.head().version == 4)
        let outcome = try team.run(team.replicas[0], team.members[0])
        #expect(outcome.startedOver == .otherHistory)
        #expect(outcome.givenBack >= 1)
        try team.expectAgreement(after: 3)
        let row = try text(team, 1, "SELECT title || hours FROM project")
        #expect(row == "Lost by the server7")
    }

    @Test(
        "so is what a server lost whose older files went on under its name, and was then restored",
        arguments: [1, 3])
    func wentOnUnnoticed(versions: Int) throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET title = 'Lost by the server', budget = 5")
        try team.sync(0)
        try putBack(team, restored: false)
        for _ in 1...versions {
            try team.foreign(1, "UPDATE project SET hours = hours + 1")
            try team.sync(1)
        }
        var generator = SystemRandomNumberGenerator()
        try team.workspace.startEpoch(.random(using: &generator))
        let outcome = try team.run(team.replicas[0], team.members[0])
        #expect((outcome.startedOver, outcome.unproven) == (.anotherEpoch, 0))
        // What was seen on either side is uncertain then, and nothing is lost.
        try team.foreign(1, "UPDATE project SET hours = hours + 1")
        try team.expectAgreement(after: 3)
        let row = try text(team, 1, "SELECT title || budget || '/' || hours FROM project")
        #expect(row == "Lost by the server5/\(versions + 2)")
        #expect(try team.replicas.map { try $0.status().conflicts } == [0, 0])
    }

    @Test(
        "what settled a conflict that does not arise again is given back with all else that it did",
        .tags(.promise1, .promise3))
    func settledElsewhere() throws {
        let team = try team()
        let away = try team.clone(for: team.members[1])
        try away.write { try $0.execute(sql: "UPDATE project SET budget = 5") }
        try team.foreign(0, "DELETE FROM project")
        try team.sync(0)
        try team.foreign(1, "INSERT INTO task (project, title) VALUES ('\(Self.project)', 'Below')")
        try team.sync(1)
        try team.sync(0)
        #expect(try text(team, 0, "SELECT kind FROM conflict") == "parent")
        try team.foreign(
            0,
            """
            BEGIN; UPDATE project SET title = 'Decided'; UPDATE conflict SET status = 'settled';
            INSERT INTO task (title) VALUES ('With it'); COMMIT
            """)
        try team.sync(0)
        try team.foreign(0, "UPDATE task SET title = 'After it' WHERE title = 'With it'")
        try putBack(team, restored: true)
        // What comes first in the new epoch: now the deletion meets an edit, and takes no effect.
        try team.sync(away, team.members[1])
        let outcome = try team.run(team.replicas[0], team.members[0])
        #expect((outcome.unproven, outcome.summary.quarantined) == (0, 0))
        // The history that both have ends with version 1; of what came with the snapshot one conflict is new.
        #expect((outcome.from, outcome.summary.conflicts.count) == (1, 1))
        try team.expectAgreement(after: 3)
        #expect(try text(team, 1, "SELECT title || budget FROM project") == "Decided5")
        #expect(try text(team, 1, "SELECT title FROM task WHERE project IS NULL") == "After it")
        #expect(
            try text(team, 1, "SELECT group_concat(kind || status) FROM conflict") == "deletedopen")
    }

    @Test("a replica whose history is in doubt gives back what a restored server lost, too")
    func doubtedHistory() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET title = 'Lost by the server'")
        try team.sync(0)
        try putBack(team, restored: true)
        try team.replicas[0].tamper {
            try $0.execute(sql: "UPDATE ting_replica SET suspect = 2")
        }
        let outcome = try team.run(team.replicas[0], team.members[0])
        #expect((outcome.startedOver, outcome.unproven) == (.anotherEpoch, 0))
        #expect(outcome.givenBack == 1)
        try team.expectAgreement(after: 3)
        #expect(try text(team, 1, "SELECT title FROM project") == "Lost by the server")
    }

    @Test(
        "what a restored server lost is given back, as itself, and work goes on",
        arguments: [true, false])
    func restored(_ isRestored: Bool) throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET title = 'Lost by the server', hours = hours + 2")
        try team.sync(0)
        try team.sync(1)
        let lost = try #require(try team.workspace.entries(since: 1, byteLimit: .max).first)
        try putBack(team, restored: isRestored)
        try team.foreign(1, "UPDATE project SET hours = hours + 4, budget = 7")
        let outcome = try team.run(team.replicas[1], team.members[1])
        #expect(outcome.startedOver == (isRestored ? .anotherEpoch : .otherHistory))
        #expect((outcome.givenBack, outcome.unproven) == (1, 0))
        try team.expectAgreement(after: 3)
        let back = try #require(
            try team.workspace.entries(since: 0, byteLimit: .max).first {
                $0.changeSet.id == lost.changeSet.id
            })
        #expect(back.author == lost.author && back.replica == lost.replica)
        #expect(back.number == lost.number && back.changeSet == lost.changeSet)
        #expect(back.accepted == lost.accepted && back.shift == lost.shift)
        for replica in 0..<2 {
            let row = try text(team, replica, "SELECT title || hours || budget FROM project")
            #expect(row == "Lost by the server77")
        }
        #expect(try team.replicas[0].status().conflicts == 0)
    }

    @Test(
        "what is given back has its first time: a later edit stands, also against a clock that was ahead",
        .tags(.promise3), arguments: [false, true])
    func time(isAhead: Bool) throws {
        let team = try team()
        let hour: Int64 = 3_600_000
        if isAhead { team.clock.advance(hour) }
        try team.replicas[0].write { try $0.execute(sql: "UPDATE project SET title = 'Old'") }
        if isAhead { team.clock.advance(-hour) }
        try team.sync(0)
        try putBack(team, restored: false)
        team.clock.advance(60_000)
        try team.replicas[1].write { try $0.execute(sql: "UPDATE project SET title = 'New'") }
        try team.sync(1)
        team.clock.advance(hour / 2)
        let outcome = try team.run(team.replicas[0], team.members[0])
        #expect((outcome.startedOver, outcome.givenBack) == (.otherHistory, 1))
        try team.expectAgreement(after: 3)
        for replica in 0..<2 {
            #expect(try text(team, replica, "SELECT title FROM project") == "New")
            #expect(
                try text(
                    team, replica, "SELECT group_concat(kind || other || status) FROM conflict")
                    == "field\"Old\"open")
        }
    }

    @Test("what had been seen in the old epoch still is: no conflict with it")
    func seen() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET title = 'First'")
        try team.sync(0)
        try team.sync(1)
        try team.foreign(1, "UPDATE project SET title = 'Second, on top of the first'")
        _ = try team.replicas[1].seal()
        try putBack(team, restored: true)
        try team.expectAgreement(after: 3)
        #expect(try team.replicas[0].status().conflicts == 0)
        #expect(try text(team, 0, "SELECT title FROM project") == "Second, on top of the first")
    }

    @Test(
        "edits accepted after the files were copied back and those lost before both hold",
        .tags(.promise1))
    func diverged() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET title = 'Before'")
        try team.sync(0)
        try putBack(team, restored: false)
        // This one never saw what was lost, and goes on as if nothing had been.
        try team.foreign(1, "UPDATE project SET budget = 3")
        try team.sync(1)
        try team.expectAgreement(after: 3)
        for replica in 0..<2 {
            let row = try text(team, replica, "SELECT title || budget FROM project")
            #expect(row == "Before3")
        }
    }

    @Test(
        "a replica in which an old entry rotted still gives back what a server lost",
        .tags(.promise1))
    func rottenAndCopiedBack() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET title = 'Lost'")
        try team.sync(0)
        try putBack(team, restored: false)
        try team.replicas[0].tamper {
            try $0.execute(sql: "UPDATE ting_entry SET change_set = x'00' WHERE version = 1")
        }
        #expect(try team.run(team.replicas[0], team.members[0]).givenBack == 1)
        try team.sync(1)
        #expect(try text(team, 1, "SELECT title FROM project") == "Lost")
    }

    @Test("what waits here outlives the change: outbox, quarantine, and what is held back")
    func waiting() throws {
        let team = try team()
        try team.foreign(1, "UPDATE project SET progress = 5")
        try team.sync(team.replicas[1], team.members[1], role: .viewer)
        try team.foreign(1, "UPDATE project SET status = 'nonsense', budget = 8")
        try team.foreign(
            1, "INSERT INTO task (project, title) VALUES ('nothing', 'Held back whole')")
        _ = try team.replicas[1].seal()
        try putBack(team, restored: true)
        let outcome = try team.run(team.replicas[1], team.members[1])
        #expect(outcome.startedOver == .anotherEpoch)
        let status = try team.replicas[1].status()
        #expect(status.quarantine == 1)
        #expect(Set(status.invalid.compactMap(\.field)) == ["status", "project"])
        #expect(try text(team, 1, "SELECT status FROM project") == "nonsense")
        #expect(try text(team, 1, "SELECT title FROM task") == "Held back whole")
        try team.expectAgreement(after: 3)
        #expect(try text(team, 0, "SELECT budget FROM project") == "8")
        let aside = try FileManager.default.contentsOfDirectory(atPath: team.folder.path)
        #expect(aside.contains { $0.contains(".before-") })
    }

    private func wipe(_ team: Team) throws {
        var generator = SystemRandomNumberGenerator()
        team.workspace = try Workspace.create(
            path: team.folder.appending(path: "new.sqlite").path, slug: "team",
            schema: team.schema, epoch: .random(using: &generator),
            receiptKey: (0..<32).map { UInt8($0) })
    }

    @Test(
        "a restored server that is wiped before it is given back gets all of that too",
        .tags(.promise4))
    func wipedMeanwhile() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET title = 'In the backup'")
        try team.sync(0)
        try FileManager.default.removeItem(atPath: backup(team))
        try team.workspace.backup(to: backup(team))
        try team.foreign(0, "UPDATE project SET hours = 5")
        try team.sync(0)
        try putBack(team, restored: true)
        var isWiped = false
        _ = try team.run(
            team.replicas[0], team.members[0],
            beforeGivingBack: {
                if !isWiped { try wipe(team) }
                isWiped = true
            })
        #expect(isWiped)
        try team.expectAgreement(after: 3)
        #expect(try text(team, 0, "SELECT title || hours FROM project") == "In the backup5")
    }

    @Test("a wiped server gets back what each member wrote")
    func wiped() throws {
        let team = try team()
        try team.foreign(1, "INSERT INTO person (name) VALUES ('Li')")
        try team.sync(1)
        try team.sync(0)
        try wipe(team)
        let outcome = try team.run(team.replicas[0], team.members[0])
        #expect((outcome.givenBack, outcome.unproven) == (0, 1))
        try team.expectAgreement(after: 3)
        for replica in 0..<2 {
            #expect(try text(team, replica, "SELECT title FROM project") == "Water")
            #expect(try text(team, replica, "SELECT name FROM person") == "Li")
        }
    }

    @Test("a server that changes its history again and again is not followed for ever")
    func noLoop() throws {
        let team = try team()
        var generator = SystemRandomNumberGenerator()
        var followed = 0
        for _ in 0..<8 {
            try team.workspace.startEpoch(.random(using: &generator))
            let outcome = try? team.run(team.replicas[0], team.members[0])
            if outcome?.startedOver != nil { followed += 1 }
        }
        #expect(followed == Limits.startOversPerHour)
        team.clock.advance(3_700_000)
        try team.expectAgreement(after: 3)
    }
}
