// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// What is held back is in its row alone: it stays there whatever the server's snapshot holds.
@Suite("Held back, and starting over", .tags(.promise4))
struct HeldBackTests {
    static let project = "01890000-0000-7000-8000-000000000001"
    private let team: Team
    private var replica: Replica { team.replicas[0] }

    init() throws {
        team = try Team(2)
        try team.foreign(
            1,
            "INSERT INTO project (id, title, hours) VALUES ('\(Self.project)', 'Water', 3)")
        try team.sync(1)
        try team.sync(0)
    }

    private func holdBack() throws {
        try team.foreign(0, "UPDATE project SET status = 'nonsense'")
        try replica.seal()
        #expect(try replica.status().invalid.map(\.field) == ["status"])
    }

    /// The other member makes this edit, and the floor rises above what the replica holds.
    private func leaveBehind(_ edits: String...) throws {
        for edit in edits {
            try team.foreign(1, edit)
            try team.sync(1)
        }
        for title in ["a", "b", "c"] {
            try team.foreign(1, "INSERT INTO person (name) VALUES ('\(title)')")
            try team.sync(1)
        }
        try team.compact(.keep(1))
    }

    private func startOver() throws {
        let outcome = try team.run(replica, team.members[0])
        #expect(outcome.startedOver == .belowFloor)
        #expect(outcome.summary.sent == 0)
    }

    /// What a server is that was wiped: another epoch, another key for receipts.
    private func emptyWorkspace() throws -> Workspace {
        var generator = SystemRandomNumberGenerator()
        return try Workspace.create(
            path: team.folder.appending(path: "new.sqlite").path, slug: "team",
            schema: team.schema, epoch: .random(using: &generator),
            receiptKey: (0..<32).map { UInt8($0) })
    }

    private func shown() throws -> [String] {
        try replica.read {
            try String.fetchAll($0, sql: "SELECT title || hours || status FROM project ORDER BY id")
        }
    }

    private func written() throws -> [TingCore.Operation] {
        try team.entries().filter { $0.author == team.members[0].id }
            .flatMap(\.changeSet.operations)
    }

    private func remains(_ rows: [String]) throws {
        for _ in 0..<2 {
            #expect(try shown() == rows)
            #expect(try replica.status().invalid.map(\.field) == ["status"])
            #expect(try replica.outbox().isEmpty)
            #expect(try replica.verify().matches)
            try team.sync(0)
        }
        #expect(try written().isEmpty)
    }

    @Test("in a record that the snapshot lacks it stays in its row, and deletes nothing")
    func deleted() throws {
        try holdBack()
        try leaveBehind("DELETE FROM project")
        try startOver()
        try remains(["Water3nonsense"])
        // Mended, it is an edit that had not seen the deletion.
        try team.foreign(0, "UPDATE project SET status = 'done'")
        for position in [0, 1] { try team.sync(position) }
        #expect(try shown() == ["Water3done"])
        #expect(try written().map(\.kind) == [.update])
        let kinds = try team.replicas[1].read {
            try String.fetchAll($0, sql: "SELECT kind FROM conflict")
        }
        #expect(kinds == ["deleted"])
    }

    @Test("given up in a record that the snapshot lacks, it takes its row with it")
    func givenUp() throws {
        try holdBack()
        try leaveBehind("DELETE FROM project")
        try startOver()
        try team.foreign(0, "DELETE FROM project")
        for position in [0, 1] { try team.sync(position) }
        #expect(try shown().isEmpty)
        let status = try replica.status()
        #expect(status.invalid.isEmpty && status.outbox == 0 && status.quarantine == 0)
        #expect(try replica.verify().matches)
    }

    @Test("with a server that was emptied it stays in its row too")
    func emptied() throws {
        try holdBack()
        let path = team.folder.appending(path: "snapshot.sqlite").path
        _ = try emptyWorkspace().writeSnapshot(to: path)
        try replica.startOver(from: path, because: .anotherEpoch)
        for _ in 0..<2 {
            #expect(try shown() == ["Water3nonsense"])
            #expect(try replica.status().invalid.map(\.field) == ["status"])
            #expect(try replica.outbox().isEmpty)
            try replica.seal()
        }
    }

