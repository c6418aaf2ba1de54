// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// A tool that copies rows with their places in the table takes other rows away by REPLACE.
@Suite("A row that takes another's place in its table", .tags(.promise11))
struct ReplacedRowTests {
    static let project = "01890000-0000-7000-8000-000000000001"
    static let first = "01890000-0000-7000-8000-0000000000a1"
    static let second = "01890000-0000-7000-8000-0000000000a2"
    static let new = "01890000-0000-7000-8000-0000000000a3"
    private let team: Team

    init() throws {
        team = try Team(2)
        try team.foreign(
            0,
            """
            INSERT INTO project (id, title) VALUES ('\(Self.project)', 'Water');
            INSERT INTO task (id, project, title) VALUES
            ('\(Self.first)', '\(Self.project)', 'First'),
            ('\(Self.second)', '\(Self.project)', 'Second');
            """)
        for position in [0, 1] { try team.sync(position) }
    }

    private func expectSame(_ titles: String) throws {
        try team.expectAgreement()
        for replica in team.replicas {
            #expect(try replica.status().conflicts == 0)
            let there = try replica.read {
                try String.fetchOne(
                    $0,
                    sql: "SELECT group_concat(title, ' ') FROM (SELECT title FROM task ORDER BY id)"
                )
            }
            #expect(there ?? "" == titles)
        }
        #expect(
            try team.replicas[0].read {
                try Int.fetchOne($0, sql: "SELECT count(*) FROM ting_mended")
            } == 0)
    }

    private static let place = "(SELECT rowid FROM task WHERE id = '\(first)')"

    static let forms: [(String, String)] = [
        (
            "INSERT OR REPLACE INTO task (rowid, id, title) SELECT rowid, '\(new)', 'New' FROM task WHERE id = '\(first)'",
            "Second New"
        ),
        (
            "REPLACE INTO task (_rowid_, id, title) VALUES (\(place), '\(second)', 'Both')", "Both"
        ),
        (
            "REPLACE INTO task (oid, id, title) VALUES (\(place), '\(first)', 'Itself')",
            "Itself Second"
        ),
        ("UPDATE OR REPLACE task SET rowid = \(place) WHERE id = '\(second)'", "Second"),
        ("UPDATE OR REPLACE task SET oid = \(place) WHERE id = '\(second)'", "Second"),
        (
            "UPDATE OR REPLACE task SET _rowid_ = \(place), title = 'Moved' WHERE id = '\(second)'",
            "Moved"
        ),
        (
            "UPDATE OR REPLACE task SET rowid = \(place), id = '\(new)' WHERE id = '\(second)'",
            "Second"
        ),
        ("UPDATE task SET rowid = rowid + 100", "First Second"),
        (
            "UPDATE task SET rowid = -1 WHERE id = '\(first)'; REPLACE INTO task (id, title) VALUES ('\(new)', 'New')",
            "First Second New"
        ),
    ]

    @Test("of what another tool takes away by its place, the deletion is sent", arguments: forms)
    func foreign(_ sql: String, _ titles: String) throws {
        try team.foreign(0, sql)
        try expectSame(titles)
    }

    @Test("the library sees it, too", arguments: forms)
    func library(_ sql: String, _ titles: String) throws {
        try team.replicas[0].write { try $0.execute(sql: sql) }
        try expectSame(titles)
    }

    @Test("children of the record that goes go with it", arguments: [0, 7])
    func children(_ step: Int) throws {
        try team.foreign(
            0,
            """
            UPDATE project SET rowid = rowid + \(step);
            REPLACE INTO project (rowid, id, title)
            SELECT rowid, '01890000-0000-7000-8000-000000000002', 'Air' FROM project
            """)
        try expectSame("")
    }
}
