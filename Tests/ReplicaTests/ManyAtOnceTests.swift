// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingTesting

@testable import TingStore

/// What people do to thousands of records at once takes time with their number, not with its square.
@Suite("Many records at once")
struct ManyAtOnceTests {
    private static let nested = Schema(
        name: "nested", version: 1,
        collections: [
            CollectionSchema(
                "part",
                fields: [
                    Field("whole", .reference, .latest, to: ["part"], parent: true),
                    Field("title", .text, .latest),
                ])
        ])

    private static func id(_ number: Int) -> RecordID {
        RecordID(high: 0x7000, low: UInt64(number))
    }

    @Test("a record goes and comes back with what lies thousands of levels deep within it")
    func deep() throws {
        let (levels, name) = (10_000, "part")
        let team = try Team(1, schema: Self.nested)
        let replica = team.replicas[0]
        try replica.write { db in
            for level in 0..<levels {
                let whole: Value = level > 0 ? .text(Self.id(level - 1).description) : .null
                try replica.insert(
                    db, name, Self.id(level), ["whole": whole, "title": .text("\(level)")])
            }
        }
        try team.sync(0)
        #expect(try replica.write { try replica.delete($0, name, Self.id(0)) } == levels)
        try team.sync(0)
        #expect(try replica.write { try replica.restore($0, name, Self.id(0)) } == levels)
        try team.sync(0)
        let count = try replica.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM part") }
        #expect(count == levels)
        #expect(try replica.verify().matches)
    }

    /// What each does with so many records of a team, in steps of SQLite.
    private func steps(
        _ count: Int, setUp: (Team, [RecordID]) throws -> Void,
        _ body: (Replica, [RecordID]) throws -> Void
    ) throws -> Int {
        let team = try Team(1)
        let replica = team.replicas[0]
        let records = (0..<count).map(Self.id)
        try replica.write { db in
            for record in records {
                try replica.insert(db, "project", record, ["title": .text("A")])
            }
        }
        try team.sync(0)
        try setUp(team, records)
        let counter = StepCounter(replica.queue)
        try body(replica, records)
        return counter.count
    }

    @Test("as many are brought back one by one as were deleted together", arguments: [false, true])
    func restoring(isSent: Bool) throws {
        func steps(_ count: Int) throws -> Int {
            try self.steps(count) { team, records in
                let replica = team.replicas[0]
                try replica.write { db in
                    for record in records { try replica.delete(db, "project", record) }
                }
                if isSent { try team.sync(0) }
            } _: { replica, records in
                try replica.write { db in
                    for record in records { try replica.restore(db, "project", record) }
                }
            }
        }
        let (few, many) = try (steps(100), steps(1_000))
        #expect(many < few * 12, "\(few) steps, then \(many)")
    }

    @Test("as many rejected change sets are retried together as were rejected")
    func retrying() throws {
        func steps(_ count: Int) throws -> Int {
            try self.steps(count) { team, records in
                let replica = team.replicas[0]
                for record in records {
                    try replica.write { db in
                        try replica.update(db, "project", record, ["title": .text("B")])
                    }
                }
                try team.sync(replica, team.members[0], role: .viewer)
            } _: { replica, records in
                let rejected = try replica.quarantine().map(\.changeSet.id)
                #expect(rejected.count == records.count)
                try replica.retryQuarantine(rejected)
                #expect(try replica.outbox().count == records.count)
            }
        }
        let (few, many) = try (steps(50), steps(500))
        #expect(many < few * 12, "\(few) steps, then \(many)")
    }
}
