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
    let serverClock: MachineClock
    let serverDisk = SimulatedMachine(World.serverMachine)
    let bug: PlantedBug?
    var trace: Trace
    var nodes: [Node] = []
    var workspace: Workspace?
    let serverHealth = Health()
    var oracle: Oracle
    var random: SeededGenerator
    var hasFaults = true
    var counts = Counts()
    /// What had been decided each time that all held the same.
    private(set) var outcomes: [[String]] = []
    private var events: [Event] = []
    private var eventCount = 0

    // MARK: What must not get lost
    /// Every change set ever sealed. A copied draft may be sealed twice, with other contents.
    var sealed: Set<ChangeSetID> = []
    var sealedHashes: Set<Hash> = []
    /// Those that the server said it accepted.
    var acknowledged: [ChangeSetID: Version] = [:]
    /// Those whose author discarded them, or overwrote the only file that held them.
    var given: Set<ChangeSetID> = []
    /// Those that the server rejected, whether anyone has heard of it or not.
    var rejected: Set<ChangeSetID> = []
    /// From which file each change set was sent first.
    var firstSender: [ChangeSetID: String] = [:]
    /// The model at each history that there ever was, by its digest.
    var states: [Hash: Oracle] = [:]

    // MARK: The server's past
    /// Copies of the server's file, and what the model knew then.
    var serverBackups: [ServerBackup] = []
    /// Whose key the server has; a wiped one begins with another.
    var keyNumber: UInt8 = 0
    /// How often another file took the place of the server's, and whether one was empty.
    var replacements = 0
    var wasWiped = false
    /// Whether an entry that came back is of an epoch that it knows nothing of, or was made on one: who
    /// made what comes next may have seen what that doesn't prove here.
    var hasForgottenEpoch = false
    /// Under which key and in which epoch each receipt was given.
    var receipts: [[UInt8]: (key: UInt8, epoch: Epoch)] = [:]
    /// Entries that the server is taking back, and may or may not have when it dies over it.
    var comingBack: GiveBackRequest?
    var lastSnapshot: (path: String, epoch: Epoch, version: Version)?
    var snapshotCount = 0

    let members: [Member]

    static let serverMachine = "server"
    static let workspacePath = "server/workspace.sqlite"

    struct ServerBackup {
        var path: String
        var oracle: Oracle
        var keyNumber: UInt8
    }

    /// How often the things happened that the ledger counts.
    struct Counts: Codable {
        /// Replies that were lost after the server had accepted something.
        var repliesLost = 0
        /// Accepted change sets that were sent again, and those sent by another file than at first.
        var sentAgain = 0
        var sentByCopy = 0
        /// Files that turned out to be copies.
        var copiesFound = 0
        var startOvers = 0
        var givenBack = 0

        mutating func add(_ other: Counts) {
            repliesLost += other.repliesLost
            sentAgain += other.sentAgain
            sentByCopy += other.sentByCopy
            copiesFound += other.copiesFound
            startOvers += other.startOvers
            givenBack += other.givenBack
        }
    }

    struct Event {
        var time: Int64
        var order: Int
        var kind: Kind

        enum Kind {
            case step(Scenario.Step)
            case request(Node, Int, Message)
            case reply(Node, Int, Reply)
            case timeout(Node, Int)
            case wake(Node, Int)
        }
    }

    init(_ scenario: Scenario, bug: PlantedBug? = nil, keepsTrace: Bool = false) throws {
        self.scenario = scenario
        self.bug = bug
        trace = Trace(isKept: keepsTrace)
        var random = SeededGenerator(state: scenario.seed ^ 0x7469_6e67)
        let epoch = Epoch.random(using: &random)
        let steps = scenario.mergeSteps ?? Limits.mergeStepLimit
        oracle = Oracle(schema: schema, epoch: epoch, mergeSteps: steps)
        members = (0..<scenario.members).map { index in
            Member(
                id: .random(using: &random), name: "Member \(index)",
                email: "m\(index)@example.org", role: .editor)
        }
        self.random = random
        serverClock = MachineClock(clock, shift: scenario.serverSkew ?? 0)
        try SimulatedDisk.install(asDefault: true)
        SimulatedDisk.reset(seed: scenario.seed)
        SimulatedDisk.setTime(clock.time)
        workspace = try Workspace.create(
            path: Self.workspacePath, slug: "team", schema: schema, epoch: epoch,
            receiptKey: Self.key(0))
        workspace?.setMergeStepLimit(steps)
        states[.zero] = oracle
        for (index, member) in members.enumerated() {
            let skews = scenario.skews ?? []
            let shift = skews.isEmpty ? 0 : skews[index % skews.count]
            let node = Node("n\(index)", member, MachineClock(clock, shift: shift))
            try clone(node)
            nodes.append(node)
        }
        bug?.prepare(server: serverDisk, replicas: nodes.map(\.disk))
    }

    static func key(_ number: UInt8) -> [UInt8] { (0..<32).map { $0 ^ number } }

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
        try node.open(schema)
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
            outcomes.append(oracle.decisions)
        }
    }

    func schedule(_ time: Int64, _ kind: Event.Kind) {
        eventCount += 1
        let event = Event(time: time, order: eventCount, kind: kind)
        let place =
            events.firstIndex { ($0.time, $0.order) > (event.time, event.order) } ?? events.count
        events.insert(event, at: place)
    }

    func forgetEvents() { events = [] }

    private func handle(_ kind: Event.Kind) throws {
        switch kind {
        case .step(let step): try carryOut(step)
        case .request(let node, let number, let message): try arrive(message, node, number)
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

    // MARK: Chance

    func happens(_ percent: Int) -> Bool {
        hasFaults && Int.random(in: 0..<100, using: &random) < percent
    }

    func delay() -> Int64 {
        Int64.random(in: 1...max(1, scenario.network.delay), using: &random)
    }
}
