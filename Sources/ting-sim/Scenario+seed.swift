// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingTesting

/// Scenarios from seeds: a dumb random workload on few records.
extension Scenario {
    /// A kind of trouble that a scenario has, or has not.
    enum Fault: String, CaseIterable, ExpressibleByArgument {
        case loss, replies, cuts, kills, power, failures, full, clocks, copies, backups, roles
        case discards, epochs
    }

    /// Each seed picks a subset of the faults and its own limits; one in five has none.
    /// - Parameter always: Faults that this one has, whatever else it picks.
    init(seed: UInt64, always: Set<Fault> = []) {
        var random = SeededGenerator(state: seed &* 0x9e37_79b9 &+ 17)
        self.seed = seed
        members = Int.random(in: 2...4, using: &random)
        // A few teams are larger, by the seed alone: the others stay what they were.
        if seed % 16 == 5 { members = 5 + Int(seed / 16 % 4) }
        let isCalm = seed % 5 == 0
        let faults = Fault.allCases.filter { fault in
            let isDrawn = Int.random(in: 0..<3, using: &random) == 0
            return always.contains(fault) || isDrawn && !isCalm
        }
        network = Self.network(faults, &random)
        if faults.contains(.clocks), Bool.random(using: &random) {
            skews = (0..<members).map { _ in Self.yearsWrong(&random) }
        }
        // Drawn from the seed alone: the rest of a scenario stays what it was.
        if seed % 8 == 3 { mergeSteps = 1 + Int(seed / 8 % 12) }
        phases = []
        var number = 0
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            var steps: [Step] = []
            for _ in 0..<Int.random(in: 8...40, using: &random) {
                number += 1
                steps.append(
                    Step(
                        number: number, wait: Int64.random(in: 0...400, using: &random),
                        action: Self.action(faults, members, &random)))
            }
            phases.append(steps)
        }
        // From a generator of their own, so that the rest of a scenario stays what it was.
        var later = SeededGenerator(state: seed ^ 0x636c_6f63_6b)
        if Int.random(in: 0..<4, using: &later) == 0 { setServerClockWrong(&later) }
        if Bool.random(using: &later) { leavesDigest = true }
    }

    /// Half of what befalls clocks befalls the server's instead, which is wrong from the start where the
    /// others are.
    private mutating func setServerClockWrong(_ random: inout SeededGenerator) {
        if skews != nil { serverSkew = Self.yearsWrong(&random) }
        phases = phases.map { phase in
            phase.map { step in
                var step = step
                guard step.number % 2 == 0 else { return step }
                switch step.action {
                case .clock(_, let milliseconds):
                    step.action = .clock(node: Self.server, milliseconds: milliseconds)
                case .stopClock: step.action = .stopClock(node: Self.server)
                case .startClock: step.action = .startClock(node: Self.server)
                default: break
                }
                return step
            }
        }
    }

    private static func network(
        _ faults: [Fault], _ random: inout SeededGenerator
    ) -> Network {
        var network = Network()
        network.delay = Int64([5, 50, 400].randomElement(using: &random) ?? 50)
        network.pageByteLimit = [200, 2_000, 1 << 20].randomElement(using: &random) ?? 2_000
        if faults.contains(.loss) {
            network.requestLoss = Int.random(in: 0...30, using: &random)
            network.replyLoss = Int.random(in: 0...30, using: &random)
            network.duplication = Int.random(in: 0...30, using: &random)
        }
        if faults.contains(.replies) {
            network.replyLoss = Int.random(in: 30...60, using: &random)
        }
        return network
    }

    private static func yearsWrong(_ random: inout SeededGenerator) -> Int64 {
        Int64.random(in: -10...10, using: &random) * 31_557_600_000
            + Int64.random(in: -60_000...60_000, using: &random)
    }

    private static func action(
        _ faults: [Fault], _ members: Int, _ random: inout SeededGenerator
    ) -> Action {
        // Copies are nodes too: a number past the last one means one of those there are.
        let node = Int.random(in: 0..<members + 2, using: &random)
        if !faults.isEmpty, Int.random(in: 0..<5, using: &random) == 0,
            let fault = faults.randomElement(using: &random)
        {
            return action(fault, node, &random)
        }
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<11:
            return .edit(node: node, edit(&random), isForeign: Bool.random(using: &random))
        case 11, 12: return .seal(node: node)
        case 13: return deed(node, &random)
        case 14 where Bool.random(using: &random):
            return .settle(node: node, Settling.allCases.randomElement(using: &random) ?? .keep)
        default: return .sync(node: node)
        }
    }

    /// What people do now and then, beside plain edits.
    private static func deed(_ node: Int, _ random: inout SeededGenerator) -> Action {
        let project = Int.random(in: 0..<3, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return .delete(node: node, project: project)
        case 1: return .bringBack(node: node, project: project)
        case 2: return .revert(node: node, place: Int.random(in: 0..<4, using: &random))
        case 3: return .remember(node: node)
        default: return .writeBack(node: node)
        }
    }

    private static func action(
        _ fault: Fault, _ node: Int, _ random: inout SeededGenerator
    ) -> Action {
        let machine = Bool.random(using: &random) ? server : node
        let calls = 1 << Int.random(in: 0..<9, using: &random)
        let near = Int.random(in: calls...2 * calls, using: &random)
        switch fault {
        case .loss, .replies, .cuts:
            let both = fault != .replies && Bool.random(using: &random)
            return .cut(
                node: node, milliseconds: Int64.random(in: 100...5_000, using: &random),
                requests: both || fault != .replies && Bool.random(using: &random),
                replies: both || fault == .replies || Bool.random(using: &random))
        case .kills: return .kill(machine: machine, calls: near)
        case .power: return .powerCut(machine: machine, calls: near)
        case .failures:
            return .fail(machine: machine, calls: near, full: Bool.random(using: &random))
        case .full:
            return .full(
                machine: machine, milliseconds: Int64.random(in: 100...3_000, using: &random))
        case .clocks:
            switch Int.random(in: 0..<4, using: &random) {
            case 0: return .stopClock(node: node)
            case 1: return .startClock(node: node)
            case 2: return .clock(node: node, milliseconds: yearsWrong(&random))
            default:
                return .clock(
                    node: node, milliseconds: Int64.random(in: -60_000...60_000, using: &random))
            }
        case .copies: return .copy(node: node)
        case .backups:
            return Bool.random(using: &random)
                ? .backUp(node: node)
                : .restore(node: node, which: Int.random(in: 0..<4, using: &random))
        case .roles: return .role(node: node, isViewer: Bool.random(using: &random))
        case .discards:
            switch Int.random(in: 0..<5, using: &random) {
            case 0: return .retryQuarantine(node: node)
            case 1: return .amendQuarantine(node: node)
            case 2: return .export(node: node)
            default: return .discard(node: node, place: Int.random(in: 0..<4, using: &random))
            }
        case .epochs:
            guard Int.random(in: 0..<5, using: &random) > 1 else { return .backUpServer }
            return .replaceServer(
                Replacement.allCases.randomElement(using: &random) ?? .restored,
                which: Int.random(in: 0..<4, using: &random))
        }
    }

    /// Few records, so that everybody meets everybody.
    private static func edit(_ random: inout SeededGenerator) -> Edit {
        let project = Int.random(in: 0..<3, using: &random)
        let task = Int.random(in: 0..<3, using: &random)
        switch Int.random(in: 0..<25, using: &random) {
        case 0, 1, 2: return .insertProject(project)
        case 3, 4: return .insertTask(task, of: project)
        case 5, 6: return .title(project)
        case 7: return .summaryLine(project)
        case 8: return .summaryWord(project)
        case 9: return .clearSummary(project)
        case 10: return .status(project, Int.random(in: 0..<3, using: &random))
        case 11: return .addPartner(project)
        case 12: return .removePartner(project)
        case 13: return .hours(project, Int.random(in: -3...9, using: &random))
        case 14: return .sensitivity(project, Int.random(in: 0..<3, using: &random))
        case 15: return .retain(project, Int.random(in: 2026...2029, using: &random))
        case 16: return .budget(project)
        case 17: return .code(project, Int.random(in: 0..<2, using: &random))
        case 18:
            return Bool.random(using: &random) ? .moveTask(task, to: project) : .taskTitle(task)
        case 19, 20: return .deleteProject(project)
        case 21: return .deleteTask(task)
        case 22: return .replaceProject(project)
        case 23: return Bool.random(using: &random) ? .invalid(project) : .undone(project)
        default: return Bool.random(using: &random) ? .restoreProject(project) : .same(project)
        }
    }
}
