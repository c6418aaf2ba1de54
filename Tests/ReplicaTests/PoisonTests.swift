// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("One bad change set stops nothing", .tags(.promise6))
struct PoisonTests {
    private let team: Team
    private var replica: Replica { team.replicas[0] }

    init() throws { team = try Team(2) }

    private func add(_ title: String) throws {
        try replica.write {
            try $0.execute(sql: "INSERT INTO project (title) VALUES (?)", arguments: [title])
        }
    }

    /// A sync whose requests are changed on their way: what no replica of ours would seal.
    @discardableResult
    private func sync(quota: Int64? = nil, _ change: (inout ChangeSet) -> Void = { _ in }) throws
        -> SyncOutcome
    {
        var run = SyncRun(replica, patience: .seconds(1))
        var action = try run.begin()
        while case .send(var request) = action {
            for index in request.deliveries.indices {
                change(&request.deliveries[index].changeSet)
            }
            let judgement = try team.workspace.accept(
                [
                    .init(
                        request: request, member: team.members[0].id, role: .editor, quota: quota)
                ], now: team.clock.time)[0]
            action = try run.received(
                try team.workspace.reply(
                    to: request, judgement: judgement, role: .editor, members: team.members,
                    membersVersion: 1, now: team.clock.time))
        }
        #expect(action == .finish)
        return run.outcome
    }

    /// Makes the value written under a title one that the schema doesn't allow.
    private func poison(_ title: String) -> (inout ChangeSet) -> Void {
        { changeSet in
            guard changeSet.operations[0].fields.contains(where: { $0.after == .text(title) })
            else { return }
            changeSet.operations[0].fields = [
                FieldEdit("status", before: .null, after: .text("no such status"), time: 0)
            ]
        }
    }

    @Test("one bad among 1,000: the others are accepted by the same request")
    func oneBad() throws {
        for index in 0..<1_000 { try add("Project \(index)") }
        let outcome = try sync(poison("Project 500"))
        #expect(outcome.summary.sent == 999)
        #expect(outcome.summary.quarantined == 1)
        #expect(outcome.exchanges == 1)
        #expect(try team.workspace.head().version == 999)
        #expect(try replica.outbox().isEmpty)
        #expect(try replica.quarantine().map(\.code) == [.invalidValue])
    }

    @Test(
        "what no schema allows is rejected under a newer one than the server's, and waits for none",
        arguments: ["no operations", "a field twice", "a field twice in two operations"])
    func newerSchema(_ fault: String) throws {
        try add("Bad")
        let outcome = try sync { changeSet in
            changeSet.schema = 2
            switch fault {
            case "no operations": changeSet.operations = []
            case "a field twice": changeSet.operations[0].fields += changeSet.operations[0].fields
            default: changeSet.operations += changeSet.operations
            }
        }
        #expect(outcome.summary.quarantined == 1 && outcome.summary.deferred == 0)
        #expect(try replica.quarantine().map(\.code) == [.invalidValue])
    }

    @Test("what builds on a rejected change set is rejected with it and says so; the others pass")
    func dependants() throws {
        try add("Bad")
        try replica.write {
            try $0.execute(
                sql: "INSERT INTO task (project, title) SELECT id, 'Child' FROM project")
        }
        try replica.write { try $0.execute(sql: "UPDATE project SET budget = 7") }
        try add("Good")
        let outcome = try sync(poison("Bad"))
        #expect(outcome.summary.sent == 1)
        #expect(outcome.summary.quarantined == 3)
        let waiting = try replica.quarantine()
        #expect(
            waiting.map(\.code) == [.invalidValue, .dependsOnRejected, .dependsOnRejected])
        #expect(waiting[1].detail == "It touches a record of a rejected change set.")
        #expect(waiting[1].code.remedy.contains("settle that one first"))
        let titles = try replica.read { try String.fetchAll($0, sql: "SELECT title FROM project") }
        #expect(titles == ["Good"])
    }

    @Test("what can't be judged yet stays in the outbox, says why, and is tried again")
    func deferred() throws {
        try add("Waits")
        let outcome = try sync(quota: 0)
        #expect(outcome.summary.deferred == 1)
        #expect(try replica.quarantine().isEmpty)
        let status = try replica.status()
        #expect(status.outbox == 1)
        #expect(status.deferred.contains { $0.hasPrefix("quota_full") })
        #expect(try sync().summary.sent == 1)
        #expect(try replica.status().outbox == 0)
        #expect(try replica.status().deferred.isEmpty)
    }

    @Test("a rejected change set is tried again as itself, and its dependants after it")
    func retry() throws {
        try add("Bad")
        try replica.write { try $0.execute(sql: "UPDATE project SET budget = 7") }
        try sync(poison("Bad"))
        let ids = try replica.quarantine().map(\.changeSet.id)
        try replica.retryQuarantine(ids)
        #expect(try sync().summary.sent == 2)
        #expect(try team.workspace.entries(since: 0, byteLimit: .max).map(\.changeSet.id) == ids)
        #expect(try replica.quarantine().isEmpty)
    }

    @Test("a rejected change set is edited: its edits are made again with another value")
    func edit() throws {
        try add("Kept")
        try replica.write {
            try $0.execute(sql: "UPDATE project SET hours = 2, partners = '[\"a\"]'")
        }
        try sync()
        try replica.write {
            try $0.execute(
                sql: "UPDATE project SET title = 'Bad', hours = 5, partners = '[\"b\"]'")
        }
        try sync(poison("Bad"))
        try team.sync(1)
        try team.replicas[1].write {
            try $0.execute(sql: "UPDATE project SET hours = 10, partners = '[\"a\",\"c\"]'")
        }
        try team.sync(1)
        try sync()
        let id = try #require(try replica.quarantine().first?.changeSet.id)
        try replica.redoQuarantine(id, message: "") { _, operation in
            operation.fields.contains { $0.field == "title" } ? ["title": .text("Good")] : [:]
        }
        #expect(try replica.quarantine().isEmpty)
        try sync()
        let row = try replica.read {
            try String.fetchOne($0, sql: "SELECT title || hours || partners FROM project")
        }
        // The three hours counted and the partner exchanged apply to what is there by now.
        #expect(row == "Good13[\"b\",\"c\"]")
        #expect(try replica.verify().matches)
    }

    @Test("an edit that is invalid still leaves the quarantine as it was")
    func editInvalid() throws {
        try add("Bad")
        try sync(poison("Bad"))
        let id = try #require(try replica.quarantine().first?.changeSet.id)
        #expect(throws: InvalidEdit.self) {
            try replica.redoQuarantine(id, message: "") { _, _ in
                ["title": .text(String(repeating: "x", count: Limits.textByteLimit + 1))]
            }
        }
        #expect(try replica.quarantine().count == 1)
        #expect(try replica.outbox().isEmpty)
    }

    @Test("a discarded one is gone, and nothing else is")
    func discard() throws {
        try add("Bad")
        try add("Good")
        try sync(poison("Bad"))
        try replica.discardQuarantine(replica.quarantine().map(\.changeSet.id))
        #expect(try replica.quarantine().isEmpty)
        #expect(try replica.contents().count == 1)
    }
}
