// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingClient
import TingCore
import TingStore

/// The standard workspace on a server, with a writer who filled it and a reader.
final class ServedWorkspace {
    static let slug = "bench"
    let server: Server
    let writer: Seat
    let reader: Seat
    var records: PlanningRecords
    /// The writer's replica, at the head.
    let replica: Replica
    let replicaPath: String
    /// The tasks that the workspace was filled with.
    let tasks: [RecordID]

    init(_ options: Bench.Options) async throws {
        server = try Server(programs: options.programs)
        writer = try await Seat(server.invite("writer@example.org", to: Self.slug, role: .owner))
        reader = try await Seat(server.invite("reader@example.org", to: Self.slug, role: .editor))
        records = PlanningRecords(seed: options.seed)
        replicaPath = Scratch.file("writer")
        replica = try await writer.clone(to: replicaPath)
        try replica.fill(records.next(options.records))
        tasks = records.tasks
        try await sync()
    }

    /// Sends what the writer's replica holds.
    func sync() async throws {
        let connection = try writer.connection()
        _ = try await SyncSession(replica, over: connection, now: wallClock).run()
        await connection.close()
    }

    /// The reader's replica at the head, in a file that is closed.
    func readerFile() async throws -> String {
        let path = Scratch.file("reader")
        try await reader.clone(to: path).close()
        return path
    }
}

extension Seat {
    func clone(to path: String) async throws -> Replica {
        let connection = try connection()
        let replica = try await connection.clone(
            ServedWorkspace.slug, to: path, member: member, schema: PlanningRecords.schema,
            clock: wallClock, progress: { _, _ in })
        _ = try await SyncSession(replica, over: connection, now: wallClock).run()
        await connection.close()
        try replica.read { try $0.execute(sql: RawDatabase.cache) }
        return replica
    }
}
