// SPDX-License-Identifier: Apache-2.0

import TingTesting

/// What happens in one run: made from a seed, and cut shorter when it fails.
struct Scenario: Codable, Equatable {
    var seed: UInt64
    /// Replicas at the start, each of a member of their own; copies come on top.
    var members: Int
    var network: Network
    /// Between phases the faults stop, and everyone must come to hold the same.
    var phases: [[Step]]

    /// How the line behaves while faults last. Shares in percent, times in milliseconds.
    struct Network: Codable, Equatable {
        var requestLoss = 0
        var replyLoss = 0
        var duplication = 0
        var delay: Int64 = 50
        /// Bytes of entries in a page: small ones make many exchanges of a sync.
        var pageByteLimit = 1 << 20
    }

    struct Step: Codable, Equatable {
        /// Names the step, whatever is cut around it; values it writes carry it.
        var number: Int
        /// Milliseconds after the step before.
        var wait: Int64
        var action: Action
    }

    enum Action: Codable, Equatable {
        case edit(node: Int, Edit, isForeign: Bool)
        case seal(node: Int)
        case sync(node: Int)
        case settle(node: Int, takes: Bool)
        /// The line of a node is cut, one way or both, until the time is over.
        case cut(node: Int, milliseconds: Int64, requests: Bool, replies: Bool)
        /// From the n-th call on the disk the process is dead; then it starts again.
        case kill(machine: Int, calls: Int)
        case powerCut(machine: Int, calls: Int)
        /// The n-th call on the disk fails.
        case fail(machine: Int, calls: Int, full: Bool)
        /// The disk takes nothing more until the time is over.
        case full(machine: Int, milliseconds: Int64)
        case clock(node: Int, milliseconds: Int64)
        /// The replica's file is copied to a second machine, and both are used.
        case copy(node: Int)
        case backUp(node: Int)
        case restore(node: Int)
        case role(node: Int, isViewer: Bool)
        case retryQuarantine(node: Int)
        case discard(node: Int)
    }

    /// The server's machine, where an action names one; nodes are 0, 1, 2, …
    static let server = -1

    enum Edit: Codable, Equatable {
        case insertProject(Int)
        case insertTask(Int, of: Int)
        case title(Int)
        case summaryLine(Int)
        case summaryWord(Int)
        case clearSummary(Int)
        case status(Int, Int)
        case addPartner(Int)
        case removePartner(Int)
        case hours(Int, Int)
        case sensitivity(Int, Int)
        case retain(Int, Int)
        case budget(Int)
        case code(Int, Int)
        case same(Int)
        case moveTask(Int, to: Int)
        case taskTitle(Int)
        case deleteProject(Int)
        case deleteTask(Int)
        case replaceProject(Int)
        case invalid(Int)
        case undone(Int)
        case restoreProject(Int)
    }
}

extension Scenario {
    private enum Fault: CaseIterable {
        case loss, cuts, kills, power, failures, full, clocks, copies, backups, roles, discards
    }

