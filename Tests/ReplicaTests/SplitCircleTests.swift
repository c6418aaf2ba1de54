// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingTesting

@testable import TingStore

/// Edits that need each other, or are too large on their own, where one change set can't hold them.
@Suite("Edits that the end of a change set would part", .tags(.promise11))
struct SplitCircleTests {
    private let team: Team
    private static let schema = Schema(
        name: "parts", version: 1,
        collections: [
            CollectionSchema(
                "part",
                fields: [
                    Field("whole", .reference, .latest, to: ["part"], parent: true),
                    Field("next", .reference, .latest, to: ["part"]),
                    Field("needs", .set, .set, to: ["part"], references: true),
                    Field("code", .text, .review, unique: true),
                    Field("title", .text, .latest),
                    Field("body", .text, .text),
                    Field("notes", .text, .text),
                ])
        ])

    init() throws { team = try Team(2, schema: Self.schema) }

    private static func part(_ number: Int) -> String {
        "01890000-0000-7000-8000-00000000010\(number)"
    }

    private func write(_ statements: String...) throws {
        try team.foreign(0, "BEGIN; \(statements.joined(separator: "; ")); COMMIT")
    }

    /// Shares parts with the codes C0, C1 and so on.
    private func share(_ count: Int) throws {
        for number in 0..<count {
            try write("INSERT INTO part (id, code) VALUES ('\(Self.part(number))', 'C\(number)')")
        }
        try syncAll()
    }

    private func syncAll() throws { for _ in 0..<2 { for place in 0..<2 { try team.sync(place) } } }

    /// Seals with so much room, syncs, and gives what the other replica holds, in order.
    private func outcome(
        operations: Int = 20_000, bytes: Int = 1 << 20, of columns: String
    ) throws -> [String] {
        let replica = team.replicas[0]
        try replica.quietly { db in
            _ = try Sealer(replica, db, room: ChangeSetRoom(operations: operations, bytes: bytes))
                .seal(message: "")
        }
        for delivery in try replica.outbox() {
            #expect(delivery.changeSet.operations.count <= operations)
        }
        try syncAll()
        for replica in team.replicas {
            let status = try replica.status()
            #expect(status.outbox == 0 && status.quarantine == 0 && status.conflicts == 0)
            let state = try team.workspace.head().state
            #expect(status.digest == state)
            #expect(try replica.verify().matches)
        }
        return try team.replicas[1].read {
            try String.fetchAll($0, sql: "SELECT \(columns) FROM part ORDER BY id")
        }
    }

    @Test("records that refer to each other in a circle are all made", arguments: 1...5)
    func circle(operations: Int) throws {
        try write(
            (0..<4).map { number in
                let next = Self.part((number + 1) % 4)
                return """
                    INSERT INTO part (id, next, needs)
                    VALUES ('\(Self.part(number))', '\(next)', '["\(next)"]')
                    """
            }.joined(separator: ";"))
        let found = try outcome(
            operations: operations, of: "substr(next, 36) || json_array_length(needs)")
        #expect(found == ["11", "21", "31", "01"])
    }

    @Test("an edit of a record that goes into a circle keeps what it was before")
    func updated() throws {
        try share(2)
        try write(
            "INSERT INTO part (id, next) VALUES ('\(Self.part(2))', '\(Self.part(0))')",
            "UPDATE part SET title = 'first', next = '\(Self.part(2))' WHERE code = 'C0'",
            "UPDATE part SET next = '\(Self.part(0))' WHERE code = 'C1'")
        let found = try outcome(operations: 1, of: "coalesce(title, '') || substr(next, 36)")
        #expect(found == ["first2", "0", "0"])
    }

    @Test("a unique text that moves keeps its form", arguments: 1...3)
    func moved(operations: Int) throws {
        try share(2)
        try write(
            "UPDATE part SET title = 'second' WHERE id = '\(Self.part(1))'",
            "INSERT INTO part (id) VALUES ('\(Self.part(2))'), ('\(Self.part(3))')",
            "UPDATE part SET code = NULL WHERE id = '\(Self.part(0))'",
            "UPDATE part SET code = 'C0' WHERE id = '\(Self.part(1))'")
        let found = try outcome(operations: operations, of: "coalesce(code, '')")
        #expect(found == ["", "C0", "", ""])
    }

    @Test("unique texts that change places keep their form", arguments: 1...3)
    func swapped(operations: Int) throws {
        try share(3)
        try write(
            "UPDATE part SET code = NULL",
            "UPDATE part SET code = 'C' || ((substr(id, 36) + 1) % 3)")
        #expect(try outcome(operations: operations, of: "code") == ["C1", "C2", "C0"])
    }

    @Test("what moves from a deleted record to one that takes its unique text", arguments: 1...3)
    func replaced(operations: Int) throws {
        try share(2)
        try write("UPDATE part SET whole = '\(Self.part(0))' WHERE id = '\(Self.part(1))'")
        try syncAll()
        try write(
            "INSERT INTO part (id) VALUES ('\(Self.part(2))')",
            "UPDATE part SET whole = '\(Self.part(2))' WHERE id = '\(Self.part(1))'",
            "DELETE FROM part WHERE id = '\(Self.part(0))'",
            "UPDATE part SET code = 'C0' WHERE id = '\(Self.part(2))'")
        let found = try outcome(
            operations: operations, of: "code || coalesce(substr(whole, 36), '')")
        #expect(found == ["C12", "C0"])
    }

    @Test("an edit too large for one change set goes into several, field by field")
    func large() throws {
        try share(1)
        for letter in ["a", "b"] {
            try write(
                """
                UPDATE part SET title = printf('%.400c', '\(letter)'), code = '\(letter)',
                body = printf('%.400c', '\(letter)'), notes = printf('%.400c', '\(letter)')
                """)
            let found = try outcome(bytes: 1_200, of: "code || title || body || notes")
            #expect(found == [letter + String(repeating: letter, count: 1_200)])
        }
        #expect(try team.workspace.head().version > 3)
    }

    @Test("so does a new record, with what is small first, and two copies of the file agree")
    func largeInsert() throws {
        try write(
            """
            INSERT INTO part (id, code, title, body, notes, next) VALUES ('\(Self.part(0))', 'C',
            printf('%.700c', 't'), printf('%.700c', 'b'), printf('%.700c', 'n'), '\(Self.part(0))')
            """)
        let path = team.folder.appending(path: "copy.sqlite").path
        try team.foreign(0, "VACUUM INTO '\(path)'")
        let copy = try Replica(
            path: path, schema: team.schema, clock: { [clock = team.clock] in clock.time })
        try copy.quietly { db in
            _ = try Sealer(copy, db, room: ChangeSetRoom(bytes: 1_000)).seal(message: "")
        }
        let again = try copy.outbox().map(\.changeSet)
        #expect(again.map { $0.operations[0].kind } == [.insert, .update, .update])
        #expect(again[0].operations[0].fields.map(\.field).contains("code"))
        let replica = team.replicas[0]
        try replica.quietly { db in
            _ = try Sealer(replica, db, room: ChangeSetRoom(bytes: 1_000)).seal(message: "")
        }
        #expect(try replica.outbox().map(\.changeSet) == again)
        let found = try outcome(bytes: 1_000, of: "code || length(title || body || notes)")
        #expect(found == ["C2100"])
    }
}
