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

    /// Deletes one member's record with all that lies in it, has another write one more into `innermost`, and
    /// expects that every one of them is back, each with a conflict, whichever came first.
    private func expectBack(
        _ team: Team, _ count: Int, within innermost: RecordID, isDeletedFirst: Bool
    ) throws {
        let (deleting, writing) = (team.replicas[0], team.replicas[1])
        #expect(try deleting.write { try deleting.delete($0, "part", Self.id(0)) } == count)
        try writing.write { db in
            try writing.insert(
                db, "part", Self.id(count),
                ["whole": .text(innermost.description), "title": .text("\(count)")])
        }
        if !isDeletedFirst { try team.sync(1) }
        try team.expectAgreement()
        for replica in team.replicas {
            let titles = try replica.read {
                try String.fetchAll($0, sql: "SELECT title FROM part ORDER BY id")
            }
            #expect(titles == (0...count).map { "\($0)" })
            let told = try replica.read {
                try String.fetchSet($0, sql: "SELECT record FROM conflict WHERE kind = 'parent'")
            }
            #expect(told == Set((0..<count).map { Self.id($0).description }))
            #expect(try replica.status().conflicts == count)
        }
    }

    @Test(
        "what is written deep within a record that another deletes brings back all that it lies in",
        .tags(.promise3), arguments: [3, 300], [true, false])
    func broughtBack(levels: Int, isDeletedFirst: Bool) throws {
        let team = try Team(2, schema: Self.nested)
        let replica = team.replicas[0]
        try replica.write { db in
            for level in 0..<levels {
                let whole: Value = level > 0 ? .text(Self.id(level - 1).description) : .null
                try replica.insert(
                    db, "part", Self.id(level), ["whole": whole, "title": .text("\(level)")])
            }
        }
        for position in 0..<2 { try team.sync(position) }
        try expectBack(
            team, levels, within: Self.id(levels - 1), isDeletedFirst: isDeletedFirst)
    }

    @Test(
        "two records that lie in each other are brought back once each, and that ends",
        .tags(.promise3), .timeLimit(.minutes(1)), arguments: [true, false])
    func circle(isDeletedFirst: Bool) throws {
        let team = try Team(2, schema: Self.nested)
        let replica = team.replicas[0]
        try replica.write { db in
            for number in 0..<2 {
                let values: [String: Value] = [
                    "whole": .text(Self.id(1 - number).description), "title": .text("\(number)"),
                ]
                try replica.insert(db, "part", Self.id(number), values)
            }
        }
        for position in 0..<2 { try team.sync(position) }
        try expectBack(team, 2, within: Self.id(1), isDeletedFirst: isDeletedFirst)
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
