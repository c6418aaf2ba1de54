// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Synchronization
import Testing
import TingCore
import TingStore
import TingTesting

@testable import TingClient

/// The server's end in one process, which loses messages as a test says.
private final class Line: SyncLine, @unchecked Sendable {
    enum Fate { case delivered, requestLost, replyLost }

    // Used by one session at a time: a sync awaits each exchange.
    private let team: Team
    private let member: Member
    private var fates: [Fate]
    private(set) var exchanges = 0
    /// As for exchanges, of the requests that mend and give back.
    var otherFates: [Fate] = []
    private(set) var otherRequests = 0
    /// Called after each exchange with how many there have been.
    var afterExchange: (Int) throws -> Void = { _ in }

    init(_ team: Team, member: Int, fates: [Fate] = []) {
        self.team = team
        self.member = team.members[member]
        self.fates = fates
    }

    private static let lost = ClientError(
        .transient, code: "connection_lost", "Lost.", remedy: "Again.")

    func mend(_ request: MendRequest) async throws -> MendResponse {
        try other { try team.workspace.mend(request) }
    }

    func giveBack(_ request: GiveBackRequest) async throws -> GiveBackResponse {
        try other {
            var generator = SystemRandomNumberGenerator()
            return try team.workspace.takeBack(
                request, now: team.clock.time, next: .random(using: &generator)
            ).response
        }
    }

    private func other<Answer>(_ answer: () throws -> Answer) throws -> Answer {
        otherRequests += 1
        let fate = otherFates.isEmpty ? .delivered : otherFates.removeFirst()
        if fate == .requestLost { throw Self.lost }
        let answer = try answer()
        if fate == .replyLost { throw Self.lost }
        return answer
    }

    func snapshot() async throws -> String {
        let path = team.folder.appending(path: "snapshot-\(UUID().uuidString)").path
        _ = try team.workspace.writeSnapshot(to: path)
        return path
    }

    func exchange(_ request: SyncRequest) async throws -> SyncResponse {
        exchanges += 1
        let fate = fates.isEmpty ? .delivered : fates.removeFirst()
        if fate == .requestLost { throw Self.lost }
        let submission = Workspace.Submission(request: request, member: member.id, role: .editor)
        let judgement = try team.workspace.accept([submission], now: team.clock.time)[0]
        let response = try team.workspace.reply(
            to: request, judgement: judgement, role: .editor, members: team.members,
            membersVersion: 1, now: team.clock.time)
        if fate == .replyLost { throw Self.lost }
        try afterExchange(exchanges)
        return response
    }
}

@Suite("A sync session")
struct SyncSessionTests {
    private let team: Team
    private let clock = HastyClock()

    init() throws { team = try Team(2) }

    private func sync(
        _ replica: Int, _ line: Line, leavesDigest: Bool = false
    ) async throws -> SyncSession.Outcome {
        let session = SyncSession(
            team.replicas[replica], over: line, clock: clock, patience: .seconds(20),
            leavesDigest: leavesDigest, now: { 1_750_000_000_000 })
        return try await session.run()
    }

    private func add(_ title: String, _ replica: Int) throws {
        let collection = team.schema.written[0]
        let field = try #require(collection.fields.first { $0.kind == .text && !$0.unique })
        var generator = SystemRandomNumberGenerator()
        let id = RecordID.random(using: &generator)
        let replica = team.replicas[replica]
        try replica.write { db in
            try replica.insert(db, collection.name, id, [field.name: .text(title)])
        }
    }

    @Test("needs one exchange, for nothing and for a few edits both ways")
    func oneExchange() async throws {
        #expect(try await sync(0, Line(team, member: 0)).exchanges == 1)
        for title in ["a", "b", "c"] { try add(title, 0) }
        let sent = try await sync(0, Line(team, member: 0))
        #expect((sent.exchanges, sent.summary.sent, sent.version) == (1, 3, 3))
        try add("d", 1)
        let both = try await sync(1, Line(team, member: 1))
        #expect((both.exchanges, both.summary.sent, both.summary.received) == (1, 1, 3))
        #expect(try team.replicas[1].status().lastSync == 1_750_000_000_000)
    }

    @Test("a lost request or reply is sent again, and applied once", .tags(.promise5))
    func lost() async throws {
        try add("a", 0)
        let line = Line(team, member: 0, fates: [.requestLost, .replyLost])
        let outcome = try await sync(0, line)
        #expect(line.exchanges == 3)
        #expect((outcome.summary.sent, outcome.version) == (1, 1))
        #expect(clock.waited >= .milliseconds(1500))
        #expect(try team.replicas[0].status().outbox == 0)
    }

    @Test(
        "a line that stays cut is given up in time; status says why, and the outbox stays",
        .tags(.promise4))
    func givesUp() async throws {
        try add("a", 0)
        let line = Line(team, member: 0, fates: Array(repeating: .requestLost, count: 100))
        let error = await #expect(throws: ClientError.self) { try await sync(0, line) }
        #expect(error?.code == "connection_lost")
        #expect(clock.waited < .seconds(20))
        let status = try team.replicas[0].status()
        #expect(status.outbox == 1)
        #expect(status.lastError?.hasPrefix("Lost.") == true)
        #expect(status.lastSync == nil)
    }

    @Test("a request that mends is sent again too", .tags(.promise5))
    func lostMending() async throws {
        try add("a", 0)
        _ = try await sync(0, Line(team, member: 0))
        try team.replicas[0].tamper { try $0.execute(sql: "UPDATE ting_replica SET suspect = 1") }
        let line = Line(team, member: 0)
        line.otherFates = [.requestLost, .replyLost]
        let outcome = try await sync(0, line)
        #expect(line.otherRequests == 3)
        #expect(outcome.startedOver == nil)
        #expect(clock.waited >= .milliseconds(1500))
        #expect(try team.replicas[0].status().isSuspect == false)
    }

