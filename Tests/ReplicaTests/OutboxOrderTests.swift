// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("What leaves the outbox and comes back")
struct OutboxOrderTests {
    private func insert(_ team: Team, _ collection: String, _ values: [String: Value]) throws
        -> RecordID
    {
        var random = SystemRandomNumberGenerator()
        let id = RecordID.timeOrdered(milliseconds: team.clock.time, using: &random)
        try team.replicas[0].write { try team.replicas[0].insert($0, collection, id, values) }
        return id
    }

    private func edit(_ team: Team, _ record: RecordID, _ title: String) throws -> ChangeSet {
        try team.replicas[0].write {
            try team.replicas[0].update($0, "task", record, ["title": .text(title)])
        }
        return try #require(team.replicas[0].outbox().last).changeSet
    }

    @Test("a change set back from quarantine is listed by the next, whoever listed it before")
    func listedAgain() throws {
        let team = try Team(1)
        let replica = team.replicas[0]
        let project = try insert(team, "project", ["title": .text("P")])
        let task = try insert(
            team, "task",
            ["title": .text("t1"), "project": .text(project.description)])
        _ = try insert(team, "project", ["title": .text("X")])
        let sealed = try replica.outbox().map(\.changeSet)
        #expect(sealed.last?.seen == [sealed[1].hash])
        try replica.discardOutbox([sealed[0].id])
        #expect(try replica.quarantine().count == 1)
        try replica.retryQuarantine([sealed[1].id])
        try replica.discardOutbox([sealed[2].id])
        #expect(try edit(team, task, "t2").seen == [sealed[1].hash])
    }

    @Test("a discarded change set that had been accepted makes no copy of its replica")
    func acceptedAfterAll() throws {
        let team = try Team(1)
        let replica = team.replicas[0]
        _ = try insert(team, "project", ["title": .text("accepted")])
        let lost = try replica.nextRequest()
        // The server accepts it; its answer is lost.
        _ = try team.workspace.accept(
            [.init(request: lost, member: team.members[0].id, role: .editor)],
            now: team.clock.time)
        try replica.discardOutbox(lost.deliveries.map(\.changeSet.id))
        _ = try insert(team, "project", ["title": .text("rejected")])
        let id = try replica.identity().replica
        let summary = try team.sync(0, role: .viewer)
        #expect(summary.quarantined == 1)
        #expect(!summary.renamed)
        #expect(try replica.identity().replica == id)
        // Nothing of it is left to tell.
        #expect(try replica.nextRequest().links.isEmpty)
    }
}
