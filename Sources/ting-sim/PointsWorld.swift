// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// The server and the replicas of the scripted run, each on a machine of its own.
final class PointsWorld {
    let schema = Schema.sample
    let clock = ManualClock()
    let server = SimulatedMachine("server")
    private(set) var workspace: Workspace?
    private(set) var replicas: [Place: Replica] = [:]
    private(set) var memory = Memory()
    private let members: [Member]

    /// What people remember of the run, whatever happens to machines.
    struct Memory {
        /// Which operation began, to do it again as it was meant.
        var targets: [Int: [String]] = [:]
        /// Change sets that their authors discarded.
        var given: Set<ChangeSetID> = []
        var epochs: [Int: Epoch] = [:]
    }

    static let workspacePath = "server/workspace.sqlite"
    private static let backupPath = "server/backup.sqlite"
    private static let shelf = SimulatedMachine("shelf")
    private static let saved = SimulatedMachine("saved")

    init() throws {
        try SimulatedDisk.install(asDefault: true)
        SimulatedDisk.reset(seed: 1)
        SimulatedDisk.setTime(clock.time)
        var random = SeededGenerator(state: 2)
        members = Place.allCases.map { place in
            Member(
                id: .random(using: &random), name: place.rawValue,
                email: "\(place)@example.org", role: .editor)
        }
        workspace = try Workspace.create(
            path: Self.workspacePath, slug: "team", schema: schema,
            epoch: .random(using: &random), receiptKey: (0..<32).map { UInt8($0) })
        for place in Place.allCases { try clone(place) }
    }

    func machine(_ place: Place) -> SimulatedMachine { SimulatedMachine(place.rawValue) }

    func path(_ place: Place) -> String { "\(place)/replica.sqlite" }

    private func member(_ place: Place) -> Member {
        members[Place.allCases.firstIndex(of: place) ?? 0]
    }

    // MARK: Machines

    func open(_ place: Place) throws {
        replicas[place] = try Replica(
            path: path(place), schema: schema, clock: { [clock] in clock.time },
            uptime: Node.uptime())
    }

    func openServer() throws { workspace = try Workspace(path: Self.workspacePath, schema: schema) }

    /// Ends a machine's programs; `isKilled` before they can write anything more.
    func close(_ machine: SimulatedMachine, isKilled: Bool) {
        if isKilled { machine.kill(atCall: 1) }
        // A first call meets the kill: closing alone need not make one.
        if machine == server {
            try? workspace?.close()
            workspace = nil
        }
        guard let place = Place(rawValue: machine.name) else { return }
        try? replicas[place]?.close()
        replicas[place] = nil
    }

    func start(_ machine: SimulatedMachine) throws {
        machine.revive()
        if machine == server { try openServer() }
        if let place = Place(rawValue: machine.name) { try open(place) }
    }

    /// Whether the machine's program ended itself over a failure.
    func isDown(_ machine: SimulatedMachine) -> Bool {
        if machine == server { return workspace == nil }
        return Place(rawValue: machine.name).map { replicas[$0] == nil } ?? false
    }

    var machines: [SimulatedMachine] { [server] + Place.allCases.map(machine) }

    private var files: [String] { Place.allCases.map(path) + [Self.workspacePath] }

    /// Keeps all files and memories as they are now, to come back to.
    func save() throws -> Memory {
        Self.saved.clear()
        for file in files + ["shelf/backup.sqlite"] where SimulatedDisk.exists(file) {
            try SimulatedDisk.copy(file, to: "saved/\(file)")
        }
        return memory
    }

    /// Comes back to what was saved, with every machine started anew.
    func comeBack(to memory: Memory) throws {
        self.memory = memory
        for machine in machines {
            close(machine, isKilled: true)
            machine.revive()
            machine.clear()
        }
        Self.shelf.clear()
        for file in files + ["shelf/backup.sqlite"] where SimulatedDisk.exists("saved/\(file)") {
            try SimulatedDisk.copy("saved/\(file)", to: file)
        }
        for machine in machines { try start(machine) }
    }

    // MARK: Operations

