// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// In a process of its own, in which every database is on the simulated disk.
@Suite("Compaction on a disk that fails")
struct CompactionTests {
    @Test("killed at any call, by a power cut too: it goes on, nothing is lost, nothing doubled")
    func killed() async {
        await #expect(processExitsWith: .success) {
            try SimulatedDisk.install(asDefault: true)
            SimulatedDisk.reset(seed: 1)
            let machine = SimulatedMachine("m")
            let (path, entries) = try Self.workspace(on: machine)
            let calls = try Self.callsOfCompaction(path, machine)
            #expect(calls > 60)
            for call in 1...calls {
                for cutsPower in [false, true] {
                    try Self.killOnce(path, entries, machine, atCall: call, cutsPower: cutsPower)
                }
            }
        }
    }

    /// A workspace with a history; the path and the entries.
    private static func workspace(
        on machine: SimulatedMachine
    ) throws -> (path: String, entries: [Entry]) {
        let team = try Team(1)
        for step in 1...12 {
            try team.replicas[0].write { db in
                try db.execute(
                    sql: "INSERT INTO project (title, hours) VALUES (?, ?)",
                    arguments: ["P\(step)", step])
                try db.execute(sql: "UPDATE project SET summary = ?", arguments: ["S\(step)"])
            }
            try team.sync(0)
        }
        let path = machine.file("start.sqlite")
        try team.workspace.backup(to: path)
        return (path, try team.entries())
    }

    private static func open(_ machine: SimulatedMachine) throws -> Workspace {
        try Workspace(path: machine.file("w.sqlite"), schema: .sample)
    }

    private static func compact(_ machine: SimulatedMachine) throws {
        let workspace = try open(machine)
        defer { try? workspace.close() }
        // Step by step, so that a kill may fall between two.
        for floor: Version in [4, 7, 10] {
            try workspace.compact(to: floor, archive: machine.file("w.archive.sqlite"))
        }
    }

    private static func reset(_ path: String, _ machine: SimulatedMachine) throws {
        for suffix in ["", "-wal", "-journal", "-shm"] {
            for file in ["w.sqlite", "w.archive.sqlite"] {
                let name = machine.file(file + suffix)
                if SimulatedDisk.exists(name) { try SimulatedDisk.delete(name) }
            }
        }
        try SimulatedDisk.copy(path, to: machine.file("w.sqlite"))
    }

    private static func callsOfCompaction(
        _ path: String, _ machine: SimulatedMachine
    ) throws -> Int64 {
        try reset(path, machine)
        let before = machine.calls
        try compact(machine)
        return machine.calls - before
    }

    private static func killOnce(
        _ path: String, _ entries: [Entry], _ machine: SimulatedMachine, atCall call: Int64,
        cutsPower: Bool
    ) throws {
        try reset(path, machine)
        machine.kill(atCall: call)
        do { try compact(machine) } catch {}
        if cutsPower { try machine.cutPower(seed: UInt64(call)) }
        machine.revive()
        try check(entries, machine, "killed at call \(call), power cut: \(cutsPower)")
        try compact(machine)
        try check(entries, machine, "went on after call \(call), power cut: \(cutsPower)")
    }

    private static func check(
        _ entries: [Entry], _ machine: SimulatedMachine, _ what: String
    ) throws {
        let workspace = try open(machine)
        defer { try? workspace.close() }
        let archivePath = machine.file("w.archive.sqlite")
        let archive = try Archive.existing(path: archivePath)
        defer { try? archive?.close() }
        var found: [Entry] = []
        try workspace.eachEntry(since: 0, archive: { archive }) { found.append($0) }
        #expect(found == entries, "\(what)")
        #expect(try workspace.verify().problems == [], "\(what)")
        #expect(try workspace.verify(archive: archivePath) == [], "\(what)")
    }
}