    @Test("what is given back is sent again too, and taken once", .tags(.promise5))
    func lostGivingBack() async throws {
        try add("a", 0)
        _ = try await sync(0, Line(team, member: 0))
        let backup = team.folder.appending(path: "backup.sqlite").path
        try team.workspace.backup(to: backup)
        try add("lost by the server", 0)
        _ = try await sync(0, Line(team, member: 0))
        try team.workspace.close()
        team.workspace = try Workspace(path: backup, schema: team.schema)
        var generator = SystemRandomNumberGenerator()
        try team.workspace.startEpoch(.random(using: &generator))
        let line = Line(team, member: 0)
        line.otherFates = [.requestLost, .replyLost]
        let outcome = try await sync(0, line)
        #expect((outcome.startedOver, outcome.givenBack) == (.anotherEpoch, 1))
        #expect(line.otherRequests == 3)
        #expect(clock.waited >= .milliseconds(1500))
        #expect(try team.workspace.head().version == 2)
    }

    @Test("a request that mends is given up in time, too, on a line that stays cut")
    func givesUpMending() async throws {
        try add("a", 0)
        _ = try await sync(0, Line(team, member: 0))
        try team.replicas[0].tamper { try $0.execute(sql: "UPDATE ting_replica SET suspect = 1") }
        let line = Line(team, member: 0)
        line.otherFates = Array(repeating: .requestLost, count: 100)
        let error = await #expect(throws: ClientError.self) { try await sync(0, line) }
        #expect(error?.code == "connection_lost")
        #expect(line.otherRequests > 1)
        #expect(clock.waited < .seconds(20))
    }

    @Test("a sync that is done is none that failed, whatever becomes of the note of it")
    func noteFails() async throws {
        try add("a", 0)
        let replica = team.replicas[0]
        let session = SyncSession(
            replica, over: Line(team, member: 0), clock: clock, patience: .seconds(20),
            now: {
                try? replica.close()
                return 0
            })
        #expect(try await session.run().summary.sent == 1)
    }

    private func addPages() throws {
        let text = String(repeating: "water ", count: 15_000)
        for index in 0..<30 { try add("\(index) \(text)", 0) }
    }

    @Test("an outbox of many pages goes out whole, and each change set once")
    func pages() async throws {
        try addPages()
        let outcome = try await sync(0, Line(team, member: 0))
        #expect((2...6).contains(outcome.exchanges))
        #expect((outcome.summary.sent, outcome.version) == (30, 30))
        let other = try await sync(1, Line(team, member: 1))
        #expect((other.summary.received, other.version) == (30, 30))
    }

    @Test("pages that were asked for ahead are asked for once")
    func ahead() async throws {
        try addPages()
        _ = try await sync(0, Line(team, member: 0))
        let line = Line(team, member: 1)
        let outcome = try await sync(1, line)
        #expect(outcome.exchanges > 2 && line.exchanges == outcome.exchanges)
        #expect((outcome.summary.received, outcome.version) == (30, 30))
    }

    @Test(
        "a page is asked for before the one in front of it is taken in, also where no digest is reported",
        arguments: [false, true])
    func beforeTaken(leavesDigest: Bool) async throws {
        try addPages()
        _ = try await sync(0, Line(team, member: 0))
        let line = Line(team, member: 1)
        var foreseen = ForeseenExchange(over: line)
        let request = try team.replicas[1].nextRequest(leavesDigest: leavesDigest)
        #expect((request.stateDigest == .zero) == leavesDigest)
        _ = try await foreseen.exchange(request, ignoringDigest: leavesDigest)
        for _ in 0..<1_000 where line.exchanges < 2 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(line.exchanges == 2)
        await foreseen.end()
    }

    @Test("a replica that doubts its records asks for nothing ahead, which it could not use")
    func doubted() async throws {
        try addPages()
        _ = try await sync(0, Line(team, member: 0))
        try team.replicas[1].tamper { try $0.execute(sql: "UPDATE ting_replica SET suspect = 1") }
        let line = Line(team, member: 1)
        var foreseen = ForeseenExchange(over: line)
        let request = try team.replicas[1].nextRequest()
        #expect(request.stateDigest == .zero)
        _ = try await foreseen.exchange(request, ignoringDigest: false)
        try await Task.sleep(for: .milliseconds(100))
        #expect(line.exchanges == 1)
        await foreseen.end()
    }

    @Test("an answer that came ahead is not used where the replica then says something else")
    func foreseenWrongly() async throws {
        try addPages()
        _ = try await sync(0, Line(team, member: 0))
        let line = Line(team, member: 1)
        line.afterExchange = { if $0 == 1 { try add("edited meanwhile", 1) } }
        let outcome = try await sync(1, line)
        #expect(line.exchanges == outcome.exchanges + 1)
        #expect((outcome.summary.received, outcome.summary.sent, outcome.version) == (30, 1, 31))
        #expect(try team.replicas[1].status().outbox == 0)
    }

    @Test("a page that was lost ahead is asked for again at once")
    func lostAhead() async throws {
        try addPages()
        _ = try await sync(0, Line(team, member: 0))
        let line = Line(team, member: 1, fates: [.delivered, .replyLost])
        let outcome = try await sync(1, line)
        #expect(line.exchanges == outcome.exchanges + 1)
        #expect((outcome.summary.received, outcome.version) == (30, 30))
        #expect(clock.waited == .zero)
    }
}
