// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// The one thing that rots unseen: a value that another tool wrote, before anything seals it. Until
/// then the file holds it once, without a hash.
extension BitrotWorld {
    /// Whether a replica's damage is a value of that edit, and nothing else: SQLite finds the file whole,
    /// and every row of every table is as it was written, but for one column of that one row.
    func isUnsealedValue(_ damage: Damage) throws -> Bool {
        guard case .bit = damage else { return false }
        try SimulatedDisk.copy(file(.replica), to: "look/rotten.sqlite")
        guard let rotten = try? Self.reading("look/rotten.sqlite", Self.unsealedRow),
            rotten != unsealedAsWritten, rotten.count == 1, unsealedAsWritten.count == 1
        else { return false }
        let columns = zip(rotten[0], unsealedAsWritten[0]).filter { $0 != $1 }
        guard columns.count == 1,
            let all = try? Self.reading("look/rotten.sqlite", Self.allRows)
        else { return false }
        let written = try Self.reading("kept/" + file(.replica), Self.allRows)
        let places = Set(all.keys).union(written.keys).filter { all[$0] != written[$0] }
        guard places == ["project"], let now = all["project"], let before = written["project"]
        else { return false }
        return Set(now).subtracting(before) == Set(rotten)
            && Set(before).subtracting(now) == Set(unsealedAsWritten)
            && now.count == before.count
    }

    /// What became of it: it is held back and told, where the schema doesn't allow it, or everybody
    /// holds it as it was read. Nobody else holds anything else of it.
    func checkUnsealed(_ workspace: Workspace, _ replicas: [Replica]) throws {
        let sent = try workspace.contents().first { $0.record == Self.unsealed }
        for replica in replicas {
            let shown = try replica.contents().first { $0.record == Self.unsealed }
            if sent == shown { continue }
            let told = try replica.seal().contains { $0.record == Self.unsealed.description }
            guard sent == nil, told else {
                throw Broken(.different, "\(replica.path) holds \(shown.map { "\($0)" } ?? "none")")
            }
        }
    }

    static func unsealedRow(_ db: Database) throws -> [[DatabaseValue]] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM project NOT INDEXED WHERE id = ?",
            arguments: [unsealed.description]
        ).map { Array($0.databaseValues) }
    }

    /// The rows of every table by its name; of the definitions by an empty one.
    private static func allRows(_ db: Database) throws -> [String: [[DatabaseValue]]] {
        guard try String.fetchAll(db, sql: "PRAGMA integrity_check") == ["ok"] else { return [:] }
        let tables = try String.fetchAll(
            db, sql: "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0")
        var rows = ["": try values(db, "sqlite_schema")]
        for table in tables { rows[table] = try values(db, table) }
        return rows
    }

    private static func values(_ db: Database, _ table: String) throws -> [[DatabaseValue]] {
        try Row.fetchAll(db, sql: "SELECT * FROM \"\(table)\" NOT INDEXED")
            .map { Array($0.databaseValues) }
    }

    static func reading<T>(_ path: String, _ body: (Database) throws -> T) throws -> T {
        let queue = try DatabaseQueue(path: path)
        defer { try? queue.close() }
        return try queue.read(body)
    }
}
