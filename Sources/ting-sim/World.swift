// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// A server and its replicas, all real code, on one manual clock, a simulated line and simulated
/// disks. Plays a scenario, and checks it against the exact model.
final class World {
    let scenario: Scenario
    let schema = Schema.sample
    let clock = ManualClock()
    let serverDisk = SimulatedMachine(World.serverMachine)
    let bug: PlantedBug?
    var trace: Trace
    var nodes: [Node] = []
    var workspace: Workspace?
    let serverHealth = Health()
    var oracle: Oracle
    var random: SeededGenerator
    var hasFaults = true
    private var events: [Event] = []
    private var eventCount = 0

    // MARK: What must not get lost
    /// Every change set ever sealed. A copied draft may be sealed twice, with other contents.
    var sealed: Set<ChangeSetID> = []
    var sealedHashes: Set<Hash> = []
    /// Those that the server said it accepted.
    var acknowledged: [ChangeSetID: Version] = [:]
    var history: Set<ChangeSetID> = []
    /// Those whose author discarded them, or overwrote the only file that held them.
    var given: Set<ChangeSetID> = []

    private(set) var members: [Member] = []

    static let serverMachine = "server"
    static let workspacePath = "server/workspace.sqlite"

    private struct Event {
        var time: Int64
        var order: Int
        var kind: Kind

        enum Kind {
            case step(Scenario.Step)
            case request(Node, Int, SyncRequest)
            case mendRequest(Node, Int, MendRequest)
            case reply(Node, Int, Reply)
            case timeout(Node, Int)
            case wake(Node, Int)
        }
    }

    enum Reply {
        case sync(SyncResponse)
        case mend(MendResponse)
        case refused
    }

    init(_ scenario: Scenario, bug: PlantedBug? = nil, keepsTrace: Bool = false) throws {
        self.scenario = scenario
        self.bug = bug
        trace = Trace(isKept: keepsTrace)
        random = SeededGenerator(state: scenario.seed ^ 0x7469_6e67)
        oracle = Oracle(schema: schema)
        try SimulatedDisk.install(asDefault: true)
        SimulatedDisk.reset(seed: scenario.seed)
        SimulatedDisk.setTime(clock.time)
        let key = (0..<32).map { UInt8($0) }
        workspace = try Workspace.create(
            path: Self.workspacePath, slug: "team", schema: schema,
            epoch: .random(using: &random), receiptKey: key)
        for index in 0..<scenario.members {
            let member = Member(
                id: .random(using: &random), name: "Member \(index)",
                email: "m\(index)@example.org", role: .editor)
            members.append(member)
            let node = Node("n\(index)", member)
            try clone(node)
            nodes.append(node)
        }
        bug?.prepare(server: serverDisk, replicas: nodes.map(\.disk))
    }

    /// Ends every connection, so that the next world starts with none.
    func close() {
        for node in nodes { try? node.replica?.close() }
        try? workspace?.close()
    }

    private func clone(_ node: Node) throws {
        guard let workspace else { return }
        _ = try workspace.writeSnapshot(to: node.path)
        let replica = try Replica.adopt(
            snapshot: node.path, server: "", member: node.member.id, schema: schema,
            clock: { [clock] in clock.time }, uptime: Node.uptime())
        try replica.close()
        try node.open(schema, clock)
    }

    // MARK: Time

    /// Plays every phase; after each the faults stop, and everyone must come to hold the same.
    func play() throws {
        for phase in scenario.phases {
            hasFaults = true
            var time = clock.time
            for step in phase {
                time += step.wait
                schedule(time, .step(step))
            }
            while !events.isEmpty {
                let event = events.removeFirst()
                clock.advance(max(0, event.time - clock.time))
                SimulatedDisk.setTime(clock.time)
                endFullDisks()
                try handle(event.kind)
            }
            try converge()
        }
    }

    private func schedule(_ time: Int64, _ kind: Event.Kind) {
        eventCount += 1
        let event = Event(time: time, order: eventCount, kind: kind)
        let place =
            events.firstIndex { ($0.time, $0.order) > (event.time, event.order) } ?? events.count
        events.insert(event, at: place)
    }

