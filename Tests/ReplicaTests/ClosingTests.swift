// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Synchronization
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("A closed replica says that it is closed")
struct ClosingTests {
    private let team: Team
    private var replica: Replica { team.replicas[0] }

    init() throws {
        team = try Team(1)
        try team.foreign(0, "INSERT INTO project (title) VALUES ('Water')")
        try team.sync(0)
    }

    private static let uses: [(String, @Sendable (Replica) throws -> Void)] = [
        ("read", { _ = try $0.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM project") } }),
        ("write", { try $0.write { _ in } }),
        ("seal", { try $0.seal() }),
        ("status", { _ = try $0.status() }),
        ("identity", { _ = try $0.identity() }),
        ("search", { _ = try $0.search("Water") }),
        ("outbox", { _ = try $0.outbox() }),
        ("verify", { _ = try $0.verify() }),
        ("backup", { try $0.backup(to: $0.path + ".copy") }),
        ("note", { try $0.note(error: nil, nextRetry: nil, synced: 1) }),
        ("request", { _ = try $0.nextRequest() }),
    ]

    @Test("whatever is asked of it", arguments: uses.map(\.0))
    func use(_ name: String) throws {
        let use = try #require(Self.uses.first { $0.0 == name }).1
        try use(replica)
        try? FileManager.default.removeItem(atPath: replica.path + ".copy")
        try replica.close()
        try replica.close()
        #expect(throws: ReplicaError.closed) { try use(replica) }
        #expect(!FileManager.default.fileExists(atPath: replica.path + ".copy"))
    }

    @Test("also when it is closed while many threads use it, each of which is served whole or not")
    func race() throws {
        for _ in 0..<20 {
            let replica = try Replica(
                path: replica.path, schema: team.schema,
                clock: { [clock = team.clock] in clock.time })
            let refused = Atomic(0)
            DispatchQueue.concurrentPerform(iterations: 8) { number in
                if number == 4 {
                    #expect(throws: Never.self) { try replica.close() }
                    return
                }
                do {
                    for _ in 0..<100 {
                        let count = try replica.read { db in
                            try Int.fetchOne(db, sql: "SELECT count(*) FROM project")
                        }
                        #expect(count == 1)
                        if number == 5 { try replica.write { _ in } }
                    }
                } catch {
                    #expect(error as? ReplicaError == .closed)
                    refused.add(1, ordering: .relaxed)
                }
            }
            #expect(refused.load(ordering: .relaxed) <= 7)
            #expect(throws: ReplicaError.closed) { try replica.status() }
        }
    }
}
