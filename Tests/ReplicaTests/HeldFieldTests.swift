// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// Fields that the schema doesn't allow as they are: they wait in their rows, and hold up nothing else.
@Suite("Fields that are held back", .tags(.promise11))
struct HeldFieldTests {
    static let project = ForeignEditTests.project

    private func team(_ size: Int = 2) throws -> Team { try ForeignEditTests.team(size) }

    private func text(_ team: Team, _ replica: Int, _ sql: String) throws -> String? {
        try team.replicas[replica].read { try String.fetchOne($0, sql: sql) }
    }

    @Test("a held child does not stop the deletion of its parent", .tags(.promise6))
    func heldChild() throws {
        let team = try team()
        try team.foreign(
            0,
            "INSERT INTO project (id, title, retain) VALUES (lower(hex(randomblob(4))), 'x', 'y')")
        try team.foreign(
            0,
            "INSERT INTO task (project, title) VALUES ('\(Self.project)', char(0) || 'held')")
        #expect(try team.replicas[0].status().invalid.count == 2)
        try team.foreign(0, "DELETE FROM project WHERE id = '\(Self.project)'")
        try team.expectAgreement()
        #expect(try team.replicas[0].status().quarantine == 0)
        #expect(try text(team, 1, "SELECT count(*) FROM project") == "0")
    }

    @Test(
        "a held field keeps what its author had seen, so no value is replaced in silence",
        .tags(.promise3))
    func heldBase() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET status = 'nonsense'")
        _ = try team.replicas[0].seal()
        try team.foreign(1, "UPDATE project SET status = 'done'")
        try team.sync(1)
        try team.sync(0)
        _ = try team.replicas[0].status()
        #expect(try text(team, 0, "SELECT status FROM project") == "nonsense")
        try team.foreign(0, "UPDATE project SET status = 'active'")
        try team.expectAgreement()
        #expect(try team.replicas[1].status().conflicts == 1)
    }

    @Test("a field that is held back can't be written invalid again by the library")
    func heldTwice() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET status = 'nonsense'")
        _ = try team.replicas[0].seal()
        #expect(throws: InvalidEdit.self) {
            try team.replicas[0].write { try $0.execute(sql: "UPDATE project SET status = 'no'") }
        }
    }

    @Test("a held-back field that is put back as it was shows what others wrote meanwhile")
    func released() throws {
        let team = try team()
        try team.foreign(1, "UPDATE project SET status = 'nonsense'")
        _ = try team.replicas[1].seal()
        try team.foreign(0, "UPDATE project SET status = 'active'")
        try team.sync(0)
        try team.sync(1)
        #expect(try text(team, 1, "SELECT status FROM project") == "nonsense")
        try team.foreign(1, "UPDATE project SET status = 'idea'")
        _ = try team.replicas[1].seal()
        #expect(try text(team, 1, "SELECT status FROM project") == "active")
        try team.expectAgreement()
    }

    @Test("what the library refers to must not be held back")
    func referenceToHeld() throws {
        let team = try team()
        let held = "01890000-0000-7000-8000-0000000000bb"
        try team.foreign(
            0, "INSERT INTO project (id, title, retain) VALUES ('\(held)', 'x', 'never')")
        _ = try team.replicas[0].seal()
        #expect(throws: InvalidEdit.self) {
            try team.replicas[0].write {
                try $0.execute(sql: "INSERT INTO task (project, title) VALUES ('\(held)', 'x')")
            }
        }
        try team.foreign(0, "DELETE FROM project WHERE id = '\(held)'")
        _ = try team.replicas[0].seal()
        #expect(throws: InvalidEdit.self) {
            try team.replicas[0].write {
                try $0.execute(sql: "INSERT INTO task (project, title) VALUES ('\(held)', 'x')")
            }
        }
        #expect(try team.replicas[0].status().invalid.isEmpty)
    }

    @Test("a deleted record made anew with one bad field comes back with the good ones")
    func restoredWithBadField() throws {
        let team = try team()
        try team.foreign(0, "DELETE FROM project")
        try team.sync(0)
        try team.foreign(
            0,
            "INSERT INTO project (id, title, retain) VALUES ('\(Self.project)', 'Back', 'never')")
        try team.expectAgreement()
        #expect(try text(team, 1, "SELECT title FROM project") == "Back")
        #expect(try team.replicas[1].status().conflicts == 0)
        #expect(try team.replicas[0].status().invalid.map(\.field) == ["retain"])
    }

    @Test("a text with a NUL is held back with its remedy, whole")
    func nul() throws {
        let team = try team()
        try team.foreign(0, "UPDATE project SET title = 'a' || char(0) || 'b', budget = 3")
        try team.expectAgreement()
        #expect(try team.replicas[0].status().invalid.map(\.field) == ["title"])
        #expect(try text(team, 0, "SELECT hex(title) FROM project") == "610062")
        #expect(try text(team, 1, "SELECT budget FROM project") == "3")
    }
}