    private func handle(_ kind: Event.Kind) throws {
        switch kind {
        case .step(let step): try carryOut(step)
        case .request(let node, let number, let request):
            guard let reply = try answer(node, request) else { return }
            send(reply, to: node, number)
        case .mendRequest(let node, let number, let request):
            guard let reply = try mend(request) else { return }
            send(reply, to: node, number)
        case .reply(let node, let number, let reply):
            guard number == node.request, node.run != nil else { return }
            try receive(reply, node)
        case .timeout(let node, let number):
            guard number == node.request, node.run != nil else { return }
            try proceed(node) { run, jitter in try run.notAnswered(jitter: jitter) }
        case .wake(let node, let number):
            guard number == node.request, node.run != nil else { return }
            try proceed(node) { run, _ in try run.waited() }
        }
    }

    // MARK: Syncs

    /// Begins a sync, unless one is under way.
    func beginSync(_ node: Node) throws {
        guard let replica = node.replica, node.run == nil else { return }
        node.run = SyncRun(replica, patience: .seconds(8))
        try proceed(node) { run, _ in try run.begin() }
    }

    private func receive(_ reply: Reply, _ node: Node) throws {
        try proceed(node) { run, jitter in
            switch reply {
            case .sync(let response): try run.received(response)
            case .mend(let response): try run.received(response)
            case .refused: try run.notAnswered(jitter: jitter)
            }
        }
        if let bug { try attempt(node) { try bug.afterIntegrating(node, &random) } }
    }

    private func proceed(
        _ node: Node, _ step: (inout SyncRun, Double) throws -> SyncRun.Action
    ) throws {
        node.request += 1
        let number = node.request
        let jitter = Double.random(in: 0..<1, using: &random)
        var action: SyncRun.Action?
        try attempt(node) {
            guard var run = node.run else { return }
            // Kept also when the step throws: what it had come to by then counts.
            defer { node.run = node.run == nil ? nil : run }
            action = try step(&run, jitter)
        }
        guard let action, node.run != nil else {
            node.run = nil
            return
        }
        try observeSealed(node)
        switch action {
        case .send(let request): transmit(request, node, number)
        case .askForMending(let request):
            let delay = Int64.random(in: 1...max(1, scenario.network.delay), using: &random)
            schedule(clock.time + delay, .mendRequest(node, number, request))
            schedule(clock.time + 3_000, .timeout(node, number))
        case .wait(let duration):
            schedule(clock.time + duration.milliseconds, .wake(node, number))
        case .finish: node.run = nil
        case .fail(.notAnswered): node.run = nil
        case .giveBack, .fetchSnapshot:
            throw Broken(.stuck, "\(node.machine) meets another history")
        case .fail(let failure): throw Broken(.stuck, "\(node.machine): \(failure)")
        }
    }

    private func transmit(_ request: SyncRequest, _ node: Node, _ number: Int) {
        var request = request
        request.pageByteLimit = scenario.network.pageByteLimit
        bug?.change(&request, &random)
        schedule(clock.time + 3_000, .timeout(node, number))
        guard node.cutUntil.requests <= clock.time, !happens(scenario.network.requestLoss) else {
            return
        }
        for _ in 0...(happens(scenario.network.duplication) ? 1 : 0) {
            let delay = Int64.random(in: 1...max(1, scenario.network.delay), using: &random)
            schedule(clock.time + delay, .request(node, number, request))
        }
    }

    private func send(_ reply: Reply, to node: Node, _ number: Int) {
        guard node.cutUntil.replies <= clock.time, !happens(scenario.network.replyLoss) else {
            return
        }
        for _ in 0...(happens(scenario.network.duplication) ? 1 : 0) {
            let delay = Int64.random(in: 1...max(1, scenario.network.delay), using: &random)
            schedule(clock.time + delay, .reply(node, number, reply))
        }
    }

    private func happens(_ percent: Int) -> Bool {
        hasFaults && Int.random(in: 0..<100, using: &random) < percent
    }

    // MARK: The server

