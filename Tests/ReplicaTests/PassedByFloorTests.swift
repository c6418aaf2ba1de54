// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// What becomes of those whom the floor passes while they are at it: it moves as often as it may.
@Suite("Passed by the floor")
struct PassedByFloorTests {
    static let project = "01890000-0000-7000-8000-000000000001"
    static let other = "01890000-0000-7000-8000-000000000002"

    /// Edits by the first member, after which the floor has passed everyone else.
    private func passFloor(_ team: Team, _ step: Int, id: String = project) throws {
        for part in 0...1 {
            try team.foreign(
                0,
                "INSERT INTO project (id, title) VALUES ('\(id)', '\(step)-\(part)') "
                    + "ON CONFLICT DO UPDATE SET title = excluded.title")
            try team.sync(0)
        }
        try team.compact(.keep(1))
    }

    @Test(
        "accepted by hand, its entry below the floor: the outbox tells so until a line brings the snapshot",
        .tags(.promise5))
    func acceptedByHand() throws {
        let team = try Team(2)
        try team.foreign(1, "INSERT INTO project (id, hours) VALUES ('\(Self.project)', 1)")
        let bundle = try team.replicas[1].nextRequest()
        for step in 0...1 { try passFloor(team, step, id: Self.other) }
        let judgement = try team.workspace.accept(
            [.init(request: bundle, member: team.members[1].id, role: .editor)],
            now: team.clock.time)[0]
        let reply = try team.workspace.reply(
            to: bundle, judgement: judgement, role: .editor, members: nil, membersVersion: 1,
            now: team.clock.time)
        var summary = IntegrateSummary()
        #expect(throws: ReplicaError.historyDiffers(.belowFloor)) {
            try team.replicas[1].integrate(reply, to: bundle, into: &summary)
        }
        #expect(try team.replicas[1].accepted() == 1)
        #expect(try team.replicas[1].status().deferred.allSatisfy { $0.hasPrefix("accepted:") })
        #expect(try team.replicas[1].status().outbox == 1)
        #expect(try team.run(team.replicas[1], team.members[1]).summary.sent == 1)
        #expect(try team.replicas[1].accepted() == 0)
        #expect(try team.replicas[1].status().outbox == 0)
    }

    @Test("a floor that moves often is no loop: every snapshot brings the replica further")
    func movesOften() throws {
        let team = try Team(2)
        try team.replicas[1].note(contact: team.clock.time)
        for step in 0...2 * Limits.startOversPerHour {
            try passFloor(team, step)
            let outcome = try team.run(team.replicas[1], team.members[1])
            #expect(outcome.startedOver == .belowFloor)
            #expect(try outcome.version == team.workspace.head().version)
        }
    }

    @Test("snapshots that bring a replica no further are a loop, and bounded by the hour")
    func noFurther() throws {
        let team = try Team(2)
        try team.replicas[1].note(contact: team.clock.time)
        let old = team.folder.appending(path: "old.sqlite").path
        _ = try team.workspace.writeSnapshot(to: old)
        for _ in 0..<Limits.startOversPerHour {
            try team.replicas[1].startOver(from: old, because: .belowFloor)
        }
        try passFloor(team, 0)
        #expect(throws: TeamError.self) { try team.run(team.replicas[1], team.members[1]) }
        team.clock.advance(3_700_000)
        #expect(
            try team.run(team.replicas[1], team.members[1]).startedOver == .belowFloor)
    }

    @Test(
        "a clone whose snapshot the floor passed takes a newer one: nothing to tell, nothing beside it"
    )
    func newClone() throws {
        let team = try Team(2)
        let clone = try team.clone(for: team.members[1])
        try passFloor(team, 0)
        let outcome = try team.run(clone, team.members[1])
        #expect(outcome.startedOver == nil)
        #expect(try outcome.version == team.workspace.head().version)
        #expect(try clone.verify().matches)
        let files = try FileManager.default.contentsOfDirectory(atPath: team.folder.path)
        #expect(!files.contains { $0.contains(".before-") })
    }
}