    /// Each seed picks a subset of the faults and its own limits; one in five has none.
    init(seed: UInt64) {
        var random = SeededGenerator(state: seed &* 0x9e37_79b9 &+ 17)
        self.seed = seed
        members = Int.random(in: 2...4, using: &random)
        network = Network()
        let isCalm = seed % 5 == 0
        let faults = Fault.allCases.filter { _ in
            !isCalm && Int.random(in: 0..<3, using: &random) == 0
        }
        network.delay = Int64([5, 50, 400].randomElement(using: &random) ?? 50)
        network.pageByteLimit = [200, 2_000, 1 << 20].randomElement(using: &random) ?? 2_000
        if faults.contains(.loss) {
            network.requestLoss = Int.random(in: 0...30, using: &random)
            network.replyLoss = Int.random(in: 0...30, using: &random)
            network.duplication = Int.random(in: 0...30, using: &random)
        }
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
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<6:
            return .edit(
                node: node, edit(&random), isForeign: Bool.random(using: &random))
        case 6: return .seal(node: node)
        case 7 where Bool.random(using: &random):
            return .settle(node: node, takes: Bool.random(using: &random))
        default: return .sync(node: node)
        }
    }

    private static func action(
        _ fault: Fault, _ node: Int, _ random: inout SeededGenerator
    ) -> Action {
        let machine = Bool.random(using: &random) ? server : node
        let calls = 1 << Int.random(in: 0..<9, using: &random)
        let near = Int.random(in: calls...2 * calls, using: &random)
        switch fault {
        case .loss, .cuts:
            let both = Bool.random(using: &random)
            return .cut(
                node: node, milliseconds: Int64.random(in: 100...5_000, using: &random),
                requests: both || Bool.random(using: &random),
                replies: both || Bool.random(using: &random))
        case .kills: return .kill(machine: machine, calls: near)
        case .power: return .powerCut(machine: machine, calls: near)
        case .failures:
            return .fail(machine: machine, calls: near, full: Bool.random(using: &random))
        case .full:
            return .full(
                machine: machine, milliseconds: Int64.random(in: 100...3_000, using: &random))
        case .clocks:
            let years = Int64.random(in: -10...10, using: &random)
            return .clock(
                node: node,
                milliseconds: Bool.random(using: &random)
                    ? years * 31_557_600_000 : Int64.random(in: -60_000...60_000, using: &random))
        case .copies: return .copy(node: node)
        case .backups:
            return Bool.random(using: &random) ? .backUp(node: node) : .restore(node: node)
        case .roles: return .role(node: node, isViewer: Bool.random(using: &random))
        case .discards:
            return Bool.random(using: &random) ? .retryQuarantine(node: node) : .discard(node: node)
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

extension Scenario.Edit {
    static func project(_ index: Int) -> String { "01890000-0000-7000-8000-00000000010\(index)" }
    static func task(_ index: Int) -> String { "01890000-0000-7000-8000-00000000020\(index)" }

    /// What any SQLite tool would run; `mark` is in every value that it writes.
    func sql(_ mark: String) -> String {
        func set(_ index: Int, _ assignments: String) -> String {
            "UPDATE project SET \(assignments) WHERE id = '\(Self.project(index))'"
        }
        switch self {
        case .insertProject(let index):
            return """
                INSERT INTO project (id, title, summary, hours)
                VALUES ('\(Self.project(index))', '\(mark)', '\(mark) one', 2)
                ON CONFLICT (id) DO UPDATE SET title = excluded.title
                """
        case .insertTask(let index, let project):
            return """
                INSERT OR IGNORE INTO task (id, project, title)
                SELECT '\(Self.task(index))', id, '\(mark)' FROM project
                WHERE id = '\(Self.project(project))'
                """
        case .title(let index): return set(index, "title = '\(mark)'")
        case .summaryLine(let index):
            return set(index, "summary = coalesce(summary, '') || char(10) || '\(mark) line'")
        case .summaryWord(let index):
            return set(index, "summary = replace(summary, 'one', 'one \(mark)')")
        case .clearSummary(let index): return set(index, "summary = NULL")
        case .status(let index, let value):
            return set(index, "status = '\(["idea", "active", "done"][value])'")
        case .addPartner(let index):
            return set(index, "partners = json_insert(partners, '$[#]', '\(mark)')")
        case .removePartner(let index):
            return set(index, "partners = json_remove(partners, '$[0]')")
        case .hours(let index, let step): return set(index, "hours = hours + \(step)")
        case .sensitivity(let index, let value):
            return set(index, "sensitivity = '\(["open", "internal", "restricted"][value])'")
        case .retain(let index, let year): return set(index, "retain = '\(year)'")
        case .budget(let index): return set(index, "budget = abs(random() % 1000)")
        case .code(let index, let value): return set(index, "code = 'C\(value)'")
        case .same(let index): return set(index, "title = title")
        case .moveTask(let index, let project):
            return """
                UPDATE task SET project = '\(Self.project(project))' WHERE id = '\(Self.task(index))'
                AND EXISTS (SELECT 1 FROM project WHERE id = '\(Self.project(project))')
                """
        case .taskTitle(let index):
            return "UPDATE task SET title = '\(mark)' WHERE id = '\(Self.task(index))'"
        case .deleteProject(let index):
            return "DELETE FROM project WHERE id = '\(Self.project(index))'"
        case .deleteTask(let index): return "DELETE FROM task WHERE id = '\(Self.task(index))'"
        case .replaceProject(let index):
            return """
                REPLACE INTO project (id, title, code)
                VALUES ('\(Self.project(index))', '\(mark)', '\(mark)')
                """
        case .invalid(let index): return set(index, "status = '\(mark)', title = '\(mark)'")
        case .undone(let index):
            return set(index, "title = title || 'x'") + "; "
                + set(index, "title = substr(title, 1, length(title) - 1)")
        case .restoreProject(let index):
            return """
                INSERT INTO project (id, title) VALUES ('\(Self.project(index))', '\(mark)')
                ON CONFLICT DO NOTHING
                """
        }
    }
}
