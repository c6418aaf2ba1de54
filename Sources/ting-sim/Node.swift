// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TingCore
import TingStore
import TingTesting

/// A person's replica on a machine of its own: its file, its clock, and the sync under way.
final class Node {
    let machine: String
    let member: Member
    let clock: MachineClock
    var replica: Replica?
    var role = Role.editor
    var run: SyncRun?
    /// Whether a sync has ended well: a clone's first one leaves its digest to the next.
    var hasSynced = false
    /// Tells answers to the request under way from those to earlier ones.
    var request = 0
    var cutUntil: (requests: Int64, replies: Int64) = (0, 0)
    /// How many copies of the file were put aside, to be restored from.
    var backups = 0
    /// What a tool read here, to write it back one day.
    var remembered: [String] = []
    let health = Health()

    // MARK: What the model knows of the file
    /// Change sets sealed in this file, none of which it may lose.
    var holds: Set<ChangeSetID> = []
    /// What lay in quarantine when someone looked last.
    var quarantined: Set<ChangeSetID> = []
    /// How often the file was copied or restored, and how often it said so and took a new name.
    var copies = 0
    var renames = 0
    /// Whether the sync under way has said so.
    var isToldOfCopy = false
    var isToldOfStart = false
    /// How often it started over since all held the same.
    var startOvers = 0
    /// The same, since it last waited for an hour.
    var startOversInAnHour = 0
    /// Changes when another file takes this one's place.
    var generation = 0

    var disk: SimulatedMachine { SimulatedMachine(machine) }
    var path: String { "\(machine)/replica.sqlite" }
    var file: String { "\(machine)#\(generation)" }
    func backupPath(_ number: Int) -> String { "\(machine)/backup-\(number).sqlite" }

    init(_ machine: String, _ member: Member, _ clock: MachineClock) {
        self.machine = machine
        self.member = member
        self.clock = clock
    }

    /// Opens the replica's file, on this machine's clock.
    func open(_ schema: Schema) throws {
        replica = try Replica(
            path: path, schema: schema, clock: { [clock] in clock.time }, uptime: Self.uptime())
    }

    /// A steady clock that moves 20 ms with each look: a slice holds a few entries.
    static func uptime() -> @Sendable () -> Int64 {
        let looks = ManualClock(0)
        return {
            looks.advance(20)
            return looks.time
        }
    }
}

/// A machine's clock: off by some amount, or stopped.
final class MachineClock: Sendable {
    private let world: ManualClock
    private let state: Mutex<(shift: Int64, stopped: Int64?)>

    /// - Parameter shift: How far it is from the true time, in milliseconds.
    init(_ clock: ManualClock, shift: Int64 = 0) {
        world = clock
        state = Mutex((shift, nil))
    }

    var time: Int64 { state.withLock { $0.stopped ?? world.time + $0.shift } }
    var shift: Int64 { time - world.time }

    func jump(_ milliseconds: Int64) {
        state.withLock { state in
            state.shift += milliseconds
            if let stopped = state.stopped { state.stopped = stopped + milliseconds }
        }
    }

    func stop() { state.withLock { $0.stopped = $0.stopped ?? world.time + $0.shift } }

    /// It goes on from where it stood.
    func start() {
        state.withLock { state in
            guard let stopped = state.stopped else { return }
            state = (stopped - world.time, nil)
        }
    }
}

/// What is wrong with a machine's disk just now.
final class Health {
    /// A kill or failure is set and has not struck yet.
    var isArmed = false
    /// When it dies, what was not synced may go.
    var losesPower = false
    /// The disk takes nothing more until then.
    var fullUntil: Int64 = 0

    func isFaulty(at time: Int64) -> Bool { isArmed || fullUntil > time }
}
