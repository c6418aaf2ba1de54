// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingTesting

@testable import TingStore

/// Two files with one unsealed draft make the same of it, whenever each seals it: both send it, and it
/// counts once.
@Suite("Copies of a replica's file with an unsealed draft in it", .tags(.promise5, .promise10))
struct CopiedDraftTests {
    private static let water = "01890000-0000-7000-8000-000000000001"
    private static let air = "01890000-0000-7000-8000-000000000002"
    private static let new = "01890000-0000-7000-8000-000000000003"
    /// An edit that shows how often it was counted.
    private static let counted = "UPDATE project SET hours = hours + 5 WHERE id = '\(water)';"
    private let team: Team
    private var original: Replica { team.replicas[0] }

    init() throws {
        team = try Team(1)
        try team.foreign(
            0,
            """
            INSERT INTO project (id, title) VALUES ('\(Self.water)', 'Water'), ('\(Self.air)', 'Air');
            INSERT INTO task (project, title) SELECT '\(Self.air)', value
            FROM json_each('["A","B","C","D","E"]');
            INSERT INTO person (name) VALUES ('Li')
            """)
        try team.sync(0)
    }

    /// A copy of the original's file, with a draft of these statements that was noted a minute ago.
    private func copy(with draft: String) throws -> Replica {
        try team.foreign(0, draft)
        try team.foreign(0, "UPDATE ting_note SET time = time - 60000 WHERE time > 0")
        let path = team.folder.appending(path: "copy.sqlite").path
        try team.foreign(0, "VACUUM INTO '\(path)'")
        return try Replica(
            path: path, schema: team.schema, clock: { [clock = team.clock] in clock.time })
    }

    /// Seals as if no more operations went into one change set.
    private func seal(_ replica: Replica, operations: Int) throws {
        try replica.quietly { db in
            _ = try Sealer(replica, db, room: ChangeSetRoom(operations: operations))
                .seal(message: "")
        }
    }

    /// Seals the draft in both files, goes on in both, and expects that it counts once, and that nobody is
    /// told no; gives what it was sealed into.
    @discardableResult
    private func expectOnce(_ copy: Replica, operations: Int = 100) throws -> [ChangeSet] {
        try seal(original, operations: operations)
        team.clock.advance(5_000)
        try seal(copy, operations: operations)
        let sealed = try original.outbox().map(\.changeSet)
        let again = try copy.outbox().map(\.changeSet)
        #expect(again.map(\.id) == sealed.map(\.id))
        #expect(again.map(\.hash) == sealed.map(\.hash))
        for (replica, field) in [(original, "budget"), (copy, "progress")] {
            try replica.write { db in
                try db.execute(
                    sql: "UPDATE project SET \(field) = 7 WHERE id = '\(Self.water)'")
            }
        }
        for replica in [original, copy, original, copy] {
            try team.sync(replica, team.members[0])
        }
        for replica in [original, copy] {
            let row = try replica.read { db in
                try String.fetchOne(
                    db,
                    sql: """
                        SELECT hours || '/' || budget || '/' || progress FROM project
                        WHERE id = '\(Self.water)'
                        """)
            }
            #expect(row == "5/7/7")
            let status = try replica.status()
            #expect(status.outbox == 0 && status.quarantine == 0 && status.conflicts == 0)
            #expect(try replica.verify().matches)
        }
        // The draft, what came before it, and what each wrote after it.
        #expect(try team.entries().count == sealed.count + 3)
        return sealed
    }

    private func count(_ replica: Replica, _ source: String) throws -> Int? {
        try replica.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(source)") }
    }

    @Test("it counts once where its first note is of a row that another took the place of")
    func replacedFirst() throws {
        let copy = try copy(
            with: """
                INSERT OR REPLACE INTO person (rowid, id, name)
                SELECT rowid, '\(Self.new)', 'Mo' FROM person;
                \(Self.counted)
                """)
        let first = try copy.read {
            try String.fetchOne($0, sql: "SELECT kind FROM ting_note ORDER BY seq")
        }
        #expect(first == "r")
        let sealed = try expectOnce(copy)
        #expect(sealed.map(\.operations.count) == [3])
        for replica in [original, copy] {
            #expect(try count(replica, "person WHERE name = 'Mo'") == 1)
            #expect(try count(replica, "person") == 1)
        }
    }

    @Test("so it does where children of what it deletes go at sealing: they went when that did")
    func children() throws {
        let copy = try copy(
            with: "DELETE FROM project WHERE id = '\(Self.air)'; \(Self.counted)")
        let sealed = try expectOnce(copy)
        #expect(sealed.map(\.operations.count) == [7])
        let deletions = sealed.flatMap(\.operations).filter { $0.kind == .delete }
        #expect(deletions.count == 6)
        #expect(Set(deletions.map(\.time)).count == 1)
        for replica in [original, copy] { #expect(try count(replica, "task") == 0) }
    }

    @Test(
        "so it does where its first edit was taken back in one of them: the other form is rejected")
    func takenBack() throws {
        let copy = try copy(with: "UPDATE person SET name = 'Mo'; \(Self.counted)")
        try team.foreign(copy.path, "UPDATE person SET name = 'Li'")
        for replica in [original, copy] { try seal(replica, operations: 100) }
        let ids = try [original, copy].map { try $0.outbox().map(\.changeSet.id) }
        #expect(ids[0] == ids[1])
        for replica in [original, copy, original] { try team.sync(replica, team.members[0]) }
        #expect(try copy.quarantine().map(\.code) == [.acceptedOtherwise])
        let hours = try original.read {
            try Int.fetchOne($0, sql: "SELECT hours FROM project WHERE id = '\(Self.water)'")
        }
        #expect(hours == 5)
    }

    @Test("so it does where one change set can't hold it", arguments: 1...4)
    func split(operations: Int) throws {
        let copy = try copy(
            with: "\(Self.counted) DELETE FROM project WHERE id = '\(Self.air)'")
        let sealed = try expectOnce(copy, operations: operations)
        #expect(sealed.count > 1)
        #expect(sealed.flatMap(\.operations).count == 7)
        for replica in [original, copy] {
            #expect(try count(replica, "project") == 1)
            #expect(try count(replica, "task") == 0)
        }
    }
}
