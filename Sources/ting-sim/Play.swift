// SPDX-License-Identifier: Apache-2.0

import TingCore

/// Plays scenarios, and makes those that fail shorter.
enum Play {
    /// How a run ended, and what happened in it.
    struct Outcome {
        var broken: Broken?
        var trace = Hash.zero
        /// How far it had come each time that a fault struck.
        var strikes: [Int] = []
        /// What had been decided each time that all held the same.
        var decisions: [[String]] = []
        var counts = World.Counts()
    }

    /// Plays a scenario; a second time, to see that it goes the same way; and where clocks are
    /// wrong, a third time with right ones, to see that no merge is decided otherwise.
    static func thoroughly(_ scenario: Scenario) -> Outcome {
        var first = once(scenario)
        guard first.broken == nil else { return first }
        if once(scenario).trace != first.trace {
            first.broken = Broken(.wrong, "two runs of the seed differ")
        }
        guard first.broken == nil, scenario.skews != nil else { return first }
        var right = scenario
        (right.skews, right.serverSkew) = (nil, nil)
        let second = once(right)
        // The n-th call to a disk may be another one's there, since times of other lengths fill other
        // pages: then another exchange fails, and things come in another order.
        if second.strikes == first.strikes, second.decisions != first.decisions {
            let (wrong, right) = (Set(first.decisions.joined()), Set(second.decisions.joined()))
            first.broken = Broken(
                .different,
                """
                with right clocks it ends otherwise: \(wrong.subtracting(right).sorted()), \
                not \(right.subtracting(wrong).sorted())
                """)
        }
        return first
    }

    static func once(_ scenario: Scenario, bug: PlantedBug? = nil) -> Outcome {
        var outcome = Outcome()
        do {
            let world = try World(scenario, bug: bug)
            defer { world.close() }
            do {
                try world.play()
            } catch {
                outcome.broken = error as? Broken ?? Broken(.wrong, "\(error)")
            }
            (outcome.trace, outcome.decisions) = (world.trace.hash, world.outcomes)
            outcome.strikes = world.trace.strikes
            outcome.counts = world.counts
        } catch {
            outcome.broken = Broken(.wrong, "the world could not be made: \(error)")
        }
        return outcome
    }

    /// The shortest scenario found that fails in the same way: phases, steps, faults of the line
    /// and members are taken away while it still does.
    static func shrunk(_ scenario: Scenario, _ verdict: Broken.Verdict, bug: PlantedBug? = nil)
        -> Scenario
    {
        var best = scenario
        func fails(_ candidate: Scenario) -> Bool {
            let outcome = bug == nil ? thoroughly(candidate) : once(candidate, bug: bug)
            return outcome.broken?.verdict == verdict
        }
        var before: Scenario?
        while before != best {
            before = best
            while best.phases.count > 1, let shorter = fewerPhases(best).first(where: fails) {
                best = shorter
            }
            var size = max(1, best.stepCount / 2)
            while size > 0 {
                var start = 0
                while start < best.stepCount {
                    let candidate = best.without(start..<start + size)
                    if fails(candidate) { best = candidate } else { start += size }
                }
                size /= 2
            }
            for candidate in simpler(best) where candidate != best && fails(candidate) {
                best = candidate
            }
        }
        return best
    }

    private static func fewerPhases(_ scenario: Scenario) -> [Scenario] {
        scenario.phases.indices.map { index in
            var shorter = scenario
            shorter.phases.remove(at: index)
            return shorter
        }
    }

    private static func simpler(_ scenario: Scenario) -> [Scenario] {
        let changes: [(inout Scenario) -> Void] = [
            { $0.network = Scenario.Network() }, { $0.network.requestLoss = 0 },
            { $0.network.replyLoss = 0 }, { $0.network.duplication = 0 },
            { $0.network.pageByteLimit = 1 << 20 }, { $0.skews = nil }, { $0.serverSkew = nil },
            { $0.leavesDigest = nil },
            { $0.members = max(2, $0.members - 1) },
        ]
        return changes.map { change in
            var candidate = scenario
            change(&candidate)
            return candidate
        }
    }
}
