// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// Strikes every disk call of the scripted run, one at a time, and sees that it goes on the same.
final class PointsRun {
    /// What befalls the machine.
    enum Fault: CaseIterable {
        case powerCut, ioError, full, noHandles

        /// The result code of the call that fails; `nil` for a power cut.
        var code: Int32? {
            switch self {
            case .powerCut: nil
            case .ioError: ResultCode.SQLITE_IOERR.rawValue
            case .full: ResultCode.SQLITE_FULL.rawValue
            case .noHandles: ResultCode.SQLITE_CANTOPEN.rawValue
            }
        }
    }

    private let script: PointsScript
    private let world: PointsWorld
    private let faults: [Fault]
    private let every: Int
    /// How many operations after a fault are played and compared.
    private let reach: Int
    /// What the run without faults came to before each operation, and at its end.
    private var shapes: [Shape] = []
    /// Which machines then held what they report: a damaged one does not until it has synced.
    private var sound: [Set<SimulatedMachine>] = []
    private var known: Set<ChangeSetID> = []
    private(set) var points = 0
    private(set) var failures: [String] = []

    init(_ script: PointsScript, faults: [Fault], every: Int, reach: Int) throws {
        self.script = script
        self.faults = faults
        self.every = every
        self.reach = reach
        world = try PointsWorld()
    }

    /// Strikes the operations in a range.
    func play(_ range: Range<Int>) throws {
        let start = try world.save()
        for (index, operation) in script.operations.enumerated() {
            try note()
            try perform(operation, index)
        }
        try note()
        try world.comeBack(to: start)
        for (index, operation) in script.operations.enumerated() where index < range.upperBound {
            let memory = try world.save()
            known.formUnion(try world.changeSets())
            try world.comeBack(to: memory)
            let before = world.machines.map(\.calls)
            try perform(operation, index)
            let calls = zip(world.machines, before).map { ($0, self.points(of: $0, since: $1)) }
            guard try world.shape() == shapes[index + 1] else {
                throw Broken(.wrong, "the run without faults repeats otherwise at \(index)")
            }
            guard range.contains(index), operation.isStruck else { continue }
            let wasStruck = try strike(operation, index, calls, memory)
            guard wasStruck else { continue }
            try world.comeBack(to: memory)
            try perform(operation, index)
        }
    }

    /// The calls of a machine at which each fault is another than at the call after it.
    private func points(of machine: SimulatedMachine, since start: Int64) -> [(Fault, Int64)] {
        guard machine.calls > start else { return [] }
        return faults.flatMap { fault in
            let calls = (start + 1...machine.calls).filter {
                machine.couldFail(call: $0, code: fault.code ?? 0)
            }.map { $0 - start }
            // The last power cut comes when the operation has been acknowledged.
            let after = fault == .powerCut ? [machine.calls - start + 1] : []
            return (calls + after).map { (fault, $0) }
        }
    }

    private func note() throws {
        shapes.append(try world.shape())
        sound.append(Set(try world.machines.filter { try world.isSound($0) }))
    }

    /// An edit that the schema doesn't allow is an outcome, not a failure.
    private func perform(_ operation: ScriptedOperation, _ index: Int) throws {
        do { try world.perform(operation, index) } catch is InvalidEdit {}
    }

    /// Whether any point of the operation was struck.
    private func strike(
        _ operation: ScriptedOperation, _ index: Int,
        _ calls: [(SimulatedMachine, [(Fault, Int64)])],
        _ memory: PointsWorld.Memory
    ) throws -> Bool {
        var wasStruck = false
        for (machine, points) in calls {
            for (fault, call) in points where isChosen(index, machine, call) {
                wasStruck = true
                self.points += 1
                do {
                    try world.comeBack(to: memory)
                    try strike(operation, index, fault, machine, call)
                } catch {
                    let broken = error as? Broken ?? Broken(.wrong, "\(error)")
                    failures.append(
                        """
                        point \(index) \(fault) \(machine.name) \(call) \(broken.verdict): \
                        \(operation.name): \(broken.description)
                        """)
                }
            }
        }
        return wasStruck
    }

    /// The same points, however the work is shared among processes.
    private func isChosen(_ index: Int, _ machine: SimulatedMachine, _ call: Int64) -> Bool {
        every == 1 || Int(call) % every == (index * 31 + machine.name.utf8.count) % every
    }

    // MARK: One point

    private func strike(
        _ operation: ScriptedOperation, _ index: Int, _ fault: Fault, _ machine: SimulatedMachine,
        _ call: Int64
    ) throws {
        if let code = fault.code {
            machine.fail(call: call, code: code)
        } else {
            machine.kill(atCall: call)
        }
        var failure: (any Error)?
        do { try perform(operation, index) } catch { failure = error }
        if let broken = failure as? Broken, broken.verdict != .stuck || !machine.isKilled {
            throw broken
        }
        if fault == .powerCut {
            try cutPower(machine, UInt64(index) << 20 | UInt64(call))
        } else {
            machine.revive()
            try checkType(failure)
            if world.isDown(machine) { try world.start(machine) }
        }
        try checkWhole(operation, index, machine, isDone: failure == nil)
        if failure != nil { try perform(operation, index) }
        let end = min(index + 1 + reach, script.operations.count)
        for next in index + 1..<end { try perform(script.operations[next], next) }
        try compare(end)
        try world.checkNothingLost(known)
        guard try world.isSound(machine) == sound[end].contains(machine) else {
            throw Broken(.different, "\(machine.name) doesn't hold what it reports")
        }
        // What was acknowledged after a failed call must be on disk as well.
        guard fault != .powerCut else { return }
        try cutPower(machine, UInt64(index) << 20 | UInt64(call))
        let now = try world.shape(of: machine)
        guard now == shapes[end].part(machine) else {
            let difference = now.difference(from: shapes[end].part(machine))
            throw Broken(.lost, "a power cut later, before \(end): \(difference)")
        }
    }

    private func cutPower(_ machine: SimulatedMachine, _ seed: UInt64) throws {
        world.close(machine, isKilled: true)
        try machine.cutPower(seed: seed)
        do {
            try world.start(machine)
        } catch {
            throw Broken(.lost, "\(machine.name) can't be opened after a power cut: \(error)")
        }
    }

    /// What a failed call comes to must be an error that the programs have words for.
    private func checkType(_ failure: (any Error)?) throws {
        switch failure {
        case nil, is DatabaseError, is ReplicaError: return
        case let failure?: throw Broken(.wrong, "an error without a type: \(failure)")
        }
    }

    /// After the fault nothing is half there; what was acknowledged is.
    private func checkWhole(
        _ operation: ScriptedOperation, _ index: Int, _ machine: SimulatedMachine, isDone: Bool
    ) throws {
        try world.checkNothingLost(known)
        if isDone, case .backUp(let place) = operation { try world.checkBackup(place) }
        guard operation.isAtomic || isDone else { return }
        let now = try world.shape(of: machine)
        if now == shapes[index + 1].part(machine) { return }
        guard isDone || now != shapes[index].part(machine) else { return }
        throw Broken(
            isDone ? .lost : .different,
            "after the fault: \(now.difference(from: shapes[index + 1].part(machine)))")
    }

    private func compare(_ index: Int) throws {
        let now = try world.shape()
        guard now == shapes[index] else {
            throw Broken(.different, "before \(index): \(now.difference(from: shapes[index]))")
        }
    }
}
