// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingClient
import TingCore
import TingPlanning
import TingStore

/// The client library in one program: `Docs/library.md` explains it, part by part.
@main
struct LibraryExample {
    let home: ClientHome
    let environment = ProcessInfo.processInfo.environment
    let clock: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1000) }

    func join(_ text: String) async throws {
        guard let address = JoinAddress(text) else {
            throw Problem("`\(text)` is no join address.")
        }
        let device = try await home.join(
            address, device: "report", authorityFile: nil, schema: PlanningSchema.schema.version,
            timeout: .seconds(20), environment: environment)
        print("Joined \(device.server) as \(device.name).")
    }

    /// Connects to the server that this device joined first.
    func connected<T: Sendable>(_ body: (ServerConnection, MemberID?) async throws -> T)
        async throws -> T
    {
        guard let server = try home.configuration().servers.first else {
            throw Problem("This device has not joined a server.")
        }
        return try await ServerConnection(
            home.signIn(server.url), timeout: .seconds(20), environment: environment
        ).use { try await body($0, MemberID(server.member)) }
    }

    func clone(_ slug: String, to path: String) async throws {
        let replica = try await connected { connection, member in
            try await connection.clone(
                slug, to: path, member: member, schema: PlanningSchema.schema, clock: clock
            ) { done, all in print("\(done) of \(all) bytes") }
        }
        try replica.close()
    }

    func open(_ path: String) throws -> Replica {
        try Replica(path: path, schema: PlanningSchema.schema, clock: clock)
    }

    func plan(_ title: String, in replica: Replica) throws {
        var random = SystemRandomNumberGenerator()
        let project = RecordID.timeOrdered(milliseconds: clock(), using: &random)
        let task = RecordID.timeOrdered(milliseconds: clock(), using: &random)
        try replica.write(message: "Planned by the example") { db in
            try replica.insert(
                db, "project", project,
                [
                    "title_en": .text(title), "status": .text("preparing"),
                    "end": .text("2027-06"), "partners": .set(of: ["City of Harbin"]),
                ])
            try replica.insert(
                db, "task", task,
                ["project": .text(project.description), "title": .text("Kick-off")])
        }
        print(project)
    }

    func move(_ text: String, to end: String, in replica: Replica) throws {
        try replica.write { db in
            let found = try RecordFinder(replica).record(db, text, in: ["project"])
            try replica.update(db, found.collection, found.id, ["end": .text(end)])
        }
    }

    func list(_ replica: Replica) throws {
        let rows = try replica.read { db in
            try Row.fetchAll(
                db, sql: "SELECT title_en, \"end\" FROM project WHERE \"end\" < ? ORDER BY \"end\"",
                arguments: ["2029"])
        }
        for row in rows { print(row["end"] as String? ?? "", row["title_en"] as String? ?? "") }
    }

    func sync(_ replica: Replica) async throws {
        let outcome = try await connected { connection, _ in
            try await SyncSession(replica, over: connection, now: clock).run()
        }
        let summary = outcome.summary
        print("Version \(outcome.version): \(summary.sent) sent, \(summary.received) received.")
        for rejected in try replica.quarantine() {
            print("Rejected: \(rejected.changeSet.id) (\(rejected.code.rawValue))")
        }
    }

    func conflicts(_ replica: Replica) throws {
        for conflict in try replica.read({ try replica.conflicts($0) }) {
            print(conflict.id, conflict.field?.name ?? "", conflict.other.json)
        }
    }

    func settle(_ id: RecordID, by settlement: Settlement, in replica: Replica) throws {
        try replica.write(message: "Agreed by telephone") { db in
            guard let conflict = try replica.conflict(db, id) else {
                throw Problem("There is no conflict \(id).")
            }
            try replica.settle(db, conflict, by: settlement)
        }
    }

    func undo(_ id: ChangeSetID, in replica: Replica) throws {
        guard let entry = try replica.entry(id) else {
            throw Problem("There is no change set \(id) here.")
        }
        let outcome = try replica.write(message: "Taken back") { db in
            try replica.revert(db, entry.changeSet)
        }
        print("Took back \(outcome.count).")
        for place in outcome.left { print("Changed since: \(place.record) \(place.field ?? "")") }
    }

    func follow(_ replica: Replica, for time: Duration) async throws {
        try await connected { connection, _ in
            let following = Task {
                try await Follower(replica, over: connection, now: clock).run { news in
                    switch news {
                    case .synced(let outcome): print("Version \(outcome.version)")
                    case .failed(let error): print("Later: \(error.sentence)")
                    }
                }
            }
            try await Task.sleep(for: time)
            following.cancel()
            _ = await following.result
        }
    }
}

extension LibraryExample {
    /// `library-example join ADDRESS`, `clone SLUG FILE`, or a command with a replica's FILE.
    static func main() async {
        do {
            let home = try ClientHome(environment: ProcessInfo.processInfo.environment)
            try await Self(home: home).run(CommandLine.arguments + ["", "", "", ""])
        } catch {
            print("error: \(error.localizedDescription)")
            exit(1)
        }
    }

    private func run(_ words: [String]) async throws {
        let (command, first, second, third) = (words[1], words[2], words[3], words[4])
        if command == "join" { return try await join(first) }
        if command == "clone" { return try await clone(first, to: second) }
        let replica = try open(first)
        switch (command, RecordID(second)) {
        case ("plan", _): try plan(second, in: replica)
        case ("move", _): try move(second, to: third, in: replica)
        case ("list", _): try list(replica)
        case ("sync", _): try await sync(replica)
        case ("conflicts", _): try conflicts(replica)
        case ("take", let id?): try settle(id, by: .take, in: replica)
        case ("keep", let id?): try settle(id, by: .keep, in: replica)
        case ("undo", _): try ChangeSetID(second).map { try undo($0, in: replica) }
        case ("follow", _): try await follow(replica, for: .seconds(Int(second) ?? 60))
        default: throw Problem("`\(command)` is no command: see Docs/library.md.")
        }
        try replica.close()
    }
}

/// What the example can't do, in a sentence.
struct Problem: LocalizedError {
    let errorDescription: String?
    init(_ sentence: String) { errorDescription = sentence }
}
