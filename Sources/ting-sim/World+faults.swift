// SPDX-License-Identifier: Apache-2.0

import TingCore
import TingStore
import TingTesting

/// Carrying out under faults, and starting again after them.
extension World {
    /// Runs something on a node's machine. A failure that was injected ends the program there; any
    /// other is a fault of ours.
    func attempt(_ node: Node, _ body: () throws -> Void) throws {
        SimulatedDisk.setTime(node.clock.time)
        defer { SimulatedDisk.setTime(clock.time) }
        do {
            try body()
        } catch let broken as Broken {
            throw broken
        } catch let invalid as InvalidEdit {
            trace.note("\(node.machine) invalid \(invalid.problem)")
        } catch {
            guard node.health.isFaulty(at: clock.time) else {
                throw Broken(.wrong, "\(node.machine): \(error)")
            }
            trace.note(strike: "\(node.machine) failed")
            node.run = nil
            if node.health.isArmed { try restart(node) }
        }
    }

    private func restart(_ node: Node) throws {
        try? node.replica?.close()
        node.replica = nil
        try revive(node.disk, node.health)
        do {
            try node.open(schema)
            _ = try node.replica?.status()
        } catch {
            throw Broken(.lost, "\(node.machine) can't be opened after a crash: \(error)")
        }
        trace.note(strike: "\(node.machine) restarted")
        try observeSealed(node)
        try checkView(node)
    }

    private func revive(_ machine: SimulatedMachine, _ health: Health) throws {
        if health.losesPower { try machine.cutPower(seed: random.next()) }
        machine.revive()
        // Who starts a machine again makes room on its disk first.
        machine.setCapacity(nil)
        (health.isArmed, health.losesPower, health.fullUntil) = (false, false, 0)
    }

    /// Whether the server lives after it.
    @discardableResult
    func attemptOnServer(_ body: (Workspace) throws -> Void) throws -> Bool {
        SimulatedDisk.setTime(serverClock.time)
        defer { SimulatedDisk.setTime(clock.time) }
        do {
            guard let workspace else { return false }
            try body(workspace)
            return true
        } catch let broken as Broken {
            throw broken
        } catch {
            guard serverHealth.isFaulty(at: clock.time) else {
                throw Broken(.wrong, "server: \(error)")
            }
            trace.note(strike: "server failed")
            guard serverHealth.isArmed else { return true }
            try restartServer()
            return false
        }
    }

    private func restartServer() throws {
        try? workspace?.close()
        workspace = nil
        lastSnapshot = nil
        try revive(serverDisk, serverHealth)
        do {
            workspace = try Workspace(path: Self.workspacePath, schema: schema)
            workspace?.setMergeStepLimit(oracle.mergeSteps)
            try observeHistory()
        } catch let broken as Broken {
            throw broken
        } catch {
            throw Broken(.lost, "the server's file can't be opened after a crash: \(error)")
        }
        trace.note(strike: "server restarted")
        let head = try workspace?.head()
        guard head?.version == oracle.version, head?.epoch == oracle.epoch else {
            throw Broken(
                .lost,
                "version \(oracle.version) was accepted; after a crash there are \(head?.version ?? 0)"
            )
        }
    }

    func endFullDisks() {
        for (machine, health) in nodes.map({ ($0.disk, $0.health) }) + [(serverDisk, serverHealth)]
        where health.fullUntil != 0 && health.fullUntil <= clock.time {
            health.fullUntil = 0
            machine.setCapacity(nil)
        }
    }

    /// Ends all faults: machines start again, disks have room, lines stand, clocks go.
    func heal() throws {
        hasFaults = false
        for node in nodes {
            node.cutUntil = (0, 0)
            node.run = nil
            node.request += 1
            node.clock.start()
            node.health.fullUntil = 0
            node.disk.setCapacity(nil)
            if node.health.isArmed { try restart(node) }
        }
        serverClock.start()
        serverHealth.fullUntil = 0
        serverDisk.setCapacity(nil)
        if serverHealth.isArmed { try restartServer() }
        forgetEvents()
        // Who started over too often waits an hour.
        if nodes.contains(where: { $0.startOversInAnHour >= 2 }) {
            clock.advance(3_700_000)
            for node in nodes { node.startOversInAnHour = 0 }
        }
        for node in nodes { node.startOvers = 0 }
    }
}
