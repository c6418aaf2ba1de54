// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// One case: something rots, and everybody goes on.
extension BitrotWorld {
    /// A place in a target's bytes, by a seed.
    func damage(of target: Target, _ random: inout SeededGenerator) throws -> Damage {
        let size =
            target == .changeSet
            ? Int64(changeSets[0].storedBytes.count)
            : SimulatedDisk.size(of: "kept/" + file(target))
        let bytes = size ?? 1
        switch Int.random(in: 0..<20, using: &random) {
        case 0 where target != .changeSet:
            return .page(Int64.random(in: 0..<max(1, bytes / 4096), using: &random))
        case 1 where target != .changeSet: return .end(Int64.random(in: 0..<bytes, using: &random))
        default: return .bit(Int64.random(in: 0..<bytes * 8, using: &random))
        }
    }

    func file(_ target: Target) -> String {
        switch target {
        case .replica, .changeSet: "a/replica.sqlite"
        case .server: Self.server
        case .backup: "server/backup.sqlite"
        case .snapshot: "server/snapshot.sqlite"
        }
    }

    func rot(_ file: String, _ damage: Damage) throws {
        switch damage {
        case .bit(let bit): try SimulatedDisk.flip(bit: bit, of: file)
        case .page(let page): try SimulatedDisk.zero(page * 4096..<page * 4096 + 4096, of: file)
        case .end(let size): try SimulatedDisk.cut(file, to: size)
        }
    }

    func play(_ target: Target, _ damage: Damage, seed: UInt64) throws -> Outcome {
        if target == .changeSet { return try playChangeSet(damage) }
        try restore(seed: seed)
        try rot(file(target), damage)
        isUnsealedRotten = try target == .replica && isUnsealedValue(damage)
        switch target {
        case .replica: return try playReplica()
        case .server: return try playServer()
        case .backup: return try playBackup()
        default: return try playSnapshot()
        }
    }

    /// A change set's bytes either can't be read or have another hash.
    func playChangeSet(_ damage: Damage) throws -> Outcome {
        guard case .bit(let bit) = damage else { return .harmless }
        var bytes = changeSets[0].storedBytes
        bytes[Int(bit / 8)] ^= 1 << UInt8(bit % 8)
        guard let read = try? ChangeSet(storedBytes: bytes) else { return .found }
        guard read.hash != changeSets[0].hash else {
            guard read == changeSets[0] else {
                throw Broken(.different, "another change set has the same hash")
            }
            return .harmless
        }
        return .found
    }

    func playReplica() throws -> Outcome {
        let workspace = try Workspace(path: Self.server, schema: schema)
        let b = try open("b")
        var a: Replica?
        defer { close(a, b, workspace) }
        do {
            let opened = try open("a")
            a = opened
            let mended = try live(opened, b, workspace)
            try compare(workspace, [opened, b])
            return isUnsealedRotten ? .unsealed : mended ? .healed : .harmless
        } catch  where Self.isTyped(error) {
            try? a?.close()
            return try carryOver(b, workspace)
        }
    }

    /// Syncs all there is to sync; says whether anything had to be put right.
    @discardableResult
    func live(_ a: Replica, _ b: Replica, _ workspace: Workspace) throws -> Bool {
        _ = try a.status()
        try a.write { db in
            try db.execute(
                sql: "INSERT INTO project (id, title) VALUES (?, 'Later') ON CONFLICT DO NOTHING",
                arguments: [Self.later.description])
        }
        var isMended = try sync(a, 0, workspace)
        if try !a.verify().matches { isMended = true }
        isMended = try sync(a, 0, workspace) || isMended
        guard try a.verify().matches else { throw ReplicaError.damaged("the history") }
        isMended = try sync(b, 1, workspace) || isMended
        isMended = try sync(a, 0, workspace) || isMended
        return isMended
    }

    /// The file can't be used any more: a new replica takes over what waits in it.
    func carryOver(_ b: Replica, _ workspace: Workspace) throws -> Outcome {
        let fresh = try clone("r", workspace)
        defer { try? fresh.close() }
        var outcome = Outcome.found
        do {
            let carried = try fresh.carryOver(from: "a/replica.sqlite")
            if carried.damaged > 0 { outcome = .unreadable }
        } catch  where Self.isTyped(error) {
            outcome = .unreadable
        }
        try sync(fresh, 0, workspace)
        try sync(b, 1, workspace)
        try sync(fresh, 0, workspace)
        if outcome == .found {
            try compare(workspace, [fresh, b])
        } else {
            try compareBetween(workspace, [fresh, b])
        }
        return outcome
    }

    func playServer() throws -> Outcome {
        var (a, b, workspace): (Replica?, Replica?, Workspace?)
        defer { close(a, b, workspace) }
        do {
            let opened = try Workspace(path: Self.server, schema: schema)
            workspace = opened
            let (first, second) = (try open("a"), try open("b"))
            (a, b) = (first, second)
            try live(first, second, opened)
            guard try opened.verify().problems.isEmpty else {
                throw ReplicaError.damaged("the workspace")
            }
            try compare(opened, [first, second])
            return .harmless
        } catch  where Self.isTyped(error) {
            close(a, b, workspace)
            (a, b) = (nil, nil)
            return try restoreServer(from: "kept/server/backup.sqlite")
        }
    }

    /// The operator restores the backup: replicas give back what it lacks.
    func restoreServer(from backup: String) throws -> Outcome {
        try SimulatedDisk.copy(backup, to: "shelf/backup.sqlite")
        SimulatedMachine("server").clear()
        try SimulatedDisk.copy("shelf/backup.sqlite", to: Self.server)
        let workspace = try Workspace(path: Self.server, schema: schema)
        var random = SeededGenerator(state: 99)
        try workspace.startEpoch(.random(using: &random))
        let (a, b) = (try open("a"), try open("b"))
        defer { close(a, b, workspace) }
        clock.advance(7_200_000)
        try live(a, b, workspace)
        try compare(workspace, [a, b])
        return .found
    }

    func playBackup() throws -> Outcome {
        do {
            let backup = try Workspace(path: "server/backup.sqlite", schema: schema)
            defer { try? backup.close() }
            guard try backup.verify().problems.isEmpty else { return .found }
        } catch  where Self.isTyped(error) {
            return .found
        }
        _ = try restoreServer(from: "server/backup.sqlite")
        return .harmless
    }

    /// A replica starts over from a snapshot whose hash nobody compared.
    func playSnapshot() throws -> Outcome {
        let workspace = try Workspace(path: Self.server, schema: schema)
        let (a, b) = (try open("a"), try open("b"))
        defer { close(a, b, workspace) }
        var outcome = Outcome.harmless
        do {
            try a.startOver(from: "server/snapshot.sqlite", because: .notMended)
        } catch  where Self.isTyped(error) {
            outcome = .found
        }
        do {
            if try live(a, b, workspace), outcome == .harmless { outcome = .healed }
            try compare(workspace, [a, b])
            return outcome
        } catch  where Self.isTyped(error) {
            try a.close()
            return try carryOver(b, workspace)
        }
    }

    static func isTyped(_ error: any Error) -> Bool {
        switch error {
        case is DatabaseError, is ReplicaError, is StoredFormError, is CBORError,
            is RowDecodingError:
            true
        case let broken as Broken: broken.verdict == .stuck
        default: false
        }
    }
}
