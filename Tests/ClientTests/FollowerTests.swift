// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingStore
import TingTesting
import TingWire

@testable import TingClient

@Suite("A follower in a program of one's own")
struct FollowerTests {
    private let team: Team
    private var replica: Replica { team.replicas[0] }

    init() throws { team = try Team(1) }

    /// Refuses or holds the stream, and refuses every sync.
    private func serve(
        stream: LittleServer.Answer, sync: LittleServer.Answer
    ) async throws -> (server: LittleServer, connection: ServerConnection) {
        try await serve { $0.path.contains("/follow") ? stream : sync }
    }

    private func serve(
        _ answer: @escaping @Sendable (LittleServer.Asked) -> LittleServer.Answer
    ) async throws -> (server: LittleServer, connection: ServerConnection) {
        let authority = try Authority()
        let identity = try authority.server()
        let server = try await LittleServer(
            chain: identity.chain, key: identity.key, answer: answer)
        let connection = try ServerConnection(
            ServerAddress(host: "127.0.0.1", port: server.port),
            anchor: .authority(pem: authority.pem), token: "token", timeout: .seconds(20),
            environment: [:])
        return (server, connection)
    }

    private static func problem(_ status: Int, _ code: String) -> LittleServer.Answer {
        LittleServer.Answer(
            status: status, headers: ["Content-Type": "application/problem+json"],
            body: Array(#"{"code":"\#(code)","detail":"No.","remedy":"None."}"#.utf8))
    }

    private static let busy = problem(503, "unavailable")
    private static let gone = problem(404, "workspace_not_found")
    /// A stream, or an answer, that stands and says nothing.
    private static func silence(_ type: String) -> LittleServer.Answer {
        LittleServer.Answer(headers: ["Content-Type": type], staysOpen: true)
    }
    private static let quiet = silence("text/event-stream")

    private func add(_ title: String) throws {
        try replica.write { db in
            var generator = SystemRandomNumberGenerator()
            try replica.insert(
                db, "project", RecordID.random(using: &generator), ["title": .text(title)])
        }
    }

    private func follow(_ connection: ServerConnection) -> Task<Void, any Error> {
        Task { [replica] in try await Follower(replica, over: connection, now: { 0 }).run { _ in } }
    }

    private func eventually(
        _ what: Comment, within seconds: Int, _ holds: () throws -> Bool
    ) async throws {
        for _ in 0..<seconds * 20 {
            if try holds() { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record(what)
    }

    private func syncs(_ server: LittleServer) -> Int {
        server.asked.count { $0.path.hasSuffix("/sync") }
    }

    @Test("sends at once what waits when it begins; cancelled, it leaves nothing behind")
    func waiting() async throws {
        try add("waits")
        let (server, connection) = try await serve(stream: Self.quiet, sync: Self.busy)
        let following = follow(connection)
        try await eventually("it syncs", within: 10) { syncs(server) > 0 }
        #expect(Follower.isRunning(for: replica.path))
        following.cancel()
        try await following.value
        #expect(!Follower.isRunning(for: replica.path))
        #expect(try replica.status().nextRetry == nil)
        try replica.close()
        await connection.close()
        await server.stop()
    }

    @Test("sends what is edited through the very replica that it follows, and is quiet otherwise")
    func own() async throws {
        let (server, connection) = try await serve(stream: Self.quiet, sync: Self.busy)
        let following = follow(connection)
        try await eventually("it listens", within: 10) { !server.asked.isEmpty }
        try await Task.sleep(for: .seconds(2))
        #expect(syncs(server) == 0)
        try add("edited here")
        try await eventually("it syncs", within: 10) { syncs(server) > 0 }
        following.cancel()
        try await following.value
        await connection.close()
        await server.stop()
    }

    /// What the team's workspace answers to a sync of the first member.
    private func exchange() -> @Sendable (LittleServer.Asked) throws -> LittleServer.Answer {
        let (workspace, members, now) = (team.workspace, team.members, team.clock.time)
        return { asked in
            let isPacked = asked.headers["content-encoding"] == Gzip.name
            let body = try isPacked ? Gzip.unpack(asked.body, limit: 1 << 20) : asked.body
            let request = try SyncRequest(
                wire: WireCoding.protobuf.decode(Ting_V1_SyncRequest.self, body))
            let submission = Workspace.Submission(
                request: request, member: members[0].id, role: .editor)
            let response = try workspace.reply(
                to: request, judgement: workspace.accept([submission], now: now)[0],
                role: .editor, members: members, membersVersion: 1, now: now)
            return LittleServer.Answer(
                headers: ["Content-Type": Request.protobuf],
                body: try WireCoding.protobuf.encode(response.wire))
        }
    }

    @Test("two of one file don't wake each other: once both are in step, nothing is exchanged")
    func together() async throws {
        let exchange = exchange()
        let (server, connection) = try await serve {
            $0.path.contains("/follow") ? Self.quiet : (try? exchange($0)) ?? Self.busy
        }
        let other = try Replica(
            path: replica.path, schema: team.schema, clock: { [clock = team.clock] in clock.time })
        let followers = [replica, other].map { replica in
            // A time that passes: to write the same once more would be no commit to the other.
            Task {
                try await Follower(replica, over: connection, now: Replica.uptime).run { _ in }
            }
        }
        try await eventually("both listen", within: 10) {
            server.asked.count { $0.path.contains("/follow") } >= 2
        }
        try team.foreign(0, "INSERT INTO project (title) VALUES ('By the shell')")
        try await eventually("what another tool edits goes out", within: 10) {
            try team.workspace.head().version == 1
        }
        var before = 0
        for _ in 0..<10 where before != syncs(server) {
            before = syncs(server)
            try await Task.sleep(for: .seconds(4))
        }
        #expect(syncs(server) == before)
        for following in followers {
            following.cancel()
            try await following.value
        }
        #expect(try replica.outbox().isEmpty)
        try other.close()
        await connection.close()
        await server.stop()
    }

    @Test("ends at once when the server refuses it for good, and says why")
    func refused() async throws {
        let (server, connection) = try await serve(stream: Self.gone, sync: Self.gone)
        let start = ContinuousClock.now
        let error = await #expect(throws: ClientError.self) {
            try await follow(connection).value
        }
        #expect(error?.code == "workspace_not_found")
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(try replica.status().isRemoved)
        await connection.close()
        await server.stop()
    }

    @Test("ends when its replica is closed")
    func closed() async throws {
        let (server, connection) = try await serve(stream: Self.quiet, sync: Self.busy)
        let following = follow(connection)
        try await eventually("it listens", within: 10) { !server.asked.isEmpty }
        try replica.close()
        await #expect(throws: ReplicaError.closed) { try await following.value }
        await connection.close()
        await server.stop()
    }

    @Test("ends when its connection is closed, and tries no more", .timeLimit(.minutes(1)))
    func closedConnection() async throws {
        let (server, connection) = try await serve(stream: Self.quiet, sync: Self.busy)
        let following = follow(connection)
        try await eventually("it listens", within: 10) { !server.asked.isEmpty }
        await connection.close()
        let error = await #expect(throws: ClientError.self) { try await following.value }
        #expect(error?.code == "connection_closed")
        await server.stop()
    }

    @Test(
        "ends when another file lies in its replica's place: who edits that one would wait for nothing"
    )
    func displaced() async throws {
        let (server, connection) = try await serve(stream: Self.quiet, sync: Self.busy)
        let following = follow(connection)
        try await eventually("it listens", within: 10) { !server.asked.isEmpty }
        try FileManager.default.moveItem(atPath: replica.path, toPath: replica.path + ".moved")
        await #expect(throws: ReplicaError.displaced(replica.path)) { try await following.value }
        await connection.close()
        await server.stop()
    }

    @Test("a cancelled sync, list or clone is no failure of the server", arguments: [0, 500])
    func cancelled(_ milliseconds: Int) async throws {
        try add("waits")
        let (server, connection) = try await serve(
            stream: Self.quiet, sync: Self.silence(Request.protobuf))
        let tasks = [
            Task { [replica] in
                _ = try await SyncSession(replica, over: connection, now: { 0 }).run()
            },
            Task { _ = try await connection.workspaces() },
            Task { [path = replica.path + ".clone", schema = team.schema] in
                _ = try await connection.clone(
                    "team", to: path, member: nil, schema: schema, clock: { 0 }
                ) { _, _ in }
            },
        ]
        try await Task.sleep(for: .milliseconds(milliseconds))
        for task in tasks {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(try replica.status().lastError == nil)
        await connection.close()
        await server.stop()
    }

    @Test("more tasks than cores wait for a lock without holding its holder up")
    func lock() async throws {
        let path = team.folder.appending(path: "some.lock").path
        let count = ProcessInfo.processInfo.activeProcessorCount + 2
        let done = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<count {
                group.addTask {
                    let lock = try await FileLock(path: path)
                    try await Task.sleep(for: .milliseconds(20))
                    return withExtendedLifetime(lock) { 1 }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(done == count)
        let held = try await FileLock(path: path)
        let waiter = Task { _ = try await FileLock(path: path) }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        withExtendedLifetime(held) {}
    }
}
