// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TingTesting

/// R2: a team edits and syncs while server and clients are killed at random instants.
struct KillRun {
    let programs: Programs
    let seed: UInt64
    /// How many programs to kill, and when to stop however many it were.
    let kills: Int
    let end: ContinuousClock.Instant?
    let say: @Sendable (String) -> Void

    /// Kills between two looks at the world, and in one world before the next.
    private static let killsEachRound = 25
    private static let roundsEachWorld = 8

    /// Runs worlds until so many kills were made.
    func run() throws -> Report {
        var report = Report(unit: "kills", seed: seed)
        var number: UInt64 = 0
        while report.runs < kills, !isOver {
            let world = try World(programs)
            defer { world.close() }
            for round in 0..<Self.roundsEachWorld where report.runs < kills && !isOver {
                let wanted = min(Self.killsEachRound, kills - report.runs)
                world.note(isSound: false)
                let round = try play(
                    world, wanted, seed: seed &+ number &* 1_000 &+ UInt64(round))
                report.runs += round.kills
                report.counts["server kills", default: 0] += round.serverKills
                report.findings += try world.judge()
                guard report.findings.isEmpty else { break }
                world.note(isSound: true)
                say("\(report.runs) kills, \(try world.server.head())")
            }
            report.restarts += world.server.restarts
            number += 1
            guard report.findings.isEmpty else { break }
        }
        return report
    }

    private var isOver: Bool { end.map { ContinuousClock.now >= $0 } ?? false }

    private struct Round: Sendable {
        var kills = 0
        /// How many more may come of what is under way.
        var expected = 0
        var serverKills = 0
        var trouble: String?
    }

    /// One thread a member, and one that kills the server; until enough was killed.
    private func play(_ world: World, _ wanted: Int, seed: UInt64) throws -> Round {
        let state = SharedRound()
        for (index, member) in world.members.enumerated() {
            var workload = Workload(
                member, in: world, seed: seed &* 8 &+ UInt64(index), killShare: 0.3)
            state.start(until: wanted) { $0.kills += try workload.step(mayKill: $1) }
        }
        var generator = SeededGenerator(state: seed &* 8 &+ 7)
        state.start(until: wanted) { round, mayKill in
            Thread.sleep(
                forTimeInterval: Duration.milliseconds(900).drawn(using: &generator).seconds)
            guard mayKill else { return }
            guard world.server.stop(SIGKILL) == .killed(SIGKILL) else {
                throw Trouble("tingd ended by itself: \(world.server.log)")
            }
            try world.server.start()
            round.kills += 1
            round.serverKills += 1
        }
        let round = state.wait()
        if let trouble = round.trouble { throw Trouble(trouble) }
        return round
    }

    /// What the threads of a round have done together.
    private final class SharedRound: Sendable {
        private let round = Mutex(Round())
        private let group = DispatchGroup()

        /// Repeats the step on a thread of its own until the round has seen enough, or anything fails. It is
        /// told whether it may kill: not where others may yet bring the round to what is wanted.
        func start(until wanted: Int, _ step: @escaping (inout Round, Bool) throws -> Void) {
            group.enter()
            let step = Handover(step)
            Thread.detachNewThread { [self] in
                defer { group.leave() }
                while let mayKill = begin(until: wanted) {
                    var done = Round()
                    do { try step.body(&done, mayKill) } catch { done.trouble = "\(error)" }
                    round.withLock { all in
                        if mayKill { all.expected -= 1 }
                        all.kills += done.kills
                        all.serverKills += done.serverKills
                        all.trouble = all.trouble ?? done.trouble
                    }
                }
            }
        }

        /// Whether one more step may kill; `nil` at the end.
        private func begin(until wanted: Int) -> Bool? {
            round.withLock { round in
                guard round.kills < wanted, round.trouble == nil else { return nil }
                guard round.kills + round.expected < wanted else { return false }
                round.expected += 1
                return true
            }
        }

        func wait() -> Round {
            group.wait()
            return round.withLock { $0 }
        }
    }

    /// A step on its way to the one thread that repeats it: who gave it does not touch it again.
    private struct Handover: @unchecked Sendable {
        let body: (inout Round, Bool) throws -> Void
        init(_ body: @escaping (inout Round, Bool) throws -> Void) { self.body = body }
    }
}
