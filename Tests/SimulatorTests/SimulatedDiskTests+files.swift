// SPDX-License-Identifier: Apache-2.0

import Testing
import TingTesting

/// Files as a whole: copied, renamed, turned.
extension SimulatedDiskTests {
    @Test("a copy has what was committed, its WAL included, and outlasts a power cut")
    func copy() throws {
        let table = ScriptedTable(machine, seed: 6)
        try table.open()
        for _ in 0..<3 { try table.commit(table.nextEdit()) }
        let twin = ScriptedTable(SimulatedMachine("n"), copying: table)
        try SimulatedDisk.copy(table.file, to: twin.file)
        #expect(SimulatedDisk.exists(twin.file + "-wal"))
        try twin.machine.cutPower(seed: 1)
        try twin.open()
        try twin.check()
        twin.close()
        table.close()
        // Replaces a WAL by none.
        try table.open()
        try table.commit(table.nextEdit())
        try SimulatedDisk.copy(table.file, to: twin.file)
        table.close()
        try SimulatedDisk.copy(table.file, to: twin.file)
        #expect(!SimulatedDisk.exists(twin.file + "-wal"))
    }

    @Test("a file that got another name is found under that only, also after a power cut")
    func rename() throws {
        let table = ScriptedTable(machine, seed: 6)
        try table.open()
        try table.commit(table.nextEdit())
        table.close()
        let hash = SimulatedDisk.hash(of: table.file)
        try SimulatedDisk.rename(table.file, to: "m/aside.db")
        try machine.cutPower(seed: 1)
        #expect(!SimulatedDisk.exists(table.file))
        #expect(SimulatedDisk.hash(of: "m/aside.db") == hash)
    }

    @Test("what isn't there can't be copied, renamed, deleted, turned or measured")
    func missing() throws {
        let notFound = SimulatedDiskError(code: 12)
        #expect(throws: notFound) { try SimulatedDisk.copy("m/none", to: "m/other") }
        #expect(throws: notFound) { try SimulatedDisk.rename("m/none", to: "m/other") }
        #expect(throws: notFound) { try SimulatedDisk.delete("m/none") }
        #expect(throws: notFound) { try SimulatedDisk.flip(bit: 0, of: "m/none") }
        #expect(SimulatedDisk.size(of: "m/none") == nil)
        #expect(SimulatedDisk.hash(of: "m/none") == nil)
    }

    @Test("a bit that turned is found: the bytes differ, and the rows do or the file is corrupt")
    func bitRot() throws {
        let table = ScriptedTable(machine, seed: 7)
        try table.open()
        for _ in 0..<20 { try table.commit(table.nextEdit()) }
        table.close()
        let size = try #require(SimulatedDisk.size(of: table.file))
        let whole = try #require(SimulatedDisk.hash(of: table.file))
        var generator = SeededGenerator(7)
        var found = 0
        for _ in 0..<200 {
            let bit = Int64.random(in: 0..<size * 8, using: &generator)
            try SimulatedDisk.flip(bit: bit, of: table.file)
            #expect(SimulatedDisk.hash(of: table.file) != whole)
            try SimulatedDisk.copy(table.file, to: "m/whole.db")
            do {
                try table.open()
                try table.check()
            } catch { found += 1 }
            table.close()
            try SimulatedDisk.copy("m/whole.db", to: table.file)
            try SimulatedDisk.flip(bit: bit, of: table.file)
            #expect(SimulatedDisk.hash(of: table.file) == whole)
        }
        // The others hit free space, which no row owns.
        #expect(found > 50)
    }

    @Test("files that are open over a reset go on, and nobody else sees them")
    func resetUnderway() throws {
        let table = ScriptedTable(machine, seed: 8)
        try table.open()
        try table.commit(table.nextEdit())
        SimulatedDisk.reset(seed: 1)
        #expect(!SimulatedDisk.exists(table.file))
        #expect(machine.calls == 0)
        try table.check()
        table.close()
        #expect(machine.used == 0)
    }
}
