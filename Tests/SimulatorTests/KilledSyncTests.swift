// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// In processes of their own, in which every database is on the simulated disk.
@Suite("A sync that is killed at any call to the disk")
struct KilledSyncTests {
    @Test("an answer: each change set is in the outbox, or where its verdict puts it")
    func answer() async {
        await #expect(processExitsWith: .success) {
            try SimulatedDisk.install(asDefault: true)
            SimulatedDisk.reset(seed: 1)
            #expect(try AnswerScene().killed() > 20)
        }
    }

    @Test("a change to another history: all there is belongs to the one, or all to the other")
    func startingOver() async {
        await #expect(processExitsWith: .success) {
            try SimulatedDisk.install(asDefault: true)
            SimulatedDisk.reset(seed: 1)
            #expect(try StartOverScene().killed() > 20)
        }
    }
}

/// What a replica's file holds of a sync's doing.
private struct Shape: Equatable {
    var epoch: Epoch
    var version: Version
    var digest: Hash
    var history: [ChangeSetID]
    var outbox: [ChangeSetID]
    var quarantine: [ChangeSetID]
    var records: [RecordContent]
    /// The digest of the shared records, computed from them.
    var computed: Hash

    init(_ replica: Replica) throws {
        let status = try replica.status()
        (epoch, version, digest) = (status.epoch, status.version, status.digest)
        history = try replica.read {
            try String.fetchAll($0, sql: "SELECT change_set FROM history ORDER BY version")
        }.compactMap { ChangeSetID($0) }
        outbox = try replica.outbox().map(\.changeSet.id)
        quarantine = try replica.quarantine().map(\.changeSet.id)
        records = try replica.contents()
        computed = try replica.stateDigest()
    }
}

/// A step of a sync, in which copies of one replica's file are killed.
private protocol Scene {
    var team: Team { get }
    /// The files that the step needs, by the names that they get on the machine.
    var files: [String: String] { get }
    func step(_ replica: Replica, on machine: SimulatedMachine) throws
    /// Expects that what was found is whole, between what there is before the step and after it.
    func check(_ found: Shape, between before: Shape, and after: Shape, _ what: Comment)
}

extension Scene {
    /// Kills the step, and the closing after it, at each call that changes the disk, with a power cut at every
    /// other two: what is there then must be whole, and the step go through. A kill at a call that only reads
    /// comes to the same as one at the next of these.
    /// - Returns: How many such calls there were.
    fileprivate func killed() throws -> Int {
        let machine = SimulatedMachine("m")
        let replica = try open(on: machine)
        let before = try Shape(replica)
        let start = machine.calls
        try step(replica, on: machine)
        try replica.close()
        let calls = (1...machine.calls - start).filter {
            machine.couldFail(call: start + $0, code: 0)
        }
        let stepped = try reopen(on: machine)
        let after = try Shape(stepped)
        try stepped.close()
        check(before, between: before, and: after, "before")
        check(after, between: before, and: after, "after")
        for call in calls {
            let what: Comment = "killed at call \(call)"
            try kill(machine, atCall: call)
            let opened = try reopen(on: machine)
            let found = try Shape(opened)
            check(found, between: before, and: after, what)
            if found != after {
                try step(opened, on: machine)
                #expect(try Shape(opened) == after, what)
            }
            try opened.close()
        }
        return calls.count
    }

    /// Kills the step on new copies of the files.
    private func kill(_ machine: SimulatedMachine, atCall call: Int64) throws {
        let replica = try open(on: machine)
        machine.kill(atCall: call)
        do { try step(replica, on: machine) } catch {}
        try? replica.close()
        #expect(machine.isKilled, "call \(call)")
        // SQLite writes a page of its log in two calls.
        if (call / 2).isMultiple(of: 2) { try machine.cutPower(seed: UInt64(call)) }
        machine.revive()
    }

    private func open(on machine: SimulatedMachine) throws -> Replica {
        machine.clear()
        for (name, file) in files { try SimulatedDisk.copy(file, to: machine.file(name)) }
        return try reopen(on: machine)
    }

    private func reopen(on machine: SimulatedMachine) throws -> Replica {
        // A slice, which is a transaction of its own, holds two versions.
        let steady = ManualClock(0)
        return try Replica(
            path: machine.file("replica.sqlite"), schema: team.schema,
            clock: { [clock = team.clock] in clock.time },
            uptime: {
                steady.advance(Limits.integrateSliceMilliseconds / 2 + 1)
                return steady.time
            })
    }
}

/// An answer, with another's version and verdicts of both kinds, to a replica that went on since it asked.
private struct AnswerScene: Scene {
    let team: Team
    let files: [String: String]
    private let request: SyncRequest
    private let response: SyncResponse
    /// The server's digest at each version that the replica comes to.
    private let digests: [Version: Hash]
    private let accepted: [ChangeSetID]
    private let rejected: [ChangeSetID]

