// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("Leaving a server, and coming back")
struct LeavingTests {
    private let team: Team

    init() throws { team = try Team(2) }

    private func insert(_ replica: Replica, _ title: String) throws {
        try replica.write { db in
            try db.execute(sql: "INSERT INTO project (title) VALUES (?)", arguments: [title])
        }
    }

    @Test("a replica that holds more than the person knows of is not removed", .tags(.promise4))
    func unknownEdits() throws {
        let replica = team.replicas[0]
        let known = try replica.unsynced()
        #expect(known.isEmpty)
        try insert(replica, "meanwhile")
        #expect(try !replica.remove(holding: known))
        #expect(try replica.outbox().count == 1)
        #expect(FileManager.default.fileExists(atPath: replica.path))
    }

    @Test("a program that has the file open can't edit into nothing, and is told why")
    func openElsewhere() throws {
        let replica = team.replicas[0]
        let other = try DatabaseQueue(path: replica.path)
        try other.write { try $0.execute(sql: "SELECT 1 FROM project") }
        let program = try Replica(path: replica.path, schema: .sample, clock: { 0 })
        try insert(program, "before")
        #expect(try replica.remove(holding: replica.unsynced()))
        #expect(!FileManager.default.fileExists(atPath: replica.path))
        let error = #expect(throws: DatabaseError.self) {
            try other.write { db in
                try db.execute(sql: "INSERT INTO project (title) VALUES ('lost')")
            }
        }
        #expect(error?.message == "this replica was removed by a logout")
        let told = #expect(throws: DatabaseError.self) { try insert(program, "lost") }
        #expect(told?.message == "this replica was removed by a logout")
    }

    @Test(
        "exported edits come back into a new replica: once, in order, and are accepted once",
        .tags(.promise4))
    func comeBack() throws {
        let old = team.replicas[0]
        try insert(old, "first")
        try old.write { try $0.execute(sql: "UPDATE project SET hours = 3") }
        let other = try DatabaseQueue(path: old.path)
        try other.write {
            try $0.execute(sql: "UPDATE project SET status = 'nonsense' WHERE title = 'first'")
        }
        let held = try old.heldEdits()
        let outbox = try old.outbox().map(\.changeSet)
        #expect(held.count == 1 && outbox.count == 2)
        try team.sync(0)

        let new = try team.clone(for: team.members[0])
        // Both were accepted meanwhile; the clone has them.
        #expect(try new.take(outbox: outbox, quarantine: [], held: held) == 1)
        #expect(try new.unsynced().outbox == 0 && new.unsynced().invalid == 1)

        let early = team.replicas[1]
        // A replica that has not heard of it takes them, and the server says that it knows them.
        #expect(try early.take(outbox: outbox, quarantine: [], held: []) == 2)
        #expect(try early.take(outbox: outbox, quarantine: [], held: []) == 0)
        let hours = try early.read { try Int64.fetchOne($0, sql: "SELECT hours FROM project") }
        #expect(hours == 3)
        try team.sync(1)
        #expect(try early.outbox().isEmpty)
        #expect(try team.workspace.head().version == 2)
        #expect(try early.verify().matches)
    }

    /// The copy of a file whose draft was copied with it: what waits there has an id that was accepted with
    /// other content.
    private func otherHalf() throws -> Replica {
        try insert(team.replicas[0], "Water")
        try team.sync(0)
        // A draft is in both files, and each finishes it otherwise.
        try team.foreign(0, "UPDATE project SET title = 'Original'")
        let copy = team.folder.appending(path: "copy.sqlite").path
        try team.foreign(0, "VACUUM INTO '\(copy)'")
        try team.foreign(copy, "UPDATE project SET budget = 7")
        try team.sync(0)
        let old = try Replica(
            path: copy, schema: team.schema, clock: { [clock = team.clock] in clock.time })
        try old.seal()
        return old
    }

    @Test(
        "what comes back under an id that was accepted with other content is kept in quarantine",
        .tags(.promise4), arguments: [true, false])
    func acceptedOtherwise(isImported: Bool) throws {
        let old = try otherHalf()
        let waiting = try old.outbox().map(\.changeSet)
        let new = try team.clone(for: team.members[0])
        for count in [1, 0] {
            if isImported {
                #expect(try new.take(outbox: waiting, quarantine: [], held: []) == count)
            } else {
                let carried = try new.carryOver(from: old.path)
                #expect((carried.outbox, carried.quarantine) == (0, count))
            }
        }
        let kept = try #require(try new.quarantine().first)
        #expect(kept.code == .acceptedOtherwise)
        #expect([kept.changeSet] == waiting)
        try new.redoQuarantine(kept.changeSet.id, message: "") { _, _ in [:] }
        try team.sync(new, team.members[0])
        let row = try new.read {
            try String.fetchOne($0, sql: "SELECT title || budget FROM project")
        }
        #expect(row == "Original7")
    }

    @Test(
        "so is what was in quarantine already, in a file that can't be used", .tags(.promise4))
    func rejectedOtherwise() throws {
        let old = try otherHalf()
        let waiting = try old.outbox().map(\.changeSet)
        #expect(try team.sync(old, team.members[0]).quarantined == 1)
        let new = try team.clone(for: team.members[0])
        for count in [1, 0] {
            let carried = try new.carryOver(from: old.path)
            #expect((carried.outbox, carried.quarantine, carried.damaged) == (0, count, 0))
        }
        let kept = try new.quarantine()
        #expect(kept.map(\.code) == [.acceptedOtherwise])
        #expect(kept.map(\.changeSet) == waiting)
    }

    @Test(
        "an export of what was accepted with other content comes into quarantine; while that waits, it is told",
        .tags(.promise4))
    func exportedOtherwise() throws {
        let old = try otherHalf()
        try team.sync(old, team.members[0])
        let items = try old.quarantine()
        #expect(items.map(\.code) == [.acceptedOtherwise])
        let new = try team.clone(for: team.members[0])
        #expect(try new.take(outbox: [], quarantine: items, held: []) == 1)
        #expect(try new.quarantine().map(\.changeSet) == items.map(\.changeSet))
        #expect(try new.twins(of: items.map(\.changeSet)) == 0)
        var twin = items[0].changeSet
        twin.message = "another"
        #expect(try new.twins(of: [twin]) == 1)
    }

    @Test("rejected edits come back into quarantine, with their reason")
    func quarantine() throws {
        try insert(team.replicas[0], "rejected")
        let changeSet = try #require(try team.replicas[0].outbox().first).changeSet
        let item = QuarantinedChangeSet(
            changeSet: changeSet, code: .roleTooLow, detail: "why", time: 7)
        let other = team.replicas[1]
        #expect(try other.take(outbox: [], quarantine: [item], held: []) == 1)
        #expect(try other.take(outbox: [], quarantine: [item], held: []) == 0)
        #expect(try other.quarantine() == [item])
        // What rots there is told, as where it was rejected.
        var rotten = changeSet
        rotten.message = "rotten"
        try other.tamper {
            try $0.execute(
                sql: "UPDATE ting_quarantine SET body = ?", arguments: [Data(rotten.storedBytes)])
        }
        #expect(try other.quarantine().map(\.isDamaged) == [true])
        try other.tamper {
            try $0.execute(
                sql: "UPDATE ting_quarantine SET body = ?",
                arguments: [Data(changeSet.storedBytes)])
        }
        try other.retryQuarantine([changeSet.id])
        #expect(try other.outbox().map(\.changeSet.id) == [changeSet.id])
    }
}
