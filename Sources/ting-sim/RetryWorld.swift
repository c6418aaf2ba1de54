// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore
import TingTesting

/// A server whose replies get lost after its commits, and members who send again, also from copies
/// of their files and from restored backups.
///
/// Every change set makes a record of its own and adds one to a counter that all share: what is
/// accepted twice makes the counter run ahead of the records.
final class RetryWorld {
    /// What happened, added up.
    struct Counts {
        /// Replies that were lost after the commit of at least one change set.
        var repliesLost = 0
        /// Change sets that came to the server once more after they had been accepted.
        var sentAgain = 0
        /// Replies that came after the request had been sent again.
        var repliesLate = 0
        var copies = 0
        var restored = 0
        /// Files that found out that they are copies, and took a new replica id.
        var renamed = 0
    }

    /// One file of one member.
    private final class Place {
        let machine: String
        let member: Int
        var replica: Replica
        /// How many backups were made.
        var backups = 0
        /// Requests whose replies are still under way.
        var underWay: [(request: SyncRequest, response: SyncResponse)] = []

        init(_ machine: String, _ member: Int, _ replica: Replica) {
            (self.machine, self.member, self.replica) = (machine, member, replica)
        }

        var path: String { "\(machine)/replica.sqlite" }
    }

    private static let placeLimit = 6
    private static let shared = RecordID(high: 0x0192_0000_0000_7000, low: 1 << 63)

    private(set) var counts = Counts()
    private let schema = Schema.sample
    private let clock = ManualClock()
    private let members: [Member]
    private let workspace: Workspace
    private var random: SeededGenerator
    private var places: [Place] = []
    private var accepted: Set<ChangeSetID> = []
    /// Titles of all records ever written, and those that went with a file that was replaced.
    private var written: Set<String> = []
    private var givenUp: Set<String> = []

    init(seed: UInt64) throws {
        try SimulatedDisk.install(asDefault: true)
        SimulatedDisk.reset(seed: seed)
        SimulatedDisk.setTime(clock.time)
        var random = SeededGenerator(state: seed)
        members = (0..<3).map { position in
            Member(
                id: .random(using: &random), name: "\(position)", email: "\(position)@example.org",
                role: .editor)
        }
        workspace = try Workspace.create(
            path: "server/workspace.sqlite", slug: "team", schema: schema,
            epoch: .random(using: &random), receiptKey: (0..<32).map { UInt8($0) })
        self.random = random
        for position in members.indices {
            let machine = "m\(position)"
            _ = try workspace.writeSnapshot(to: "\(machine)/replica.sqlite")
            let replica = try Replica.adopt(
                snapshot: "\(machine)/replica.sqlite", server: "", member: members[position].id,
                schema: schema, clock: { [clock] in clock.time }, uptime: Node.uptime())
            places.append(Place(machine, position, replica))
        }
        try places[0].replica.write { db in
            try db.execute(
                sql: "INSERT INTO project (id, title) VALUES (?, 'shared')",
                arguments: [Self.shared.description])
        }
        for place in places { try settle(place) }
        accepted = []
    }

