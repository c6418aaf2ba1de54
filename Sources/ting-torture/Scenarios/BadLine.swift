// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TingLink
import TingTesting

extension Scenario {
    static let evening = Scenario(
        name: "evening",
        about: "three members edit and sync over 300 ms ± 60 with 15 % loss down, 0.5 % up"
    ) { stage in
        let link = try line(.clear, seed: stage.seed)
        defer { link.close() }
        let world = try World(stage.programs, host: link.nearAddress)
        defer { world.close() }
        for member in world.members { member.wrapper.withLock { $0 = link.command([]) } }
        // The members are at the far end: what they send is `toNear`, what they get `toFar`.
        let evening = LinkProfile.badEvening
        link.change(
            to: LinkProfile(toFar: evening.toNear, toNear: evening.toFar), seed: stage.seed)
        let trouble = Mutex<String?>(nil)
        let steps = stage.runs * 20
        let group = DispatchGroup()
        for (index, member) in world.members.enumerated() {
            let seed = stage.seed &* 8 &+ UInt64(index)
            group.enter()
            Thread.detachNewThread {
                defer { group.leave() }
                do {
                    var workload = Workload(
                        member, in: world, seed: seed, killShare: 0, timeout: 60)
                    for _ in 0..<steps { _ = try workload.step() }
                } catch { trouble.withLock { $0 = "\(error)" } }
            }
        }
        group.wait()
        if let trouble = trouble.withLock({ $0 }) { throw Trouble(trouble) }
        stage.counts["packets over the line"] = link.carried.packets
        link.change(to: .clear, seed: stage.seed)
        try stage.judge(world)
    }

    static let partitions = Scenario(
        name: "partitions",
        about: "the line goes dark at random instants, one way or both; --runs N"
    ) { stage in
        let link = try line(.clear, seed: stage.seed)
        defer { link.close() }
        let world = try World(
            stage.programs, members: ["anna", "bo"], host: link.farAddress,
            serverWords: link.command([]))
        defer { world.close() }
        let exchange = try SyncExchange(world)
        var generator = SeededGenerator(state: stage.seed)
        stage.played = 0
        for run in 0..<stage.runs where stage.findings.isEmpty && !stage.isOver {
            link.change(to: .roundTrip(.milliseconds(20)), seed: stage.seed &+ UInt64(run))
            try blockingThrowing { try await exchange.prepare() }
            let side = Link.Side.allCases[Int.random(in: 0..<3, using: &generator)]
            let (start, length) = (
                Duration.milliseconds(120).drawn(using: &generator),
                Duration.milliseconds(1_500).drawn(using: &generator)
            )
            let ended = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                Thread.sleep(forTimeInterval: start.seconds)
                link.cut(side)
                Thread.sleep(forTimeInterval: length.seconds)
                link.mend()
                ended.signal()
            }
            let wrong = try blockingThrowing { () -> [Finding] in
                do { try await exchange.carryOut(port: nil, patience: .milliseconds(700)) } catch {
                    // Patience ended in the dark; when the line is back, all goes well by itself.
                    try await Task.sleep(for: .seconds(1.7))
                    try await exchange.carryOut(port: nil, patience: .seconds(20))
                }
                return try await exchange.check()
            }
            ended.wait()
            stage.add(wrong, of: "run \(run)")
            stage.played += 1
            if run % 50 == 49 { stage.say("\(run + 1) partitions") }
        }
        try stage.judge(world)
    }

    private static func line(_ profile: LinkProfile, seed: UInt64) throws -> Link {
        do { return try Link(profile, seed: seed) } catch let obstacle as LinkObstacle {
            throw Skipped(reason: "there is no line between namespaces here: \(obstacle)")
        }
    }
}
