// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// A server, two replicas and copies of them, whose files rot while nobody has them open.
final class BitrotWorld {
    /// What rots. A snapshot and a backup are whole files whose hash is kept elsewhere; here they
    /// are used although nobody looked at it.
    enum Target: String, CaseIterable {
        case replica, server, backup, snapshot, changeSet
    }

    /// What becomes of the bytes.
    enum Damage {
        case bit(Int64)
        case page(Int64)
        case end(Int64)
    }

    /// How the damage showed.
    enum Outcome: String, CaseIterable {
        /// Everybody holds what they hold without it, and nothing was noticed.
        case harmless
        /// A sync put it right.
        case healed
        /// An error with a type or a digest that differs stopped its use; the outbox was carried
        /// over, and everybody holds what they should.
        case found
        /// A value of an edit that nothing had sealed yet, and nothing else: it is sent as it is read, or
        /// held back where the schema doesn't allow it.
        case unsealed
        /// Found, and what waited in the outbox can't be read from the file any more.
        case unreadable
    }

    let schema = Schema.sample
    let clock = ManualClock()
    var members: [Member] = []
    var sealed: Set<ChangeSetID> = []
    var changeSets: [ChangeSet] = []
    var expected: [RecordContent] = []
    /// The row of the edit that isn't sealed, and whether this case let it rot.
    var unsealedAsWritten: [[DatabaseValue]] = []
    var isUnsealedRotten = false

    static let server = "server/workspace.sqlite"
    static let files = [server, "a/replica.sqlite", "b/replica.sqlite"]
    /// Edits that no digest covers: this one is not sealed when its file rots.
    static let unsealed = record(900)
    static let later = record(901)

    static func record(_ index: Int) -> RecordID {
        RecordID(high: 0x0192_0000_0000_7000, low: 1 << 63 | UInt64(index) &* 0x0101)
    }

    init() throws {
        try SimulatedDisk.install(asDefault: true)
        SimulatedDisk.reset(seed: 7)
        SimulatedDisk.setTime(clock.time)
        var random = SeededGenerator(state: 5)
        members = ["a", "b"].map {
            Member(id: .random(using: &random), name: $0, email: "\($0)@example.org", role: .editor)
        }
        try make(&random)
        expected = try control()
        unsealedAsWritten = try Self.reading("kept/a/replica.sqlite", Self.unsealedRow)
    }

    // MARK: Before anything rots

    func make(_ random: inout SeededGenerator) throws {
        let workspace = try Workspace.create(
            path: Self.server, slug: "team", schema: schema, epoch: .random(using: &random),
            receiptKey: (0..<32).map { UInt8($0) })
        let a = try clone("a", workspace)
        let b = try clone("b", workspace)
        for index in 0..<48 {
            try (index % 3 == 0 ? b : a).write { db in
                try db.execute(
                    sql: """
                        INSERT INTO project (id, title, summary, hours, budget, partners)
                        VALUES (?, ?, ?, ?, ?, '["one","two"]')
                        """,
                    arguments: [
                        Self.record(index).description, "Project \(index)",
                        "A line of project \(index)\nand another", index, index * 100,
                    ])
            }
            if index % 8 == 7 { try sync(a, 0, workspace) }
            if index % 8 == 3 { try sync(b, 1, workspace) }
        }
        try sync(b, 1, workspace)
        try edit(b, 3, "title = 'By b'")
        try edit(b, 4, "summary = 'By b'")
        try sync(b, 1, workspace)
        try a.write { _ = try a.delete($0, "project", Self.record(40)) }
        for index in 5..<8 { try edit(a, index, "hours = hours + 1, title = 'Rejected'") }
        try sync(a, 0, workspace, .viewer)
        for index in 0..<10 {
            try edit(a, index + 20, "hours = hours + 2, title = 'Waits \(index)'")
        }
        try edit(a, 3, "title = 'By a', summary = 'By a'")
        try edit(a, 24, "title = 'Waits again', partners = '[\"one\",\"three\"]'")
        try a.write { _ = try a.delete($0, "project", Self.record(41)) }
        try a.seal()
        changeSets = try a.outbox().map(\.changeSet)
        sealed = Set(try (a.outbox().map(\.changeSet) + a.quarantine().map(\.changeSet)).map(\.id))
        let shell = try DatabaseQueue(path: "a/replica.sqlite")
        try shell.writeWithoutTransaction { db in
            try db.execute(
                sql: "INSERT INTO project (id, title) VALUES (?, 'Unsealed')",
                arguments: [Self.unsealed.description])
        }
        try shell.close()
        _ = try workspace.writeSnapshot(to: "server/snapshot.sqlite")
        try workspace.backup(to: "server/backup.sqlite")
        try a.close()
        try b.close()
        try workspace.close()
        for file in Self.files + ["server/snapshot.sqlite", "server/backup.sqlite"] {
            try SimulatedDisk.copy(file, to: "kept/\(file)")
        }
    }

    func edit(_ replica: Replica, _ index: Int, _ assignment: String) throws {
        try replica.write { db in
            try db.execute(
                sql: "UPDATE project SET \(assignment) WHERE id = ?",
                arguments: [Self.record(index).description])
        }
    }

    func clone(_ machine: String, _ workspace: Workspace) throws -> Replica {
        let path = "\(machine)/replica.sqlite"
        _ = try workspace.writeSnapshot(to: path)
        return try Replica.adopt(
            snapshot: path, server: "", member: members[machine == "b" ? 1 : 0].id,
            schema: schema, clock: { [clock] in clock.time }, uptime: Node.uptime())
    }

    func open(_ machine: String) throws -> Replica {
        try Replica(
            path: "\(machine)/replica.sqlite", schema: schema,
            clock: { [clock] in clock.time }, uptime: Node.uptime())
    }

    /// What the server holds when nothing rots.
    func control() throws -> [RecordContent] {
        try restore(seed: 0)
        let workspace = try Workspace(path: Self.server, schema: schema)
        let (a, b) = (try open("a"), try open("b"))
        try live(a, b, workspace)
        defer { close(a, b, workspace) }
        return try Self.comparable(workspace.contents())
    }

    func restore(seed: UInt64) throws {
        for machine in ["server", "a", "b", "r"] { SimulatedMachine(machine).clear() }
        for file in Self.files + ["server/snapshot.sqlite", "server/backup.sqlite"] {
            try SimulatedDisk.copy("kept/\(file)", to: file)
        }
        clock.advance(1_750_000_100_000 - clock.time)
        SimulatedDisk.setTime(clock.time)
        SimulatedDisk.seed(seed)
    }

    func close(_ a: Replica?, _ b: Replica?, _ workspace: Workspace?) {
        try? a?.close()
        try? b?.close()
        try? workspace?.close()
    }
}