    /// Plays until so many replies were lost after a commit; then all come together.
    func play(repliesLost wanted: Int) throws -> Counts {
        while counts.repliesLost < wanted {
            let place = places[Int.random(in: places.indices, using: &random)]
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<40: try edit(place)
            case 40..<85: try exchange(place)
            case 85..<92: try late(place)
            case 92..<95: try backUp(place)
            case 95..<98: try restore(place)
            default: try copy(place)
            }
        }
        // One more edit of each: a copy that never writes need not know that it is one.
        for place in places { try edit(place) }
        for _ in 0..<2 { for place in places { try settle(place) } }
        try check()
        for place in places { try place.replica.close() }
        try workspace.close()
        return counts
    }

    // MARK: What happens

    private func edit(_ place: Place) throws {
        clock.advance(1_000)
        SimulatedDisk.setTime(clock.time)
        let title = "\(place.machine) \(written.count)"
        written.insert(title)
        try place.replica.write { db in
            try db.execute(sql: "INSERT INTO project (title) VALUES (?)", arguments: [title])
            try db.execute(
                sql: "UPDATE project SET hours = hours + 1 WHERE id = ?",
                arguments: [Self.shared.description])
        }
    }

    /// One request; its reply comes, comes late, or never.
    private func exchange(_ place: Place) throws {
        var run = SyncRun(place.replica, patience: .seconds(1))
        guard case .send(let request) = try run.begin() else {
            throw Broken(.wrong, "\(place.path) begins without a request")
        }
        let (response, isNew) = try answer(request, to: place)
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4: counts.repliesLost += isNew ? 1 : 0
        case 4..<6: place.underWay.append((request, response))
        default: try finish(&run, place, try received(response, &run))
        }
    }

    /// A reply comes that nobody waits for any more.
    private func late(_ place: Place) throws {
        guard !place.underWay.isEmpty else { return }
        let (request, response) = place.underWay.removeFirst()
        var summary = IntegrateSummary()
        try place.replica.integrate(response, to: request, into: &summary)
        counts.repliesLate += 1
        counts.renamed += summary.renamed ? 1 : 0
    }

    private func backUp(_ place: Place) throws {
        try atRest(place) {
            try SimulatedDisk.copy(place.path, to: "\(place.machine)/backup-\(place.backups)")
        }
        place.backups += 1
    }

    /// What waits in the file that is replaced goes with it, unless it was accepted.
    private func restore(_ place: Place) throws {
        guard place.backups > 0 else { return }
        givenUp.formUnion(try waiting(place) { !accepted.contains($0.id) })
        let which = Int.random(in: 0..<place.backups, using: &random)
        try atRest(place) {
            try SimulatedDisk.copy("\(place.machine)/backup-\(which)", to: place.path)
        }
        counts.restored += 1
    }

    private func copy(_ place: Place) throws {
        guard places.count < Self.placeLimit else { return }
        let machine = "c\(places.count)"
        try atRest(place) { try SimulatedDisk.copy(place.path, to: "\(machine)/replica.sqlite") }
        places.append(Place(machine, place.member, try open("\(machine)/replica.sqlite")))
        counts.copies += 1
    }

    private func atRest(_ place: Place, _ body: () throws -> Void) throws {
        try place.replica.close()
        try body()
        place.replica = try open(place.path)
    }

    private func open(_ path: String) throws -> Replica {
        try Replica(
            path: path, schema: schema, clock: { [clock] in clock.time }, uptime: Node.uptime())
    }

    private func waiting(
        _ place: Place, where isMeant: (ChangeSet) -> Bool = { _ in true }
    ) throws -> [String] {
        try place.replica.outbox().map(\.changeSet).filter(isMeant)
            .flatMap(\.operations).flatMap(\.fields)
            .filter { $0.field == "title" }.compactMap(\.after.text)
    }

    // MARK: Exchanges

    private func answer(
        _ request: SyncRequest, to place: Place
    ) throws -> (response: SyncResponse, isNew: Bool) {
        clock.advance(10)
        let judgement = try workspace.accept(
            [.init(request: request, member: members[place.member].id, role: .editor)],
            now: clock.time)[0]
        var isNew = false
        for verdict in judgement.verdicts where verdict.verdict.version != nil {
            if accepted.insert(verdict.changeSet).inserted {
                isNew = true
            } else {
                counts.sentAgain += 1
            }
        }
        let response = try workspace.reply(
            to: request, judgement: judgement, role: .editor, members: members, membersVersion: 1,
            now: clock.time)
        return (response, isNew)
    }

    private func received(
        _ response: SyncResponse, _ run: inout SyncRun
    ) throws -> SyncRun.Action {
        let before = run.outcome.summary.renamed
        let action = try run.received(response)
        counts.renamed += run.outcome.summary.renamed && !before ? 1 : 0
        return action
    }

    /// Goes on until the sync ends, with a line that loses nothing.
    private func finish(
        _ run: inout SyncRun, _ place: Place, _ first: SyncRun.Action
    ) throws {
        var action = first
        for _ in 0..<100 {
            switch action {
            case .finish: return
            case .send(let request):
                action = try received(try answer(request, to: place).response, &run)
            case .wait(let duration):
                clock.advance(duration.milliseconds)
                action = try run.waited()
            default: throw Broken(.wrong, "\(place.path) wants to \(action)")
            }
        }
        throw Broken(.stuck, "\(place.path) syncs for ever")
    }

    private func settle(_ place: Place) throws {
        var run = SyncRun(place.replica, patience: .seconds(1))
        try finish(&run, place, try run.begin())
    }

    // MARK: What must hold

    private func check() throws {
        let rows = try workspace.contents().filter { $0.collection == "project" }
        let titles = Set(rows.compactMap { $0.values["title"]?.text })
        let lost = written.subtracting(givenUp).subtracting(titles)
        guard lost.isEmpty else { throw Broken(.lost, "\(lost.sorted()) are nowhere") }
        let hours = rows.first { $0.record == Self.shared }?.values["hours"]?.integer ?? 0
        guard hours == Int64(rows.count - 1) else {
            throw Broken(.different, "\(rows.count - 1) change sets counted \(hours) times")
        }
        let ids = try places.map { try $0.replica.identity().replica }
        guard Set(ids).count == ids.count else {
            throw Broken(.different, "two files go by one replica id")
        }
        let all = try sorted(workspace.contents())
        for place in places {
            guard try sorted(place.replica.contents()) == all else {
                throw Broken(.different, "\(place.path) holds something else")
            }
            guard try waiting(place).isEmpty, try place.replica.quarantine().isEmpty else {
                throw Broken(.stuck, "\(place.path) still holds edits back")
            }
        }
    }

    private func sorted(_ rows: [RecordContent]) -> [RecordContent] {
        rows.sorted { $0.record < $1.record }
    }
}