    @Test(
        "what the emptied server rejects is shown no more beside it, and can be made again once it has the record"
    )
    func rejected() throws {
        try team.foreign(0, "UPDATE project SET status = 'nonsense', title = 'Vand'")
        try replica.seal()
        #expect(try shown() == ["Vand3nonsense"])
        try team.workspace.close()
        team.workspace = try emptyWorkspace()
        _ = try team.run(replica, team.members[0])
        #expect(try shown() == ["Water3nonsense"])
        let waiting = try #require(try replica.quarantine().first)
        try team.foreign(0, "UPDATE project SET hours = hours + 4")
        try replica.seal()
        #expect(try shown() == ["Water7nonsense"])
        // The server knows of no such record: it would reject them.
        #expect(throws: InvalidEdit.self) {
            try replica.redoQuarantine(waiting.changeSet.id, message: "") { _, _ in [:] }
        }
        #expect(try replica.outbox().isEmpty)
        try team.sync(1)
        try team.sync(0)
        // It does once another member has given it back.
        try replica.redoQuarantine(waiting.changeSet.id, message: "") { _, _ in [:] }
        #expect(try shown() == ["Vand7nonsense"])
        for position in [0, 1] { try team.sync(position) }
        #expect(
            Set(try written().flatMap(\.fields).map(\.field)) == ["hours", "title"])
    }

    @Test("what others wrote to the record's other fields is shown beside it")
    func changed() throws {
        try holdBack()
        try leaveBehind("UPDATE project SET title = 'Vand', status = 'done'")
        try startOver()
        try remains(["Vand3nonsense"])
    }

    @Test("after a deletion that came in meanwhile was undone, the snapshot's values are shown")
    func undone() throws {
        try holdBack()
        try team.foreign(1, "DELETE FROM project")
        try team.sync(1)
        try team.sync(0)
        #expect(try shown() == ["Water3nonsense"])
        try leaveBehind(
            "INSERT INTO project (id, title, hours) VALUES ('\(Self.project)', 'Vand', 4)")
        try startOver()
        try remains(["Vand4nonsense"])
    }

    @Test("a new record that is held back stays whole")
    func inserted() throws {
        try team.foreign(
            0, "INSERT INTO project (title, hours, status) VALUES ('New', 7, 'nonsense')")
        try replica.seal()
        try leaveBehind("DELETE FROM project")
        try startOver()
        try remains(["New7nonsense"])
        try team.foreign(0, "UPDATE project SET status = 'done'")
        for position in [0, 1] { try team.sync(position) }
        #expect(try written().map(\.kind) == [.insert])
        #expect(try shown() == ["New7done"])
    }

    // MARK: Texts with a NUL, at which C strings end

    private func hex(_ column: String, of table: String = "project") throws -> String? {
        try replica.read { try String.fetchOne($0, sql: "SELECT hex(\(column)) FROM \(table)") }
    }

    @Test("a text with a NUL stays whole where the replica starts over, and isn't sent")
    func nul() throws {
        try team.foreign(0, "UPDATE project SET summary = 'head' || char(0) || 'tail'")
        try replica.seal()
        try leaveBehind("UPDATE project SET title = 'Vand'")
        try startOver()
        for _ in 0..<2 {
            #expect(try hex("summary") == "68656164007461696C")
            #expect(try replica.status().invalid.map(\.field) == ["summary"])
            try team.sync(0)
        }
        #expect(try written().isEmpty)
    }

    @Test("what leaves with a logout has its NUL, and comes back with it")
    func nulLeaves() throws {
        try team.foreign(0, "UPDATE project SET summary = 'head' || char(0) || 'tail'")
        let held = try replica.heldEdits()
        #expect(held.first?.columns == ["summary": .text("head\0tail")])
        let other = try team.clone(for: team.members[0])
        #expect(try other.take(outbox: [], quarantine: [], held: held) == 1)
        let whole = try other.read {
            try String.fetchOne($0, sql: "SELECT hex(summary) FROM project")
        }
        #expect(whole == "68656164007461696C")
        #expect(try other.status().invalid.map(\.field) == ["summary"])
    }

    @Test("what is not UTF-8 leaves with a logout byte for byte, and comes back held back")
    func bytesLeave() throws {
        try team.foreign(0, "UPDATE project SET summary = CAST(x'61ff62' AS TEXT)")
        let held = try replica.heldEdits()
        #expect(held.first?.columns == ["summary": .bytes([0x61, 0xff, 0x62])])
        let other = try team.clone(for: team.members[0])
        #expect(try other.take(outbox: [], quarantine: [], held: held) == 1)
        let whole = try other.read {
            try String.fetchOne($0, sql: "SELECT hex(summary) FROM project")
        }
        #expect(whole == "61FF62")
        #expect(try other.status().invalid.map(\.field) == ["summary"])
        #expect(try other.status().outbox == 0)
    }

    @Test(
        "an id with a NUL is held back as any other that is none, and told",
        arguments: [true, false])
    func nulInID(besideRecord: Bool) throws {
        let id = besideRecord ? Self.project : "01890000-0000-7000-8000-00000000ab01"
        try team.foreign(
            0, "INSERT INTO person (id, name) VALUES ('\(id)' || char(0) || 'x', 'Kept')")
        for reason in [SyncPlan.StartOver.notMended, .belowFloor] {
            for _ in 0..<2 {
                try team.sync(0)
                #expect(try replica.status().invalid.map(\.record) == [id + "\0x"])
                #expect(try hex("id", of: "person")?.hasSuffix("0078") == true)
                #expect(try replica.verify().matches)
            }
            let path = team.folder.appending(path: "\(reason).sqlite").path
            _ = try team.workspace.writeSnapshot(to: path)
            try replica.startOver(from: path, because: reason)
        }
        #expect(try shown() == ["Water3idea"])
        #expect(try replica.heldEdits().map(\.columns) == [["name": .text("Kept")]])
        try team.foreign(0, "UPDATE person SET id = '01890000-0000-7000-8000-00000000ab02'")
        for position in [0, 1] { try team.sync(position) }
        #expect(try replica.status().invalid.isEmpty)
        #expect(try written().map(\.kind) == [.insert])
    }

    @Test("the library refuses an id with a NUL")
    func nulInOwnID() throws {
        #expect(throws: InvalidEdit.self) {
            try replica.write {
                try $0.execute(
                    sql: "INSERT INTO person (id, name) VALUES ('\(Self.project)' || char(0), 'x')")
            }
        }
        #expect(try replica.status().invalid.isEmpty)
    }

    // MARK: The file aside

    @Test("the file that is kept aside can be read by its owner alone")
    func mode() throws {
        let path = team.folder.appending(path: "snapshot.sqlite").path
        _ = try team.workspace.writeSnapshot(to: path)
        try replica.startOver(from: path, because: .notMended)
        let aside = try FileManager.default.contentsOfDirectory(atPath: team.folder.path)
            .filter { $0.contains(".before-") }
        #expect(aside.count == 1)
        for name in aside {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: team.folder.appending(path: name).path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    // MARK: Rows that are gone

    @Test("a row that nobody is noted to have deleted is no deletion: it is shown again")
    func vanished() throws {
        try holdBack()
        try replica.tamper { try $0.execute(sql: "DELETE FROM project") }
        try team.foreign(0, "INSERT INTO person (name) VALUES ('Another')")
        try team.sync(0)
        #expect(try written().map(\.kind) == [.insert])
        #expect(try shown() == ["Water3idea"])
        #expect(try replica.verify().matches)
    }

    @Test("a *keep* of a record that was never here is nothing")
    func keptNothing() throws {
        let nobody = try #require(RecordID("01890000-0000-7000-8000-00000000000f"))
        try replica.write { try replica.keep($0, "project", nobody, field: "title") }
        #expect(try replica.outbox().isEmpty)
    }

    @Test("a *keep* of a deleted record says that it stays deleted")
    func keptDeleted() throws {
        try team.foreign(1, "DELETE FROM project")
        try team.sync(1)
        try team.sync(0)
        let record = try #require(RecordID(Self.project))
        try replica.write { try replica.keep($0, "project", record, field: nil) }
        try team.sync(0)
        #expect(try written().map(\.kind) == [.delete])
    }

    @Test("a record with something held back is deleted as any other", arguments: [true, false])
    func reallyDeleted(byOtherTool: Bool) throws {
        try holdBack()
        if byOtherTool {
            try team.foreign(0, "DELETE FROM project")
        } else {
            try replica.write { try $0.execute(sql: "DELETE FROM project") }
        }
        for position in [0, 1] { try team.sync(position) }
        #expect(try written().map(\.kind) == [.delete])
        #expect(try shown().isEmpty)
        #expect(try team.replicas[1].contents().isEmpty)
    }

    // MARK: Rot

    /// Puts a value where SQLite would let none of that type in.
    private func rot(_ column: String, _ value: String) throws {
        func declare(_ from: String, _ to: String) -> String {
            """
            PRAGMA writable_schema = ON;
            UPDATE sqlite_schema SET sql = replace(sql, '\(from)', '\(to)')
            WHERE name = 'ting_note';
            PRAGMA writable_schema = RESET;
            """
        }
        try team.foreign(
            0,
            declare(") STRICT", ") --STRICT") + "UPDATE ting_note SET \(column) = \(value);"
                + declare("--STRICT", "STRICT"))
    }

    @Test(
        "a note that rotted into another type is an error, and ends no process",
        arguments: [
            ("time", "'rotten'"), ("kind", "x'ff'"), ("field", "x'ff'"), ("draft", "7.5"),
            ("kind = 'd', before", "'{'"),
        ])
    func rotten(_ column: String, _ value: String) throws {
        try holdBack()
        try rot(column, value)
        #expect(throws: (any Error).self) {
            try replica.write { try $0.execute(sql: "UPDATE project SET title = 'Vand'") }
        }
        #expect(try shown() == ["Water3nonsense"])
        try team.foreign(0, "UPDATE project SET title = 'Wasser'")
        _ = try? replica.seal()
        #expect(try shown().count == 1)
    }

    @Test("a note whose kind rotted still holds back what it did")
    func rottenKind() throws {
        try holdBack()
        try rot("kind", "'w'")
        try team.foreign(0, "UPDATE project SET title = 'Wasser'")
        try replica.seal()
        #expect(try shown() == ["Wasser3nonsense"])
        #expect(try replica.status().invalid.map(\.field) == ["status"])
    }

    @Test("a number that rotted in a note of a whole row ends no process")
    func rottenNumber() throws {
        try holdBack()
        try rot("kind = 'd', before", "'{\"hours\":1e300,\"budget\":99999999999999999999}'")
        try team.foreign(0, "UPDATE project SET title = 'Wasser'")
        _ = try? replica.seal()
        #expect(try shown().count == 1)
    }
}
