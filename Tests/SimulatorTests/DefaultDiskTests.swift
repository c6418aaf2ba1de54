// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingStore
import TingTesting

/// Each in a process of its own, in which every database is on the simulated disk.
@Suite("The simulated disk as SQLite's own")
struct DefaultDiskTests {
    @Test("one seed gives the same bytes twice, with what SQLite draws and dates; another doesn't")
    func sameSeed() async {
        await #expect(processExitsWith: .success) {
            try SimulatedDisk.install(asDefault: true)
            let first = try Self.storm(seed: 7)
            #expect(first.count > 40)
            #expect(try Self.storm(seed: 7) == first)
            #expect(try Self.storm(seed: 8) != first)
        }
    }

    /// The bytes of all files after each of some edits, kills, failures and power cuts.
    private static func storm(seed: UInt64) throws -> [UInt64] {
        SimulatedDisk.reset(seed: seed)
        let machine = SimulatedMachine("m")
        let file = machine.file("a.db")
        var generator = SeededGenerator(seed)
        var hashes: [UInt64] = []
        for round in 0..<10 {
            SimulatedDisk.setTime(1_700_000_000_000 + Int64(round))
            do {
                machine.kill(atCall: .random(in: 40...400, using: &generator))
                machine.fail(call: .random(in: 20...200, using: &generator), code: 10)
                let queue = try DatabaseQueue(path: file)
                defer { try? queue.close() }
                try queue.writeWithoutTransaction { db in
                    try db.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
                    try db.execute(sql: "CREATE TABLE IF NOT EXISTS row (value, time)")
                    for _ in 0..<20 {
                        try db.execute(
                            sql: """
                                INSERT INTO row VALUES
                                (randomblob(900), strftime('%Y-%m-%d %H:%M:%f', 'now'))
                                """)
                        for suffix in ["", "-wal"] {
                            hashes.append(SimulatedDisk.hash(of: file + suffix) ?? 0)
                        }
                    }
                }
            } catch is DatabaseError {}
            if round.isMultiple(of: 2) { try machine.cutPower(seed: seed &+ UInt64(round)) }
            machine.revive()
            for suffix in ["", "-wal"] {
                hashes.append(SimulatedDisk.hash(of: file + suffix) ?? 0)
            }
        }
        return hashes
    }

    @Test("SQLite tells the disk's time")
    func time() async {
        await #expect(processExitsWith: .success) {
            try SimulatedDisk.install(asDefault: true)
            SimulatedDisk.setTime(4_070_908_799_999)
            try DatabaseQueue().read { db in
                let now = try String.fetchOne(
                    db, sql: "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")
                #expect(now == "2098-12-31 23:59:59.999")
            }
        }
    }

    @Test("a workspace and its replicas live on it, and no file of theirs elsewhere")
    func team() async {
        await #expect(processExitsWith: .success) {
            try SimulatedDisk.install(asDefault: true)
            let team = try Team(2)
            try team.replicas[0].write { db in
                try db.execute(sql: "INSERT INTO project (title, code) VALUES ('Wind', 'P-1')")
            }
            try team.sync(0)
            try team.sync(1)
            let title = try team.replicas[1].read { db in
                try String.fetchOne(db, sql: "SELECT title FROM project")
            }
            #expect(title == "Wind")
            let path = team.replicas[1].path
            #expect(SimulatedDisk.exists(path))
            #expect(!FileManager.default.fileExists(atPath: path))
            let none = path + "-none"
            #expect(throws: ReplicaError.notFound(none)) {
                try Replica(path: none, schema: team.schema) { 0 }
            }
        }
    }
}
