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
        /// Found, and what waited in the outbox can't be read from the file any more.
        case unreadable
    }

    let schema = Schema.sample
    private let clock = ManualClock()
    private var members: [Member] = []
    private var sealed: Set<ChangeSetID> = []
    private var changeSets: [ChangeSet] = []
    private var expected: [RecordContent] = []

    private static let server = "server/workspace.sqlite"
    private static let files = [server, "a/replica.sqlite", "b/replica.sqlite"]
    /// Edits that no digest covers: this one is not sealed when its file rots.
    private static let unsealed = record(900)
    private static let later = record(901)

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
    }

    // MARK: Before anything rots

    private func make(_ random: inout SeededGenerator) throws {
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

    private func edit(_ replica: Replica, _ index: Int, _ assignment: String) throws {
        try replica.write { db in
            try db.execute(
                sql: "UPDATE project SET \(assignment) WHERE id = ?",
                arguments: [Self.record(index).description])
        }
    }

    private func clone(_ machine: String, _ workspace: Workspace) throws -> Replica {
        let path = "\(machine)/replica.sqlite"
        _ = try workspace.writeSnapshot(to: path)
        return try Replica.adopt(
            snapshot: path, server: "", member: members[machine == "b" ? 1 : 0].id,
            schema: schema, clock: { [clock] in clock.time }, uptime: Node.uptime())
    }

    private func open(_ machine: String) throws -> Replica {
        try Replica(
            path: "\(machine)/replica.sqlite", schema: schema,
            clock: { [clock] in clock.time }, uptime: Node.uptime())
    }

    /// What the server holds when nothing rots.
    private func control() throws -> [RecordContent] {
        try restore(seed: 0)
        let workspace = try Workspace(path: Self.server, schema: schema)
        let (a, b) = (try open("a"), try open("b"))
        try live(a, b, workspace)
        defer { close(a, b, workspace) }
        return try Self.comparable(workspace.contents())
    }

    private func restore(seed: UInt64) throws {
        for machine in ["server", "a", "b", "r"] { SimulatedMachine(machine).clear() }
        for file in Self.files + ["server/snapshot.sqlite", "server/backup.sqlite"] {
            try SimulatedDisk.copy("kept/\(file)", to: file)
        }
        clock.advance(1_750_000_100_000 - clock.time)
        SimulatedDisk.setTime(clock.time)
        SimulatedDisk.seed(seed)
    }

    private func close(_ a: Replica?, _ b: Replica?, _ workspace: Workspace?) {
        try? a?.close()
        try? b?.close()
        try? workspace?.close()
    }

    // MARK: One case

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

    private func file(_ target: Target) -> String {
        switch target {
        case .replica, .changeSet: "a/replica.sqlite"
        case .server: Self.server
        case .backup: "server/backup.sqlite"
        case .snapshot: "server/snapshot.sqlite"
        }
    }

    private func rot(_ file: String, _ damage: Damage) throws {
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
        switch target {
        case .replica: return try playReplica()
        case .server: return try playServer()
        case .backup: return try playBackup()
        default: return try playSnapshot()
        }
    }

    /// A change set's bytes either can't be read or have another hash.
    private func playChangeSet(_ damage: Damage) throws -> Outcome {
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

    private func playReplica() throws -> Outcome {
        let workspace = try Workspace(path: Self.server, schema: schema)
        let b = try open("b")
        var a: Replica?
        defer { close(a, b, workspace) }
        do {
            let opened = try open("a")
            a = opened
            let mended = try live(opened, b, workspace)
            try compare(workspace, [opened, b])
            return mended ? .healed : .harmless
        } catch  where Self.isTyped(error) {
            try? a?.close()
            return try carryOver(b, workspace)
        }
    }

    /// Syncs all there is to sync; says whether anything had to be put right.
    @discardableResult
    private func live(_ a: Replica, _ b: Replica, _ workspace: Workspace) throws -> Bool {
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
    private func carryOver(_ b: Replica, _ workspace: Workspace) throws -> Outcome {
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

    private func playServer() throws -> Outcome {
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
    private func restoreServer(from backup: String) throws -> Outcome {
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

    private func playBackup() throws -> Outcome {
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
    private func playSnapshot() throws -> Outcome {
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

    // MARK: Syncs and checks

    @discardableResult
    private func sync(
        _ replica: Replica, _ index: Int, _ workspace: Workspace, _ role: Role = .editor
    ) throws -> Bool {
        var run = SyncRun(replica, patience: .seconds(1))
        var action = try run.begin()
        for _ in 0..<200 {
            clock.advance(10)
            switch action {
            case .send(let request):
                let judgement = try workspace.accept(
                    [.init(request: request, member: members[index].id, role: role)],
                    now: clock.time)[0]
                action = try run.received(
                    try workspace.reply(
                        to: request, judgement: judgement, role: role, members: members,
                        membersVersion: 1, now: clock.time))
            case .askForMending(let request):
                action = try run.received(try workspace.mend(request))
            case .giveBack(let request):
                var random = SeededGenerator(state: UInt64(bitPattern: clock.time))
                action = try run.received(
                    try workspace.takeBack(
                        request, now: clock.time, next: .random(using: &random)
                    ).response)
            case .fetchSnapshot:
                let path = "server/fresh.sqlite"
                for suffix in ["", "-wal", "-journal"] { try? SimulatedDisk.delete(path + suffix) }
                _ = try workspace.writeSnapshot(to: path)
                action = try run.startOver(from: path)
            case .wait(let duration):
                clock.advance(duration.milliseconds)
                action = try run.waited()
            case .finish: return run.outcome.mended > 0 || run.outcome.startedOver != nil
            case .fail(let failure): throw Broken(.stuck, "\(replica.path): \(failure)")
            }
        }
        throw Broken(.stuck, "\(replica.path) syncs for ever")
    }

    private static func comparable(_ rows: [RecordContent]) -> [RecordContent] {
        rows.filter {
            $0.collection != CollectionSchema.conflict.name && $0.record != unsealed
                && $0.record != later
        }.sorted { $0.record < $1.record }
    }

    /// Everybody holds what they hold when nothing rots.
    private func compare(_ workspace: Workspace, _ replicas: [Replica]) throws {
        let rows = try Self.comparable(workspace.contents())
        if rows != expected {
            let other = zip(rows, expected).first { $0 != $1 }
            throw Broken(
                .different,
                "the server holds \(other.map { "\($0.0), not \($0.1)" } ?? "\(rows.count) records")"
            )
        }
        try compareBetween(workspace, replicas)
        try checkNothingLost(workspace, replicas)
    }

    private func compareBetween(_ workspace: Workspace, _ replicas: [Replica]) throws {
        let all = try workspace.contents().sorted { $0.record < $1.record }
        for replica in replicas {
            let held = try replica.contents().sorted { $0.record < $1.record }
            guard held == all else {
                let other = zip(held, all).first { $0 != $1 }
                throw Broken(
                    .different,
                    "\(replica.path) holds \(other.map { "\($0.0), not \($0.1)" } ?? "\(held.count) records")"
                )
            }
        }
    }

    private func checkNothingLost(_ workspace: Workspace, _ replicas: [Replica]) throws {
        var kept = Set(
            try workspace.entries(since: 0, byteLimit: .max).map(\.changeSet.id))
        var damaged = 0
        for replica in replicas {
            let quarantine = try replica.quarantine()
            kept.formUnion(quarantine.map(\.changeSet.id))
            damaged += quarantine.count { $0.isDamaged }
        }
        // One that rotted in quarantine is there, is told, and can't be sent.
        let lost = sealed.subtracting(kept)
        guard lost.count <= damaged else { throw Broken(.lost, "\(lost.sorted()) are nowhere") }
    }
}
