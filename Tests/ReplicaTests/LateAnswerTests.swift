// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingTesting

@testable import TingStore

@Suite("Answers that come late", .tags(.promise4))
struct LateAnswerTests {
    private let team: Team
    private var replica: Replica { team.replicas[1] }

    init() throws {
        team = try Team(2)
        try team.replicas[0].write {
            try $0.execute(sql: "INSERT INTO project (title) VALUES ('Water')")
        }
        for position in 0..<2 { try team.sync(position) }
    }

    /// What the replica became since it asked.
    enum Change: CaseIterable { case nothing, anotherID, anotherEpoch }

    private func become(_ change: Change) throws {
        switch change {
        case .nothing: break
        case .anotherID: try replica.quietly { try replica.rename($0) }
        case .anotherEpoch:
            var generator = SystemRandomNumberGenerator()
            try team.workspace.startEpoch(.random(using: &generator))
            let path = team.folder.appending(path: "snapshot.sqlite").path
            _ = try team.workspace.writeSnapshot(to: path)
            try replica.startOver(from: path, because: .anotherEpoch)
        }
    }

    @Test(
        "a rejection, and entries, to an earlier replica id or epoch are ignored",
        arguments: Change.allCases)
    func ignored(_ change: Change) throws {
        try replica.write { try $0.execute(sql: "UPDATE project SET title = 'Waits'") }
        let request = try replica.nextRequest()
        let judgement = try team.workspace.accept(
            [.init(request: request, member: team.members[1].id, role: .viewer)],
            now: team.clock.time)[0]
        try team.replicas[0].write { try $0.execute(sql: "UPDATE project SET budget = 7") }
        try team.sync(0)
        let late = try team.workspace.reply(
            to: request, judgement: judgement, role: .editor, members: nil, membersVersion: 1,
            now: team.clock.time)
        try become(change)
        let (before, waiting) = (try replica.identity(), try replica.outbox())
        var summary = IntegrateSummary()
        try replica.integrate(late, to: request, into: &summary)
        guard change != .nothing else {
            #expect(summary.quarantined == 1 && summary.received == 1)
            return
        }
        #expect(summary == IntegrateSummary())
        #expect(try replica.identity() == before)
        #expect(try replica.outbox() == waiting)
        #expect(try replica.quarantine().isEmpty)
        let title = try replica.read { try String.fetchOne($0, sql: "SELECT title FROM project") }
        #expect(title == "Waits")
    }

    @Test("a rejection that comes once more, after its change set was tried again, changes nothing")
    func rejectedBefore() throws {
        try replica.write { try $0.execute(sql: "UPDATE project SET title = 'Waits'") }
        let request = try replica.nextRequest()
        let judgement = try team.workspace.accept(
            [.init(request: request, member: team.members[1].id, role: .viewer)],
            now: team.clock.time)[0]
        let rejection = try team.workspace.reply(
            to: request, judgement: judgement, role: .viewer, members: nil, membersVersion: 1,
            now: team.clock.time)
        var (first, again) = (IntegrateSummary(), IntegrateSummary())
        try replica.integrate(rejection, to: request, into: &first)
        #expect(first.quarantined == 1)
        try replica.retryQuarantine(request.deliveries.map(\.changeSet.id))
        let waiting = try replica.outbox()
        #expect(waiting.map(\.changeSet) == request.deliveries.map(\.changeSet))
        try replica.integrate(rejection, to: request, into: &again)
        #expect(again == IntegrateSummary())
        #expect(try replica.outbox() == waiting)
        #expect(try replica.quarantine().isEmpty)
    }

    @Test(
        "an answer that comes after newer ones leaves role and members, unless its list is newer",
        arguments: [(0, "editor/1/2"), (9, "viewer/9/0")])
    func olderMembers(_ list: Int64, _ expected: String) throws {
        let request = try replica.nextRequest()
        let late = try team.workspace.reply(
            to: request, judgement: .init(), role: .viewer, members: [], membersVersion: list,
            now: team.clock.time)
        try team.replicas[0].write { try $0.execute(sql: "UPDATE project SET budget = 7") }
        for position in 0..<2 { try team.sync(position) }
        var summary = IntegrateSummary()
        try replica.integrate(late, to: request, into: &summary)
        let people = try replica.read {
            try String.fetchOne(
                $0,
                sql: """
                    SELECT role || '/' || members_version || '/' || (SELECT count(*) FROM member)
                    FROM ting_replica
                    """)
        }
        #expect(people == expected)
    }
}
