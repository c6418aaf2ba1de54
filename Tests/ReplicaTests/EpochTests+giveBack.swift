// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingStore
import TingTesting

/// What a server answers to what it is given back.
extension EpochTests {
    /// A sync of the first replica up to where it gives back what the server lost.
    private func offer(of team: Team) throws -> (SyncRun, GiveBackRequest) {
        var run = SyncRun(team.replicas[0], patience: .seconds(1))
        guard case .send(let request) = try run.begin() else { throw TeamError.stuck("begin") }
        let reply = try team.workspace.reply(
            to: request, judgement: .init(), role: .editor, members: nil, membersVersion: 1,
            now: team.clock.time)
        guard case .giveBack(let offer) = try run.received(reply) else {
            throw TeamError.stuck("nothing is given back")
        }
        return (run, offer)
    }

    @Test("a forged receipt is refused, and makes no new epoch", .tags(.promise8))
    func forged() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET title = 'True'")
        try team.sync(0)
        var entry = try #require(try team.workspace.entries(since: 1, byteLimit: .max).first)
        entry.version = 9
        let epoch = try team.workspace.epoch
        var generator = SystemRandomNumberGenerator()
        let answer = try team.workspace.takeBack(
            GiveBackRequest(epoch: epoch, schema: 1, entries: [entry]), now: team.clock.time,
            next: .random(using: &generator))
        #expect(answer.response.refused == [9] && answer.response.taken.isEmpty)
        #expect(try team.workspace.epoch == epoch)
        #expect(try team.workspace.head().version == 2)
    }

    @Test("two who give back at once begin one epoch, and both hear of that one")
    func atOnce() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET title = 'Lost'")
        try team.sync(0)
        let lost = try team.workspace.entries(since: 1, byteLimit: .max)
        try putBack(team, restored: false)
        // As it was opened before the other's transaction.
        let second = try Workspace(path: team.workspace.path, schema: team.schema)
        let request = try GiveBackRequest(epoch: second.epoch, schema: 1, entries: lost)
        var generator = SystemRandomNumberGenerator()
        let answers = try [team.workspace, second].map { workspace in
            try workspace.takeBack(
                request, now: team.clock.time, next: .random(using: &generator)
            ).response
        }
        let epoch = try team.workspace.epoch
        #expect(epoch != request.epoch)
        #expect(answers.map(\.epoch) == [epoch, epoch])
        #expect(answers.allSatisfy { $0.taken == [2] && $0.refused.isEmpty })
        try second.close()
        try team.expectAgreement(after: 3)
    }

    @Test("an answer that names none of what was given back is not asked again for the same")
    func unnamed() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET title = 'Lost'")
        try team.sync(0)
        try putBack(team, restored: true)
        var (run, offer) = try offer(of: team)
        #expect(offer.entries.map(\.version) == [2])
        let answer = try GiveBackResponse(
            epoch: team.workspace.epoch, head: 1, taken: [], refused: [])
        let action = try run.received(answer)
        #expect(action == .fetchSnapshot)
    }

    @Test("of what an answer passes over, the author's own comes into the outbox again")
    func passedOver() throws {
        let team = try team()
        for hours in 1...3 {
            try team.foreign(0, "UPDATE project SET hours = hours + \(hours)")
            try team.sync(0)
        }
        try putBack(team, restored: true)
        var (run, offer) = try offer(of: team)
        #expect(offer.entries.map(\.version) == [2, 3, 4])
        let answer = try GiveBackResponse(
            epoch: team.workspace.epoch, head: 1, taken: [], refused: [4])
        let action = try run.received(answer)
        #expect(action == .fetchSnapshot)
        let path = team.folder.appending(path: "snapshot.sqlite").path
        _ = try team.workspace.writeSnapshot(to: path)
        _ = try run.startOver(from: path)
        #expect(
            try team.replicas[0].outbox().map(\.changeSet) == offer.entries.map(\.changeSet))
        try team.expectAgreement(after: 3)
        #expect(try text(team, 1, "SELECT hours FROM project") == "7")
    }
}