    /// Does an operation of the script, at its own time.
    func perform(_ operation: ScriptedOperation, _ index: Int) throws {
        clock.advance(1_750_000_000_000 + Int64(index) * 60_000 - clock.time)
        SimulatedDisk.setTime(clock.time)
        SimulatedDisk.seed(UInt64(index) &* 0x9e37_79b9_7f4a_7c15 | 1)
        switch operation {
        case .edit(let place, let sql): try replica(place).write { try $0.execute(sql: sql) }
        case .foreign(let place, let sql):
            let shell = try DatabaseQueue(path: path(place))
            defer { try? shell.close() }
            try shell.writeWithoutTransaction { try $0.execute(sql: sql) }
        case .delete(let place, let record):
            let replica = try replica(place)
            try replica.write { _ = try replica.delete($0, "project", record) }
        case .restore(let place, let record):
            let replica = try replica(place)
            try replica.write { _ = try replica.restore($0, "project", record) }
        case .seal(let place): try replica(place).seal()
        case .sync(let place, let role): try sync(place, role, index)
        case .settle(let place, let takes): try settle(place, takes: takes, index)
        case .retryQuarantine(let place):
            let replica = try replica(place)
            try replica.retryQuarantine(replica.quarantine().map(\.changeSet.id))
        case .discardQuarantine(let place):
            let replica = try replica(place)
            let ids = try replica.quarantine().map(\.changeSet.id)
            memory.given.formUnion(ids)
            try replica.discardQuarantine(ids)
        case .discardOutbox(let place): try discardOutbox(place, index)
        case .search(let place): _ = try replica(place).search("v")
        case .status(let place): _ = try replica(place).status()
        case .verify(let place): _ = try replica(place).verify()
        case .backUp(let place):
            try? SimulatedDisk.delete("\(place)/backup.sqlite")
            try replica(place).backup(to: "\(place)/backup.sqlite")
        case .clone: try clone(.cloned)
        case .verifyServer: _ = try openWorkspace().verify()
        case .backUpServer:
            try? SimulatedDisk.delete(Self.backupPath)
            try openWorkspace().backup(to: Self.backupPath)
            try SimulatedDisk.copy(Self.backupPath, to: "shelf/backup.sqlite")
        case .startEpoch:
            let next = memory.epochs[index] ?? epoch(index)
            memory.epochs[index] = next
            guard try openWorkspace().epoch != next else { return }
            try openWorkspace().startEpoch(next)
        case .damage(let place):
            try replica(place).tamper { db in
                try db.execute(
                    sql: """
                        UPDATE project SET title = 'rotten' WHERE id = (SELECT min(id) FROM project
                        WHERE id NOT IN (SELECT record FROM ting_shared)
                        AND id NOT IN (SELECT record FROM ting_note))
                        """)
            }
        case .putServerBack:
            close(server, isKilled: false)
            server.clear()
            try SimulatedDisk.copy("shelf/backup.sqlite", to: Self.workspacePath)
            try openServer()
        }
    }

    private func epoch(_ index: Int) -> Epoch {
        var random = SeededGenerator(state: UInt64(bitPattern: Int64(index)))
        return .random(using: &random)
    }

    func replica(_ place: Place) throws -> Replica {
        guard let replica = replicas[place] else { throw Broken(.stuck, "\(place) is down") }
        return replica
    }

    func openWorkspace() throws -> Workspace {
        guard let workspace else { throw Broken(.stuck, "the server is down") }
        return workspace
    }

    private func discardOutbox(_ place: Place, _ index: Int) throws {
        let replica = try replica(place)
        let targets =
            try memory.targets[index]
            ?? replica.outbox().prefix(1).map(\.changeSet.id.description)
        memory.targets[index] = targets
        let ids = targets.compactMap { ChangeSetID($0) }
        memory.given.formUnion(ids)
        try replica.discardOutbox(ids)
    }

