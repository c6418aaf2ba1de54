// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingTesting

@testable import TingStore

/// What the author of a very long outbox had seen is followed `seenLimit` far, and no farther.
@Suite("Very long outboxes", .tags(.promise3))
struct LongOutboxTests {
    private static let length = Limits.seenLimit + 40

    private static func hash(_ number: Int) -> Hash {
        Hash(bytes: Array(String(format: "%032d", number).utf8)) ?? .zero
    }

    /// Entries of which each lists the one before; every seventh hash was never accepted.
    private static func fill(_ db: Database) throws {
        for number in 1...length {
            let seen = number == 1 ? Data() : Data(hash(number - 1).bytes)
            if number % 7 == 0 {
                try db.execute(
                    sql: "INSERT INTO ting_link (hash, seen) VALUES (?, ?)",
                    arguments: [Data(hash(number).bytes), seen])
            } else {
                try db.execute(
                    sql: """
                        INSERT INTO ting_entry
                        (version, hash, seen, change_set, history_digest, shift, receipt)
                        VALUES (?, ?, ?, x'', x'', 0, x'')
                        """,
                    arguments: [number, Data(hash(number).bytes), seen])
            }
        }
    }

    private static func changeSet(listing number: Int, _ epoch: Epoch) -> ChangeSet {
        var random = SeededGenerator(state: UInt64(number))
        return ChangeSet(
            id: .random(using: &random), seed: Array(repeating: 0, count: 16), schema: 1,
            base: Base(epoch: epoch, version: 0), seen: [hash(number)], time: 0, operations: [])
    }

    @Test(
        "what was seen is the same whether the one before is remembered or the way is walked anew")
    func window() throws {
        let team = try Team(1)
        let tables = team.workspace.tables
        try team.workspace.pool.write { db in
            try Self.fill(db)
            let epoch = try Workspace.epoch(db)
            var remembering = Ledger(db: db, tables: tables, epoch: epoch)
            for number in Limits.seenLimit - 2...Self.length {
                let changeSet = Self.changeSet(listing: number, epoch)
                let seen = try remembering.seen(by: changeSet)
                if number % 13 == 0 || abs(number - Limits.seenLimit) < 3 {
                    var walking = Ledger(db: db, tables: tables, epoch: epoch)
                    #expect(try walking.seen(by: changeSet) == seen, "listing \(number)")
                }
                let next = number + 1
                guard next % 7 != 0 else { continue }
                remembering.note(changeSet, Self.hash(next), Version(next), seen: seen)
            }
        }
    }

    @Test("where one of them lists two, it is walked anew")
    func branches() throws {
        let team = try Team(1)
        let tables = team.workspace.tables
        try team.workspace.pool.write { db in
            try Self.fill(db)
            let two = Data(Self.hash(Self.length - 101).bytes + Self.hash(40).bytes)
            try db.execute(
                sql: "UPDATE ting_entry SET seen = ? WHERE version = ?",
                arguments: [two, Self.length - 100])
            let epoch = try Workspace.epoch(db)
            var remembering = Ledger(db: db, tables: tables, epoch: epoch)
            for number in Self.length - 10...Self.length {
                let changeSet = Self.changeSet(listing: number, epoch)
                var walking = Ledger(db: db, tables: tables, epoch: epoch)
                let seen = try remembering.seen(by: changeSet)
                #expect(try walking.seen(by: changeSet) == seen, "listing \(number)")
                remembering.note(changeSet, Self.hash(number + 1), Version(number + 1), seen: seen)
            }
        }
    }
}
