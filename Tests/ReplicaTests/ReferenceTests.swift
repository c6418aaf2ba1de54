// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("Reference tables")
struct ReferenceTests {
    private let team: Team
    private var replica: Replica { team.replicas[0] }

    init() throws {
        team = try Team(1)
        try replica.write { db in
            try db.execute(sql: "INSERT INTO project (title) VALUES ('Water')")
        }
    }

    private func install(_ name: String, _ columns: [String], _ rows: [[String]]) throws {
        try replica.install(reference: name, columns: columns, rows: rows)
    }

    @Test("are written anew, with empty cells as NULL")
    func anew() throws {
        for names in [["Odense"], ["København", "上海"]] {
            try install("city", ["name", "code"], names.map { [$0, ""] })
            let found = try replica.read {
                try String.fetchAll($0, sql: "SELECT name FROM city WHERE code IS NULL")
            }
            #expect(found == names)
        }
    }

    @Test(
        "take no other table's place, however it is written",
        arguments: [
            "ting_outbox", "TING_outbox", "ting_new", "sqlite_new", "project", "Project", "history",
            "member", "conflict", "", "a\" (b); DROP TABLE project --",
        ])
    func taken(_ name: String) throws {
        let before = try (replica.outbox().count, replica.contents())
        #expect(throws: InvalidValue.self) { try install(name, ["key"], [["a"]]) }
        let after = try (replica.outbox().count, replica.contents())
        #expect(after == before)
        #expect(before.0 == 1)
        #expect(try replica.verify().matches)
    }

    @Test("rows that don't fit the columns are refused whole")
    func misfits() throws {
        #expect(throws: InvalidValue.self) { try install("city", [], []) }
        #expect(throws: InvalidValue.self) {
            try install("city", ["name", "code"], [["Odense", "461"], ["Aarhus"]])
        }
        #expect(throws: DatabaseError.self) { try install("city", ["name"], [["a"], ["a"]]) }
        #expect(try replica.read { try !$0.tableExists("city") })
    }
}
