// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// What the steps of a scenario do.
extension World {
    func carryOut(_ step: Scenario.Step) throws {
        trace.note("\(clock.time) step \(step.number) \(step.action)")
        switch step.action {
        case .edit(let node, let edit, let isForeign):
            try self.edit(self.node(node), edit, "n\(step.number)", isForeign: isForeign)
        case .seal(let index): try act(node(index)) { try $0.seal() }
        case .sync(let index): try beginSync(node(index))
        case .settle(let index, let how): try settle(node(index), how, "n\(step.number)")
        case .delete(let index, let project): try delete(node(index), project)
        case .bringBack(let index, let project): try bringBack(node(index), project)
        case .revert(let index, let place): try revert(node(index), place)
        case .remember(let index): try remember(node(index))
        case .writeBack(let index): try writeBack(node(index))
        case .retryQuarantine(let index):
            try act(node(index)) { try $0.retryQuarantine($0.quarantine().map(\.changeSet.id)) }
        case .amendQuarantine(let index): try amendQuarantine(node(index), "n\(step.number)")
        case .export(let index): try export(node(index))
        case .discard(let index, let place): try discard(node(index), place)
        case .role(let index, let isViewer): node(index).role = isViewer ? .viewer : .editor
        case .copy(let index): try copy(node(index))
        case .backUp(let index): try backUp(node(index))
        case .restore(let index, let which): try restore(node(index), which)
        case .backUpServer: try backUpServer()
        case .replaceServer(let how, let which): try replaceServer(how, which)
        case .cut, .kill, .powerCut, .fail, .full, .clock, .stopClock, .startClock:
            befall(step.action)
        }
    }

    private func befall(_ action: Scenario.Action) {
        switch action {
        case .cut(let index, let milliseconds, let requests, let replies):
            let end = clock.time + milliseconds
            node(index).cutUntil = (requests ? end : 0, replies ? end : 0)
        case .kill(let machine, let calls): arm(machine) { $0.kill(atCall: Int64(calls)) }
        case .powerCut(let machine, let calls):
            arm(machine) { $0.kill(atCall: Int64(calls)) }
            health(machine).losesPower = true
        case .fail(let machine, let calls, let full):
            let code = full ? ResultCode.SQLITE_FULL : ResultCode.SQLITE_IOERR
            arm(machine) { $0.fail(call: Int64(calls), code: code.rawValue) }
        case .full(let machine, let milliseconds):
            health(machine).fullUntil = clock.time + milliseconds
            disk(machine).setCapacity(0)
        case .clock(let machine, let milliseconds): clock(of: machine).jump(milliseconds)
        case .stopClock(let machine): clock(of: machine).stop()
        case .startClock(let machine): clock(of: machine).start()
        default: break
        }
    }

    private func node(_ index: Int) -> Node { nodes[index % nodes.count] }

    private func health(_ machine: Int) -> Health {
        machine == Scenario.server ? serverHealth : node(machine).health
    }

    private func clock(of machine: Int) -> MachineClock {
        machine == Scenario.server ? serverClock : node(machine).clock
    }

    private func disk(_ machine: Int) -> SimulatedMachine {
        machine == Scenario.server ? serverDisk : node(machine).disk
    }

    private func arm(_ machine: Int, _ strike: (SimulatedMachine) -> Void) {
        let health = health(machine)
        guard !health.isArmed else { return }
        health.isArmed = true
        strike(disk(machine))
    }
}
