// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingTesting

/// A table on the simulated disk, the edits of a script, and what the table must hold.
///
/// An edit that was acknowledged must be there; one that threw may be there as a whole or not.
final class ScriptedTable {
    enum Problem: Error {
        case lost(expected: String, found: String)
        case corrupt([String])
    }

    let machine: SimulatedMachine
    let journal: String
    let synchronous: String
    private(set) var queue: DatabaseQueue?
    private(set) var rows: [Int: String] = [:]
    private var generator: SeededGenerator

    var file: String { machine.file("table.db") }

    init(
        _ machine: SimulatedMachine, journal: String = "WAL", synchronous: String = "FULL",
        seed: UInt64
    ) {
        self.machine = machine
        self.journal = journal
        self.synchronous = synchronous
        generator = SeededGenerator(seed)
    }

    /// The same table on another machine, which must hold the same rows.
    convenience init(_ machine: SimulatedMachine, copying other: ScriptedTable) {
        self.init(machine, journal: other.journal, synchronous: other.synchronous, seed: 0)
        rows = other.rows
    }

    func open() throws {
        var configuration = Configuration()
        configuration.prepareDatabase { [journal, synchronous] db in
            try db.execute(
                sql: """
                    PRAGMA page_size = 512;
                    PRAGMA journal_mode = \(journal);
                    PRAGMA synchronous = \(synchronous);
                    PRAGMA wal_autocheckpoint = 16;
                    PRAGMA cache_size = 8;
                    CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, value TEXT) STRICT;
                    CREATE INDEX IF NOT EXISTS row_value ON row(value);
                    """)
        }
        queue = try DatabaseQueue(path: SimulatedDisk.uri(file), configuration: configuration)
    }

    /// Another connection, which may leave a transaction open.
    func secondConnection() throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        return try DatabaseQueue(path: SimulatedDisk.uri(file), configuration: configuration)
    }

    func close() {
        // A close that fails has closed: SQLite keeps no handle on a dead disk.
        try? queue?.close()
        queue = nil
    }

    /// One transaction of a few rows.
    struct Edit {
        var rows: [(id: Int, value: String?)]
    }

    func nextEdit() -> Edit {
        let count = Int.random(in: 1...2, using: &generator)
        return Edit(
            rows: (0..<count).map { _ in
                let id = Int.random(in: 0..<16, using: &generator)
                guard Int.random(in: 0..<4, using: &generator) > 0 else { return (id, nil) }
                let mark = String(UInt64.random(in: .min ... .max, using: &generator), radix: 36)
                let length = Int.random(in: 1...8, using: &generator)
                return (id, String(repeating: mark, count: length))
            })
    }

    /// - Throws: What SQLite says, when the edit is not acknowledged.
    func commit(_ edit: Edit) throws {
        guard let queue else { return }
        try queue.inTransaction(.immediate) { db in
            let upsert = try db.cachedStatement(
                sql: """
                    INSERT INTO row VALUES (?, ?)
                    ON CONFLICT (id) DO UPDATE SET value = excluded.value
                    """)
            let delete = try db.cachedStatement(sql: "DELETE FROM row WHERE id = ?")
            for (id, value) in edit.rows {
                if let value {
                    try upsert.execute(arguments: [id, value])
                } else {
                    try delete.execute(arguments: [id])
                }
            }
            return .commit
        }
        rows = applied(edit)
    }

    /// Reads the table, and takes it as the truth about edits that threw: one of them may be there.
    /// - Throws: `Problem`, when an acknowledged edit is gone or the file is corrupt.
    func check(unacknowledged edits: [Edit] = []) throws {
        guard let queue else { return }
        let (found, problems) = try queue.read { db in
            (
                try String.fetchOne(
                    db,
                    sql: """
                        SELECT group_concat(id || '=' || value)
                        FROM (SELECT * FROM row ORDER BY id)
                        """) ?? "",
                try String.fetchAll(db, sql: "PRAGMA integrity_check")
            )
        }
        guard problems == ["ok"] else { throw Problem.corrupt(problems) }
        if let there = ([rows] + edits.map(applied)).first(where: { Self.text($0) == found }) {
            rows = there
        } else {
            throw Problem.lost(expected: Self.text(rows), found: found)
        }
    }

    private func applied(_ edit: Edit) -> [Int: String] {
        edit.rows.reduce(into: rows) { $0[$1.id] = $1.value }
    }

    private static func text(_ rows: [Int: String]) -> String {
        rows.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
}

/// Numbers that a seed repeats (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
