// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TingClient
import TingCore
import TingPlanning
import TingStore

/// An exchange that is cut at each of its bytes: what is said, and what must be true afterwards.
protocol CutExchange: Sendable {
    static var name: String { get }
    init(_ world: World) throws
    /// What happens before each, on a line without faults.
    func prepare() async throws
    /// The exchange, by way of a proxy where one is given. It may fail; then it is done once more.
    /// - Parameter patience: How long nothing may come.
    func carryOut(port: Int?, patience: Duration) async throws
    /// What is not as it must be, once it was carried out.
    func check() async throws -> [Finding]
    /// What is not as it must be when all is over, besides the verdicts on the world.
    func checkAtTheEnd() throws -> [String]
}

extension CutExchange {
    func checkAtTheEnd() throws -> [String] { [] }
}

/// A sync in which both sides have something new.
final class SyncExchange: CutExchange {
    static let name = "sync"
    private let world: World
    private let replicas: [Replica]
    private let direct: ServerConnection
    private let expected: Mutex<Version>

    init(_ world: World) throws {
        self.world = world
        replicas = try world.members.prefix(2).map { try $0.open() }
        direct = try world.members[1].connection(to: world.server)
        expected = Mutex(try replicas[1].identity().base.version)
    }

    func prepare() async throws {
        for index in 0..<2 { try write(index) }
        _ = try await sync(1, direct, patience: .seconds(20))
        expected.withLock { $0 += 2 }
    }

    private func write(_ index: Int) throws {
        guard let project = RecordID(world.projects[index]) else {
            throw Trouble("there is no project \(index)")
        }
        let word = world.members[index].journal.withLock { $0.word() }
        try replicas[index].write { db in
            try replicas[index].update(db, "project", project, ["title_en": .text(word)])
        }
        world.members[index].journal.withLock { $0.wrote(word) }
    }

    private func sync(
        _ index: Int, _ connection: ServerConnection, patience: Duration
    ) async throws -> SyncOutcome {
        let line = WorkspaceLine(
            connection: connection, slug: World.workspace, path: replicas[index].path)
        return try await SyncSession(
            replicas[index], over: line, clock: ImpatientClock(), patience: patience, now: now
        ).run()
    }

    func carryOut(port: Int?, patience: Duration) async throws {
        let connection = try world.members[0].connection(
            to: world.server, port: port, timeout: patience)
        do {
            _ = try await sync(0, connection, patience: .seconds(20))
            leave(connection)
        } catch {
            leave(connection)
            throw error
        }
    }

    func check() async throws -> [Finding] {
        let (status, expected) = (try replicas[0].status(), expected.withLock { $0 })
        var wrong: [Finding] = []
        if status.outbox > 0 { wrong.append(Finding(.stuck, "the outbox holds \(status.outbox)")) }
        if status.quarantine > 0 {
            wrong.append(Finding(.wrong, "the quarantine holds \(status.quarantine)"))
        }
        if status.version != expected {
            wrong.append(
                Finding(.different, "it ended at version \(status.version), not \(expected)"))
        }
        return wrong
    }
}

/// A clone, begun anew each time.
final class CloneExchange: CutExchange {
    static let name = "clone"
    private let world: World
    private let path: String
    private let head: Head

    init(_ world: World) throws {
        self.world = world
        path = world.folder + "/cloned.sqlite"
        head = try world.server.head()
    }

    func prepare() async throws {
        for suffix in ["", "-wal", "-shm", ".partial", ".partial.etag"] { unlink(path + suffix) }
    }

    func carryOut(port: Int?, patience: Duration) async throws {
        let connection = try world.members[0].connection(
            to: world.server, port: port, timeout: patience)
        do {
            let replica = try await connection.clone(
                World.workspace, to: path, member: nil, schema: PlanningSchema.schema, clock: now,
                waiting: ImpatientClock()
            ) { _, _ in }
            let line = WorkspaceLine(
                connection: connection, slug: World.workspace, path: replica.path)
            _ = try await SyncSession(
                replica, over: line, clock: ImpatientClock(), patience: .seconds(20), now: now
            ).run()
            try replica.close()
            leave(connection)
        } catch {
            leave(connection)
            // A replica that stands is synced later, like any other.
            if (error as? ClientError)?.code != "file_exists" { throw error }
        }
    }

    func check() async throws -> [Finding] {
        let replica = try Replica(path: path, schema: PlanningSchema.schema, clock: now)
        defer { try? replica.close() }
        var wrong: [Finding] = []
        if try !replica.verify().matches {
            wrong.append(Finding(.different, "the clone does not verify"))
        }
        let status = try replica.status()
        if status.digest.description != head.digest || Int(status.version) != head.version {
            wrong.append(
                Finding(.different, "the clone is at version \(status.version), not \(head)"))
        }
        if access(path + ".partial", F_OK) == 0 {
            wrong.append(Finding(.wrong, "a part of a file is left"))
        }
        return wrong
    }
}

/// A join with a fresh invitation, each on a device of its own.
final class JoinExchange: CutExchange {
    static let name = "join"
    private let world: World
    private let home: ClientHome
    private let code = Mutex<JoinAddress?>(nil)
    private let devices = Mutex(0)

    init(_ world: World) throws {
        self.world = world
        let folder = world.folder + "/guest"
        home = ClientHome(configurationFolder: folder, dataFolder: folder)
    }

    func prepare() async throws {
        try? FileManager.default.removeItem(atPath: home.dataFolder)
        let line = try world.server.invite("guest", to: World.workspace)
        code.withLock { $0 = JoinAddress(line) }
        devices.withLock { $0 += 1 }
    }

    func carryOut(port: Int?, patience: Duration) async throws {
        guard var address = code.withLock({ $0 }) else { throw Trouble("no join address") }
        if let port { address.server = ServerAddress(host: "127.0.0.1", port: port) }
        _ = try await home.join(
            address, device: "guest", authorityFile: nil, schema: PlanningSchema.schema.version,
            timeout: patience, environment: [:])
    }

    func check() async throws -> [Finding] {
        guard let known = try home.configuration().servers.first else {
            return [Finding(.stuck, "the device is not signed in")]
        }
        let connection = try world.server.connection(
            token: home.signIn(known.url).token, timeout: .seconds(20))
        let slugs = try await connection.workspaces().map(\.slug)
        await connection.close()
        let left = try FileManager.default.subpathsOfDirectory(atPath: home.dataFolder)
        return (slugs == [World.workspace] ? [] : [Finding(.wrong, "the token opens \(slugs)")])
            + left.filter { $0.contains("joining") }.map { Finding(.wrong, "\($0) is left") }
    }

    func checkAtTheEnd() throws -> [String] {
        let expected = devices.withLock { $0 } + world.members.count
        let counted = try world.programs.run(
            "sqlite3", [world.server.data + "/server.sqlite", "SELECT count(*) FROM device"],
            environment: Programs.environment(home: "/nonexistent"),
            scratch: world.folder + "/count")
        let found = counted.output.trimmingCharacters(in: .whitespacesAndNewlines)
        return found == String(expected) ? [] : ["\(expected) devices joined, \(found) are known"]
    }
}

/// Closes a connection without waiting for its end, which a silent peer puts off by seconds.
private func leave(_ connection: ServerConnection) {
    Task { await connection.close() }
}

/// A clock on which every wait is over at once: what is tried again, is tried at once.
struct ImpatientClock: Clock {
    var now: ContinuousClock.Instant { .now }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        await Task.yield()
    }
}