    /// The server's answer; `nil` where it died over it.
    func answer(_ node: Node, _ request: SyncRequest) throws -> Reply? {
        trace.note(
            "\(clock.time) \(node.machine) asks \(request.base.version) +\(request.deliveries.count)"
        )
        var response: SyncResponse?
        let isAlive = try attemptOnServer { workspace in
            let judgement = try workspace.accept(
                [.init(request: request, member: node.member.id, role: node.role)],
                now: clock.time)[0]
            try bug?.afterAccepting(workspace, &random)
            response = try workspace.reply(
                to: request, judgement: judgement, role: node.role,
                members: request.membersVersion == 0 ? members : nil,
                membersVersion: 1, now: clock.time)
        }
        if isAlive { try observeHistory() }
        guard var response else { return isAlive ? .refused : nil }
        for verdict in response.verdicts {
            trace.note("verdict \(verdict.number) \(verdict.verdict)")
            if let version = verdict.verdict.version { acknowledged[verdict.changeSet] = version }
        }
        bug?.change(&response, &random)
        return .sync(response)
    }

    func mend(_ request: MendRequest) throws -> Reply? {
        var response: MendResponse?
        let isAlive = try attemptOnServer { response = try $0.mend(request) }
        return response.map { .mend($0) } ?? (isAlive ? .refused : nil)
    }

    // MARK: Carrying out under faults

    /// Runs something on a node's machine. A failure that was injected ends the program there; any
    /// other is a fault of ours.
    func attempt(_ node: Node, _ body: () throws -> Void) throws {
        SimulatedDisk.setTime(clock.time + node.shift.time)
        defer { SimulatedDisk.setTime(clock.time) }
        do {
            try body()
        } catch let broken as Broken {
            throw broken
        } catch let invalid as InvalidEdit {
            trace.note("\(node.machine) invalid \(invalid.problem)")
        } catch {
            guard node.health.isFaulty(at: clock.time) else {
                throw Broken(.wrong, "\(node.machine): \(error)")
            }
            trace.note("\(node.machine) failed")
            node.run = nil
            if node.health.isArmed { try restart(node) }
        }
    }

    private func restart(_ node: Node) throws {
        try? node.replica?.close()
        node.replica = nil
        try revive(node.disk, node.health)
        do {
            try node.open(schema, clock)
            _ = try node.replica?.status()
        } catch {
            throw Broken(.lost, "\(node.machine) can't be opened after a crash: \(error)")
        }
        trace.note("\(node.machine) restarted")
    }

    private func revive(_ machine: SimulatedMachine, _ health: Health) throws {
        if health.losesPower { try machine.cutPower(seed: random.next()) }
        machine.revive()
        // Who starts a machine again makes room on its disk first.
        machine.setCapacity(nil)
        (health.isArmed, health.losesPower, health.fullUntil) = (false, false, 0)
    }

    /// Whether the server lives after it.
    @discardableResult
    func attemptOnServer(_ body: (Workspace) throws -> Void) throws -> Bool {
        SimulatedDisk.setTime(clock.time)
        do {
            guard let workspace else { return false }
            try body(workspace)
            return true
        } catch let broken as Broken {
            throw broken
        } catch {
            guard serverHealth.isFaulty(at: clock.time) else {
                throw Broken(.wrong, "server: \(error)")
            }
            trace.note("server failed")
            guard serverHealth.isArmed else { return true }
            try restartServer()
            return false
        }
    }

    private func restartServer() throws {
        try? workspace?.close()
        workspace = nil
        try revive(serverDisk, serverHealth)
        do {
            workspace = try Workspace(path: Self.workspacePath, schema: schema)
            try observeHistory()
        } catch let broken as Broken {
            throw broken
        } catch {
            throw Broken(.lost, "the server's file can't be opened after a crash: \(error)")
        }
        trace.note("server restarted")
        let head = try workspace?.head().version ?? 0
        guard head == oracle.version else {
            throw Broken(
                .lost, "version \(oracle.version) was accepted; after a crash there are \(head)")
        }
    }

    /// Ends all faults: machines start again, disks have room, lines stand.
    func heal() throws {
        hasFaults = false
        for node in nodes {
            node.cutUntil = (0, 0)
            node.run = nil
            node.request += 1
            node.health.fullUntil = 0
            node.disk.setCapacity(nil)
            if node.health.isArmed { try restart(node) }
        }
        serverHealth.fullUntil = 0
        serverDisk.setCapacity(nil)
        if serverHealth.isArmed { try restartServer() }
        events = []
    }
}