    private func settle(_ place: Place, takes: Bool, _ index: Int) throws {
        let replica = try replica(place)
        let open =
            "SELECT id FROM conflict WHERE status = 'open' ORDER BY opened_version, id LIMIT 1"
        let targets =
            try memory.targets[index] ?? replica.read { try String.fetchAll($0, sql: open) }
        memory.targets[index] = targets
        guard let target = targets.first else { return }
        try replica.write { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT collection, record, field, other FROM conflict
                    WHERE id = ? AND status = 'open'
                    """, arguments: [target])
            guard let row, let record = RecordID(row[1] as String) else { return }
            let (collection, field) = (row[0] as String, row[2] as String?)
            if takes, let field, let json = row[3] as String?, let value = Value(json: json) {
                _ = try replica.restore(db, collection, record)
                try db.execute(
                    sql: "UPDATE \"\(collection)\" SET \"\(field)\" = ? WHERE id = ?",
                    arguments: [value.column, record.description])
            } else {
                try replica.keep(db, collection, record, field: field)
            }
            try db.execute(
                sql: "UPDATE conflict SET status = 'settled' WHERE id = ?", arguments: [target])
        }
    }

    /// Makes a replica from a fresh snapshot, in place of one that is there.
    private func clone(_ place: Place) throws {
        let draft = "\(place)/draft.sqlite"
        try snapshot(to: draft)
        let fresh = try Replica.adopt(
            snapshot: draft, server: "", member: member(place).id, schema: schema,
            clock: { [clock] in clock.time }, uptime: Node.uptime())
        try fresh.close()
        close(machine(place), isKilled: false)
        for suffix in ["-wal", "-journal"] { try? SimulatedDisk.delete(path(place) + suffix) }
        try SimulatedDisk.rename(draft, to: path(place))
        try open(place)
    }

    /// Has the server write a snapshot, and downloads it.
    private func snapshot(to target: String) throws {
        let source = "server/snapshot.sqlite"
        for suffix in ["", "-wal", "-journal"] {
            try? SimulatedDisk.delete(source + suffix)
            try? SimulatedDisk.delete(target + suffix)
        }
        _ = try openWorkspace().writeSnapshot(to: source)
        // The server syncs the file before it has a name; a download is synced, too.
        try SimulatedDisk.copy(source, to: target)
    }

    // MARK: Syncs

    private func sync(_ place: Place, _ role: Role, _ index: Int) throws {
        var run = SyncRun(try replica(place), patience: .seconds(3_600))
        var action = try run.begin()
        for _ in 0..<1_000 {
            clock.advance(10)
            switch action {
            case .send(let request):
                action = try answer(&run) { workspace in
                    let judgement = try workspace.accept(
                        [.init(request: request, member: member(place).id, role: role)],
                        now: clock.time)[0]
                    return try workspace.reply(
                        to: request, judgement: judgement, role: role, members: members,
                        membersVersion: 1, now: clock.time)
                } then: {
                    try $0.received($1)
                }
            case .askForMending(let request):
                action = try answer(&run) {
                    try $0.mend(request)
                } then: {
                    try $0.received($1)
                }
            case .giveBack(let request):
                let next = memory.epochs[-index] ?? epoch(-index)
                memory.epochs[-index] = next
                action = try answer(&run) {
                    try $0.takeBack(request, now: clock.time, next: next).response
                } then: {
                    try $0.received($1)
                }
            case .fetchSnapshot:
                let path = "\(place)/snapshot.sqlite"
                try snapshot(to: path)
                action = try run.startOver(from: path)
                try? SimulatedDisk.delete(path)
            case .wait(let duration):
                clock.advance(duration.milliseconds)
                action = try run.waited()
            case .finish: return
            case .fail(let failure): throw Broken(.stuck, "\(place): \(failure)")
            }
        }
        throw Broken(.stuck, "\(place) syncs for ever")
    }

    /// The server's answer; where it failed and lives, the replica hears nothing and asks again.
    private func answer<Reply>(
        _ run: inout SyncRun, _ ask: (Workspace) throws -> Reply,
        then receive: (inout SyncRun, Reply) throws -> SyncRun.Action
    ) throws -> SyncRun.Action {
        let reply: Reply
        do {
            reply = try ask(openWorkspace())
        } catch let error as DatabaseError {
            guard !server.isKilled else { throw error }
            return try run.notAnswered(jitter: 0.5)
        }
        return try receive(&run, reply)
    }
}