    init() throws {
        team = try Team(2)
        let replica = team.replicas[0]
        try replica.write { try $0.execute(sql: "INSERT INTO project (title) VALUES ('Water')") }
        for position in 0..<2 { try team.sync(position) }
        var heads = [try team.workspace.head()]
        try team.replicas[1].write {
            try $0.execute(sql: "UPDATE project SET title = 'Beneath', hours = 2")
        }
        try team.sync(1)
        heads.append(try team.workspace.head())
        for sql in [
            "UPDATE project SET title = 'On top', hours = hours + 1",
            "INSERT INTO project (title) VALUES ('No')", "INSERT INTO person (name) VALUES ('Li')",
        ] {
            try replica.write { try $0.execute(sql: sql) }
        }
        request = try replica.nextRequest()
        try replica.write { try $0.execute(sql: "UPDATE person SET name = 'Li Na'") }
        try replica.close()
        files = ["replica.sqlite": replica.path]
        for (position, delivery) in request.deliveries.enumerated() {
            var one = request
            one.deliveries = [delivery]
            try Self.judge(one, team, position == 1 ? .viewer : .editor)
            heads.append(try team.workspace.head())
        }
        response = try team.workspace.reply(
            to: request, judgement: Self.judge(request, team, .editor), role: .editor,
            members: nil, membersVersion: 1, now: team.clock.time)
        digests = Dictionary(heads.map { ($0.version, $0.state) }, uniquingKeysWith: { $1 })
        let sent = request.deliveries.map(\.changeSet.id)
        (accepted, rejected) = ([sent[0], sent[2]], [sent[1]])
    }

    @discardableResult
    private static func judge(
        _ request: SyncRequest, _ team: Team, _ role: Role
    ) throws -> Workspace.Judgement {
        try team.workspace.accept(
            [.init(request: request, member: team.members[0].id, role: role)],
            now: team.clock.time)[0]
    }

    func step(_ replica: Replica, on machine: SimulatedMachine) throws {
        var summary = IntegrateSummary()
        try replica.integrate(response, to: request, into: &summary)
    }

    func check(_ found: Shape, between before: Shape, and after: Shape, _ what: Comment) {
        #expect(after.history.suffix(2) == accepted[...] && after.quarantine == rejected, what)
        #expect(after.outbox.count == 1 && found.outbox.last == after.outbox.last, what)
        #expect(found.epoch == before.epoch && found.digest == digests[found.version], what)
        #expect(found.computed == found.digest, what)
        #expect(Version(found.history.count) == found.version, what)
        for id in accepted {
            #expect(found.history.contains(id) != found.outbox.contains(id), what)
        }
        for id in rejected {
            #expect(found.quarantine.contains(id) != found.outbox.contains(id), what)
        }
    }
}

/// A snapshot of a restored server, to a replica that gave back one of its two lost change sets, must make the
/// other anew, and has another that waits.
private struct StartOverScene: Scene {
    let team: Team
    let files: [String: String]

    init() throws {
        team = try Team(2)
        let replica = team.replicas[0]
        func write(_ sql: String) throws { try replica.write { try $0.execute(sql: sql) } }
        try write("INSERT INTO project (title) VALUES ('Water')")
        for position in 0..<2 { try team.sync(position) }
        let (path, old) = (team.workspace.path, try team.workspace.epoch)
        try team.workspace.backup(to: path + "-backup")
        for sql in ["UPDATE project SET title = 'Returned'", "UPDATE project SET hours = 3"] {
            try write(sql)
            try team.sync(0)
        }
        try write("UPDATE project SET budget = 7")
        try replica.close()
        let lost = try team.workspace.entries(since: 1, byteLimit: .max)
        try team.workspace.close()
        team.workspace = try Workspace(path: path + "-backup", schema: team.schema)
        var generator = SeededGenerator(1)
        try team.workspace.startEpoch(.random(using: &generator))
        let answer = try team.workspace.takeBack(
            GiveBackRequest(epoch: old, schema: 1, entries: [lost[0]]), now: team.clock.time,
            next: .random(using: &generator))
        #expect(answer.response.taken == [2])
        try team.replicas[1].close()
        let other = try team.clone(for: team.members[1])
        try other.write { try $0.execute(sql: "INSERT INTO project (title) VALUES ('New')") }
        try team.sync(other, team.members[1])
        _ = try team.workspace.writeSnapshot(to: path + "-snapshot")
        files = ["replica.sqlite": replica.path, "snapshot.sqlite": path + "-snapshot"]
    }

    func step(_ replica: Replica, on machine: SimulatedMachine) throws {
        // What is kept aside is written before anything changes.
        try replica.startOver(
            from: machine.file("snapshot.sqlite"), because: .anotherEpoch,
            epoch: team.workspace.epoch, returned: [2], unproven: [3], keepsOld: false)
    }

    func check(_ found: Shape, between before: Shape, and after: Shape, _ what: Comment) {
        #expect(before.computed == before.digest && after.computed == after.digest, what)
        #expect(before.epoch != after.epoch)
        #expect(after.epoch == (try? team.workspace.epoch))
        #expect(after.outbox == [before.history[2]] + before.outbox)
        #expect(found == before || found == after, what)
    }
}
