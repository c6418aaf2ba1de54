// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingTesting

/// The disk is one a process, so its tests take turns; it isn't the default here, because other
/// suites of this process have real files.
@Suite("The simulated disk", .serialized)
struct SimulatedDiskTests {
    let machine = SimulatedMachine("m")

    init() throws {
        try SimulatedDisk.install(asDefault: false)
        SimulatedDisk.reset(seed: 1)
    }

    @Test("killed at any call of 200 edits, a table in WAL and FULL has every committed row")
    func kill() throws {
        let table = ScriptedTable(machine, journal: "WAL", synchronous: "FULL", seed: 2)
        try table.open()
        var kills = 0
        for _ in 0..<200 {
            let edit = table.nextEdit()
            for call in Int64(1)... {
                machine.kill(atCall: call)
                do {
                    try table.commit(edit)
                    machine.revive()
                    break
                } catch is DatabaseError {}
                kills += 1
                table.close()
                machine.revive()
                try table.open()
                try table.check(unacknowledged: edit)
            }
        }
        #expect(kills > 1_000)
    }

    @Test(
        "power cut anywhere: no committed edit is lost, and nothing is corrupt",
        arguments: [
            ("WAL", "FULL"), ("DELETE", "EXTRA"), ("TRUNCATE", "FULL"), ("PERSIST", "FULL"),
        ])
    func powerCut(journal: String, synchronous: String) throws {
        for seed in UInt64(0)..<300 {
            do {
                try cutOnce(journal: journal, synchronous: synchronous, seed: seed)
            } catch {
                Issue.record("seed \(seed): \(error)")
            }
        }
    }

    @Test("a disk that ignores sync loses committed edits, and the check sees it")
    func ignoredSync() throws {
        let lost = (UInt64(0)..<40).filter { seed in
            do {
                try cutOnce(journal: "WAL", synchronous: "FULL", seed: seed, ignoringSync: true)
                return false
            } catch { return true }
        }
        #expect(lost.count > 5)
    }

    /// Edits until the power goes, then looks, edits on and looks again.
    private func cutOnce(
        journal: String, synchronous: String, seed: UInt64, ignoringSync: Bool = false
    ) throws {
        SimulatedDisk.reset(seed: seed)
        machine.ignoreSync(ignoringSync)
        var generator = SeededGenerator(seed)
        let table = ScriptedTable(
            machine, journal: journal, synchronous: synchronous, seed: seed)
        defer { table.close() }
        var edit: ScriptedTable.Edit?
        machine.kill(atCall: .random(in: 1...240, using: &generator))
        do {
            try table.open()
            for _ in 0..<30 {
                edit = table.nextEdit()
                if let edit { try table.commit(edit) }
                edit = nil
            }
        } catch is DatabaseError {}
        machine.kill(atCall: 1)
        table.close()
        try machine.cutPower(seed: seed)
        machine.revive()
        try table.open()
        try table.check(unacknowledged: edit)
        try table.commit(table.nextEdit())
        table.close()
        try table.open()
        try table.check()
    }
}
