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

    // MARK: Kills and power cuts

    @Test("killed at any call of 200 edits, a table in WAL and FULL has every committed row")
    func kill() throws {
        let table = ScriptedTable(machine, seed: 2)
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
                try table.check(unacknowledged: [edit])
            }
        }
        #expect(kills > 1_000)
    }

    @Test("while a machine is killed, nothing of it changes on the disk")
    func killed() throws {
        let table = ScriptedTable(machine, seed: 2)
        try table.open()
        try table.commit(table.nextEdit())
        machine.kill(atCall: 1)
        #expect(throws: DatabaseError.self) { try table.commit(table.nextEdit()) }
        let seen = [table.file, table.file + "-wal"].map(SimulatedDisk.hash)
        table.close()
        #expect([table.file, table.file + "-wal"].map(SimulatedDisk.hash) == seen)
        #expect(machine.isKilled)
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

    @Test("without a sync at each commit, a power cut loses edits and corrupts nothing")
    func normal() throws {
        var lost = 0
        for seed in UInt64(0)..<100 {
            do {
                try cutOnce(journal: "WAL", synchronous: "NORMAL", seed: seed)
            } catch ScriptedTable.Problem.lost { lost += 1 }
        }
        #expect(lost > 5)
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
        try table.check(unacknowledged: edit.map { [$0] } ?? [])
        try table.commit(table.nextEdit())
        table.close()
        try table.open()
        try table.check()
    }

    @Test("the power isn't cut under an open file")
    func busy() throws {
        let table = ScriptedTable(machine, seed: 2)
        try table.open()
        #expect(throws: SimulatedDiskError(code: ResultCode.SQLITE_BUSY.rawValue)) {
            try machine.cutPower(seed: 1)
        }
        table.close()
        try machine.cutPower(seed: 1)
    }

    // MARK: Failures

    @Test(
        "the n-th call fails, for each n: a typed error, nothing half done, and it goes on",
        arguments: [ResultCode.SQLITE_IOERR, .SQLITE_FULL, .SQLITE_CANTOPEN],
        ["WAL", "DELETE"])
    func failures(code: ResultCode, journal: String) throws {
        var seen: Set<Int32> = []
        for call in Int64(1)... {
            SimulatedDisk.reset(seed: UInt64(call))
            let table = ScriptedTable(machine, journal: journal, seed: 3)
            defer { table.close() }
            machine.fail(call: call, code: code.rawValue)
            do { try table.open() } catch let error as DatabaseError {
                seen.insert(error.resultCode.rawValue)
                try table.open()
            }
            for _ in 0..<6 {
                let edit = table.nextEdit()
                do { try table.commit(edit) } catch let error as DatabaseError {
                    seen.insert(error.resultCode.rawValue)
                    try table.check(unacknowledged: [edit])
                    try table.commit(edit)
                }
            }
            table.close()
            let isPast = machine.failuresLeft > 0
            machine.revive()
            try table.open()
            try table.check()
            if isPast { break }
        }
        #expect(seen.contains(code.rawValue))
        let allowed = [code, .SQLITE_CANTOPEN].map(\.rawValue)
        #expect(seen.isSubset(of: allowed))
    }

    @Test(
        "calls fail, then the power: no acknowledged edit is lost", arguments: ["WAL", "TRUNCATE"])
    func failuresThenPowerCut(journal: String) throws {
        for seed in UInt64(0)..<300 {
            SimulatedDisk.reset(seed: seed)
            var generator = SeededGenerator(seed)
            let table = ScriptedTable(machine, journal: journal, seed: seed)
            defer { table.close() }
            try table.open()
            machine.fail(
                call: .random(in: 1...150, using: &generator),
                code: ResultCode.SQLITE_IOERR.rawValue, times: .random(in: 1...3, using: &generator)
            )
            // An edit whose sync failed is rolled back, but whole in the WAL: until another edit is
            // written over it, it may come back when the process ends.
            var unsure: [ScriptedTable.Edit] = []
            func commit(_ edit: ScriptedTable.Edit) -> Bool {
                do {
                    try table.commit(edit)
                    unsure = []
                    return true
                } catch {
                    unsure.append(edit)
                    return false
                }
            }
            for _ in 0..<10 {
                guard !commit(table.nextEdit()) else { continue }
                machine.revive()
                try table.check(unacknowledged: unsure)
            }
            machine.kill(atCall: .random(in: 1...100, using: &generator))
            while !machine.isKilled { _ = commit(table.nextEdit()) }
            table.close()
            try machine.cutPower(seed: seed)
            machine.revive()
            try table.open()
            do { try table.check(unacknowledged: unsure) } catch {
                Issue.record("seed \(seed): \(error)")
            }
        }
    }

    @Test("a full disk refuses edits, keeps what there is, and takes edits again with more room")
    func capacity() throws {
        let table = ScriptedTable(machine, journal: "TRUNCATE", seed: 4)
        try table.open()
        let capacity = machine.used + 4_096
        machine.setCapacity(capacity)
        var refused: DatabaseError?
        for _ in 0..<100 where refused == nil {
            let edit = table.nextEdit()
            do { try table.commit(edit) } catch let error as DatabaseError { refused = error }
            #expect(machine.used <= capacity)
        }
        #expect(refused?.resultCode == .SQLITE_FULL)
        try table.check()
        machine.setCapacity(nil)
        for _ in 0..<10 { try table.commit(table.nextEdit()) }
        try table.check()
    }

    // MARK: Several connections

    @Test(
        "in WAL, a reader keeps its view while another writes, and two writers exclude each other")
    func concurrentWAL() throws {
        let table = ScriptedTable(machine, seed: 5)
        try table.open()
        try table.commit(.init(rows: [(1, "one")]))
        let other = try table.secondConnection()
        try other.inDatabase { db in
            try db.execute(sql: "BEGIN")
            #expect(try String.fetchAll(db, sql: "SELECT value FROM row") == ["one"])
        }
        try table.commit(.init(rows: [(2, "two")]))
        try other.inDatabase { db in
            #expect(try String.fetchAll(db, sql: "SELECT value FROM row") == ["one"])
            #expect(throws: DatabaseError.self) { try db.execute(sql: "DELETE FROM row") }
            try db.execute(sql: "COMMIT; BEGIN IMMEDIATE")
        }
        let edit = ScriptedTable.Edit(rows: [(3, "three")])
        let error = #expect(throws: DatabaseError.self) { try table.commit(edit) }
        #expect(error?.resultCode == .SQLITE_BUSY)
        try other.inDatabase { try $0.execute(sql: "COMMIT") }
        try table.commit(edit)
        try other.close()
        try table.check()
    }

    @Test("with a rollback journal, a reader holds a commit up until it ends")
    func concurrentRollback() throws {
        let table = ScriptedTable(machine, journal: "DELETE", seed: 5)
        try table.open()
        try table.commit(.init(rows: [(1, "one")]))
        let other = try table.secondConnection()
        try other.inDatabase { db in
            try db.execute(sql: "BEGIN")
            #expect(try String.fetchAll(db, sql: "SELECT value FROM row") == ["one"])
        }
        let edit = ScriptedTable.Edit(rows: [(2, "two")])
        let error = #expect(throws: DatabaseError.self) { try table.commit(edit) }
        #expect(error?.resultCode == .SQLITE_BUSY)
        try other.inDatabase { try $0.execute(sql: "COMMIT") }
        try table.commit(edit)
        try other.close()
        try table.check()
    }

    @Test("attached files, temporary files, VACUUM and VACUUM INTO work")
    func statements() throws {
        let queue = try DatabaseQueue(path: SimulatedDisk.uri("m/a.db"))
        try queue.writeWithoutTransaction { db in
            try db.execute(
                sql: """
                    PRAGMA cache_size = 4;
                    CREATE TABLE row (value BLOB);
                    INSERT INTO row WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL
                      SELECT i + 1 FROM n WHERE i < 200) SELECT randomblob(2000) FROM n;
                    CREATE INDEX row_value ON row(value);
                    CREATE TEMP TABLE copy AS SELECT * FROM row ORDER BY value;
                    ATTACH 'm/b.db' AS other;
                    BEGIN;
                    CREATE TABLE other.row AS SELECT * FROM row LIMIT 100;
                    DELETE FROM main.row WHERE rowid > 50;
                    COMMIT;
                    DETACH other;
                    VACUUM;
                    VACUUM INTO 'm/c.db';
                    """)
            #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM copy") == 200)
        }
        try queue.close()
        for (file, rows) in [("m/a.db", 50), ("m/b.db", 100), ("m/c.db", 50)] {
            let queue = try DatabaseQueue(path: SimulatedDisk.uri(file))
            try queue.read { db in
                let count = try Int.fetchOne(db, sql: "SELECT count(*) FROM row")
                let problem = try String.fetchOne(db, sql: "PRAGMA integrity_check")
                #expect((count, problem) == (rows, "ok"))
            }
            try queue.close()
        }
        let sizes = ["m/a.db", "m/b.db", "m/c.db"].compactMap(SimulatedDisk.size)
        #expect(machine.used == sizes.reduce(0, +), "no temporary file is left")
    }

    @Test("a temporary file belongs to the machine whose transaction needs it")
    func temporaryFiles() throws {
        let queues = try ["m/a.db", "full/b.db"].map {
            try DatabaseQueue(path: SimulatedDisk.uri($0))
        }
        for queue in queues {
            try queue.writeWithoutTransaction { db in
                try db.execute(
                    sql: """
                        PRAGMA journal_mode = WAL;
                        CREATE TABLE row (value BLOB);
                        INSERT INTO row WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL
                          SELECT i + 1 FROM n WHERE i < 200) SELECT randomblob(2000) FROM n;
                        """)
            }
        }
        SimulatedMachine("full").setCapacity(0)
        // The other machine is used last, and what the first one changes is in its memory.
        #expect(throws: DatabaseError.self) {
            try queues[1].write { try $0.execute(sql: "DELETE FROM row") }
        }
        try queues[0].write { db in
            try db.execute(sql: "SAVEPOINT one; UPDATE row SET value = randomblob(2000)")
            try db.execute(sql: "ROLLBACK TO one")
        }
        for queue in queues { try queue.close() }
    }
}
