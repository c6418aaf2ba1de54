// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("Copies of a replica's file", .tags(.promise10))
struct CopiedReplicaTests {
    private let team: Team
    private var original: Replica { team.replicas[0] }

    init() throws {
        team = try Team(1)
        try team.foreign(0, "INSERT INTO project (title) VALUES ('Water')")
        try team.sync(0)
    }

    /// A copy of the original's file, with what is noted in it and not sealed.
    private func copy() throws -> Replica {
        let path = team.folder.appending(path: "copy.sqlite").path
        try team.foreign(0, "VACUUM INTO '\(path)'")
        return try Replica(
            path: path, schema: team.schema, clock: { [clock = team.clock] in clock.time })
    }

    private func sync(_ copy: Replica) throws -> IntegrateSummary {
        try team.sync(copy, team.members[0])
    }

    /// What the server says to a request, once it has judged it.
    private func answer(
        _ request: SyncRequest, _ judgement: Workspace.Judgement = .init()
    ) throws -> SyncResponse {
        try team.workspace.reply(
            to: request, judgement: judgement, role: .editor, members: nil, membersVersion: 1,
            now: team.clock.time)
    }

    private func text(_ replica: Replica, _ sql: String) throws -> String? {
        try replica.read { try String.fetchOne($0, sql: sql) }
    }

    @Test("one that only reads takes a new id where it meets what the original wrote, and once")
    func onlyReads() throws {
        let copy = try copy()
        try original.write { try $0.execute(sql: "UPDATE project SET title = 'Original'") }
        try team.sync(0)
        let summary = try sync(copy)
        #expect(summary.renamed && summary.received == 1)
        let id = try copy.identity().replica
        #expect(try original.identity().replica != id)
        #expect(try !sync(copy).renamed)
        try copy.write { try $0.execute(sql: "UPDATE project SET budget = 7") }
        #expect(try sync(copy).sent == 1)
        #expect(try !team.sync(0).renamed)
        #expect(try copy.identity().replica == id)
        #expect(try text(original, "SELECT title || budget FROM project") == "Original7")
        try team.expectAgreement()
    }

    @Test(
        "what is behind a clash is not accepted with it, and once, under a new number, after it",
        .tags(.promise5))
    func behindClash() throws {
        try original.write { try $0.execute(sql: "UPDATE project SET hours = hours + 1") }
        let copy = try copy()
        try original.write { try $0.execute(sql: "UPDATE project SET title = 'Original'") }
        try team.sync(0)
        try copy.write { try $0.execute(sql: "UPDATE project SET status = 'active'") }
        try copy.write { try $0.execute(sql: "INSERT INTO person (name) VALUES ('Li')") }
        let request = try copy.nextRequest()
        #expect(request.deliveries.map(\.number) == [2, 3, 4])
        let judgement = try team.workspace.accept(
            [.init(request: request, member: team.members[0].id, role: .editor)],
            now: team.clock.time)[0]
        #expect(judgement.verdicts.map(\.number) == [2] && judgement.clash == 3)
        #expect(try team.workspace.head().version == 3)
        var summary = IntegrateSummary()
        try copy.integrate(try answer(request, judgement), to: request, into: &summary)
        #expect(summary.renamed && summary.sent == 1)
        let left = try copy.outbox()
        #expect(left.map(\.number) == [1, 2])
        #expect(left.map(\.changeSet) == request.deliveries.dropFirst().map(\.changeSet))
        #expect(try sync(copy).sent == 2)
        try expectOnce(request.deliveries, in: copy)
        let row = "SELECT title || hours || status || name FROM project JOIN person"
        for replica in [original, copy] {
            try team.sync(replica, team.members[0])
            #expect(try text(replica, row) == "Original1activeLi")
        }
    }

    /// The history has each of the deliveries once, those behind the first as the copy's.
    private func expectOnce(_ deliveries: [Delivery], in copy: Replica) throws {
        let entries = try team.entries()
        #expect(entries.count == 5)
        for delivery in deliveries {
            #expect(entries.count { $0.changeSet.id == delivery.changeSet.id } == 1)
        }
        let own = try copy.identity().replica
        #expect(entries.filter { $0.replica == own }.map(\.number) == [1, 2])
    }

    @Test(
        "where a draft was copied, and each half was finished otherwise, both hold in the end",
        .tags(.promise1, .promise4), arguments: [true, false])
    func copiedDraft(pullsFirst: Bool) throws {
        try team.foreign(0, "UPDATE project SET title = 'Original'")
        let copy = try copy()
        try team.foreign(copy.path, "UPDATE project SET budget = 7")
        try team.sync(0)
        if pullsFirst { try expectKept(copy) }
        let summary = try sync(copy)
        #expect(summary.renamed && summary.quarantined == 1)
        #expect(try original.identity().replica != copy.identity().replica)
        let rejected = try #require(try copy.quarantine().first)
        #expect(rejected.code == .acceptedOtherwise)
        let row = "SELECT title || '/' || coalesce(budget, '') FROM project"
        #expect(try text(copy, row) == "Original/")
        #expect(try team.workspace.head().version == 2)
        try copy.redoQuarantine(rejected.changeSet.id, message: "") { _, _ in [:] }
        let again = try #require(try copy.outbox().first).changeSet
        #expect(again.id != rejected.changeSet.id)
        #expect(again.operations.flatMap(\.fields).map(\.field) == ["budget"])
        #expect(try sync(copy).sent == 1)
        #expect(try team.workspace.head().version == 3)
        try team.expectAgreement()
        #expect(try text(original, row) == "Original/7")
    }

    /// Takes in the original's half, whose id waits in the copy's outbox with another hash: it is no verdict.
    private func expectKept(_ copy: Replica) throws {
        let request = try copy.nextRequest(after: .max)
        let waiting = try copy.outbox()
        let response = try answer(request)
        #expect(response.entries.map(\.changeSet.id) == waiting.map(\.changeSet.id))
        #expect(response.entries.map(\.changeSet.hash) != waiting.map(\.changeSet.hash))
        var summary = IntegrateSummary()
        try copy.integrate(response, to: request, into: &summary)
        #expect(summary.sent == 0)
        #expect(try copy.outbox().map(\.changeSet) == waiting.map(\.changeSet))
        #expect(try copy.status().version == 2)
        #expect(try text(copy, "SELECT title || budget FROM project") == "Original7")
        #expect(try copy.verify().matches)
    }
}
