// SPDX-License-Identifier: Apache-2.0

import CSQLite
import Foundation
import GRDB
import TingClient
import TingCore
import TingStore

/// P5: the bytes of a sync of scattered edits, TLS included, to `gzip -6` of SQLite's own patchset
/// of them; and what is sent when there is nothing new.
struct WireBytes: Metric {
    static let name = "P5"
    static let about = "bytes on the wire for 1,000 scattered one-field edits"
    static let quietLimit = 400.0

    func run(_ bench: Bench) async throws -> Result {
        let served = try await bench.served()
        let proxy = try await Proxy(to: served.server.address.port)
        let count = min(1_000, served.tasks.count)
        var patch = try Patch(served.replica, served.tasks)
        var sizes: [Double] = []
        var up: [(ours: Double, limit: Double)] = []
        var quiet: [(ours: Double, limit: Double)] = []
        for round in 0..<bench.options.pairs {
            let edits = patch.edits(count, round)
            sizes.append(try patch.size(of: edits))
            try edit(served.replica, edits)
            up.append((try await bytes(served, proxy), sizes[round]))
            quiet.append((try await bytes(served, proxy, warm: true), Self.quietLimit))
        }
        await proxy.close()
        return try Result(
            Self.name,
            [
                Pairs.part(
                    "push of \(count) edits, both directions, new connection",
                    .cost(unit: "bytes"), up),
                Pairs.part(
                    "nothing new, open connection (limit: 400)", .cost(unit: "bytes"), quiet),
            ], moreIsBetter: false)
    }

    private func edit(_ replica: Replica, _ edits: [Patch.Edit]) throws {
        try replica.write { db in
            for edit in edits {
                try db.cachedStatement(sql: "UPDATE task SET title = ? WHERE id = ?")
                    .execute(arguments: [edit.title, edit.id])
            }
        }
    }

    /// Bytes of both directions in one sync; `warm` counts a second one on the same connection.
    private func bytes(_ served: ServedWorkspace, _ proxy: Proxy, warm: Bool = false)
        async throws -> Double
    {
        let connection = try served.writer.connection(through: proxy.port)
        var before = proxy.count
        for _ in 0..<(warm ? 2 : 1) {
            before = proxy.count
            _ = try await SyncSession(served.replica, over: connection, now: wallClock).run()
        }
        let after = proxy.count
        await connection.close()
        return Double(after - before)
    }
}

/// SQLite's own patchset of edits, made by the session extension on a copy of the file.
struct Patch {
    struct Edit {
        var id: String
        var title: String
    }

    private let database: RawDatabase
    private let tasks: [RecordID]
    private var records = PlanningRecords(seed: 5)

    init(_ replica: Replica, _ tasks: [RecordID]) throws {
        let path = Scratch.file("patched")
        try RawDatabase(replica.path).execute("VACUUM INTO '\(path)'")
        database = try RawDatabase(path)
        try database.dropTriggers()
        self.tasks = tasks
    }

    /// New titles for tasks all over the file.
    mutating func edits(_ count: Int, _ round: Int) -> [Edit] {
        let step = max(1, tasks.count / count)
        return (0..<count).map { place in
            let record = records.task()
            return Edit(
                id: tasks[(place * step + round) % tasks.count].description,
                title: record.values["title"]?.text ?? "")
        }
    }

    /// Bytes of the patchset after `gzip -6`.
    func size(of edits: [Edit]) throws -> Double {
        var session: OpaquePointer?
        guard sqlite3session_create(database.handle, "main", &session) == SQLITE_OK,
            sqlite3session_attach(session, "task") == SQLITE_OK
        else { throw BenchError("this SQLite has no session extension") }
        defer { sqlite3session_delete(session) }
        let statement = try database.prepare("UPDATE task SET title = ? WHERE id = ?")
        try database.execute("BEGIN")
        for edit in edits { try statement.run(RawRow([.text(edit.title), .text(edit.id)])) }
        try database.execute("COMMIT")
        var count: Int32 = 0
        var bytes: UnsafeMutableRawPointer?
        guard sqlite3session_patchset(session, &count, &bytes) == SQLITE_OK, let bytes else {
            throw BenchError("the patchset could not be made")
        }
        defer { sqlite3_free(bytes) }
        let file = Scratch.file("patchset")
        let packed = Scratch.file("packed")
        defer {
            for path in [file, packed] { unlink(path) }
        }
        try Data(bytes: bytes, count: Int(count)).write(to: URL(fileURLWithPath: file))
        try Program.system("gzip").run(["-6", "-n", "-c"], output: packed, input: file)
        let size = try FileManager.default.attributesOfItem(atPath: packed)[.size] as? Int
        return Double(size ?? 0)
    }
}
