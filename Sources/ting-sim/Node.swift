// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TingCore
import TingStore
import TingTesting

/// A person's replica on a machine of its own: its file, its clock, and the sync under way.
final class Node {
    let machine: String
    let member: Member
    /// How far this machine's clock is from the true time, in milliseconds.
    let shift: ManualClock
    var replica: Replica?
    var role = Role.editor
    var run: SyncRun?
    /// Tells answers to the request under way from those to earlier ones.
    var request = 0
    var cutUntil: (requests: Int64, replies: Int64) = (0, 0)
    var hasBackup = false
    let health = Health()

    var disk: SimulatedMachine { SimulatedMachine(machine) }
    var path: String { "\(machine)/replica.sqlite" }
    var backupPath: String { "\(machine)/backup.sqlite" }

    init(_ machine: String, _ member: Member, shift: Int64 = 0) {
        self.machine = machine
        self.member = member
        self.shift = ManualClock(shift)
    }

    /// Opens the replica's file, on this machine's clock.
    func open(_ schema: Schema, _ clock: ManualClock) throws {
        replica = try Replica(
            path: path, schema: schema, clock: { [shift] in clock.time + shift.time },
            uptime: Self.uptime())
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
