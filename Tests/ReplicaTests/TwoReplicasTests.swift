// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("Two replicas and a server")
struct TwoReplicasTests {
    let project = "01890000-0000-7000-8000-000000000001"

    private func pair() throws -> Team {
        let team = try Team(2)
        try team.replicas[0].write { db in
            try db.execute(
                sql: """
                    INSERT INTO project (id, title, summary, partners, budget)
                    VALUES (?, 'Water', 'one\ntwo\nthree\n', '["ENS"]', 100)
                    """, arguments: [project])
        }
        try team.sync(0)
        try team.sync(1)
        return team
    }

    private func value(_ team: Team, _ replica: Int, _ column: String) throws -> String? {
        try team.replicas[replica].read { db in
            try String.fetchOne(
                db, sql: "SELECT CAST(\(column) AS TEXT) FROM project WHERE id = ?",
                arguments: [project])
        }
    }

    @Test("times of acceptance never go back, though the server's clock does", .tags(.promise9))
    func acceptanceTimes() throws {
        let team = try Team(1)
        for hours in [0, -5, 1, 6] as [Int64] {
            team.clock.advance(hours * 3_600_000)
            try team.replicas[0].write {
                try $0.execute(sql: "INSERT INTO project (title) VALUES ('P')")
            }
            try team.sync(0)
        }
        let times = try team.workspace.entries(since: 0, byteLimit: 1 << 20).map(\.accepted)
        #expect(times.count == 4)
        #expect(times == times.sorted())
        #expect(times[1] < times[3])
    }

    private func expectSame(_ team: Team) throws {
        for position in team.replicas.indices {
            try team.sync(position)
        }
        for position in team.replicas.indices {
            try team.sync(position)
            #expect(try team.replicas[position].verify().matches)
        }
        let digests = try team.replicas.map { try $0.status().digest }
        #expect(Set(digests).count == 1)
        #expect(try team.workspace.head().state == digests[0])
        #expect(try team.workspace.verify().problems == [])
    }

    private func both(_ column: String, _ first: String, _ second: String) throws -> Team {
        let team = try pair()
        try team.foreign(0, "UPDATE project SET \(column) = \(first) WHERE id = '\(project)'")
        _ = try team.replicas[0].seal()
        team.clock.advance(60_000)
        try team.foreign(1, "UPDATE project SET \(column) = \(second) WHERE id = '\(project)'")
        try expectSame(team)
        return team
    }

    @Test("an edit by the stock shell reaches the other replica", .tags(.promise11))
    func foreignEdit() throws {
        let team = try pair()
        try team.foreign(1, "UPDATE project SET title = 'Vand' WHERE id = '\(project)'")
        try expectSame(team)
        #expect(try value(team, 0, "title") == "Vand")
    }

    @Test("latest: the later edit is kept, the other opens a conflict", .tags(.promise3))
    func latest() throws {
        let team = try both("title", "'A'", "'B'")
        #expect(try value(team, 0, "title") == "B")
        #expect(try team.replicas[0].status().conflicts == 1)
        let other = try team.replicas[1].read {
            try String.fetchOne($0, sql: "SELECT other FROM conflict")
        }
        #expect(other == "\"A\"")
    }

    @Test("latest: equal edits agree and open nothing")
    func agreement() throws {
        let team = try both("title", "'A'", "'A'")
        #expect(try team.replicas[0].status().conflicts == 0)
    }

    @Test(
        "review: the value that was there stays, the later arrival is a proposal", .tags(.promise3))
    func review() throws {
        let team = try both("budget", "200", "300")
        #expect(try value(team, 1, "budget") == "200")
        let kind = try team.replicas[1].read {
            try String.fetchOne($0, sql: "SELECT kind FROM conflict WHERE status = 'open'")
        }
        #expect(kind == "proposal")
    }

    @Test("text: edits of different lines both hold")
    func text() throws {
        let team = try both("summary", "'ONE\ntwo\nthree\n'", "'one\ntwo\nTHREE\n'")
        #expect(try value(team, 0, "summary") == "ONE\ntwo\nTHREE\n")
        #expect(try team.replicas[0].status().conflicts == 0)
    }

    @Test("set: additions and removals of both hold")
    func set() throws {
        let team = try both("partners", "'[\"ENS\",\"DTU\"]'", "'[\"KL\"]'")
        #expect(try value(team, 0, "partners") == "[\"DTU\",\"KL\"]")
    }

    @Test("counter: both increments count, also when the results look equal")
    func counter() throws {
        let team = try both("hours", "hours + 5", "hours + 5")
        #expect(try value(team, 0, "hours") == "10")
    }

    @Test("max: of concurrent edits the larger is kept")
    func max() throws {
        let team = try both("sensitivity", "'restricted'", "'internal'")
        #expect(try value(team, 0, "sensitivity") == "restricted")
    }

    @Test("an edit brings back a record that another deleted, with a conflict", .tags(.promise3))
    func deleteAgainstEdit() throws {
        let team = try pair()
        try team.foreign(0, "DELETE FROM project")
        try team.foreign(1, "UPDATE project SET title = 'Kept'")
        try expectSame(team)
        #expect(try value(team, 0, "title") == "Kept")
        #expect(try team.replicas[0].status().conflicts == 1)
    }

    @Test("a child written concurrently brings its deleted parent back", .tags(.promise3))
    func childOfDeletedParent() throws {
        let team = try pair()
        try team.foreign(0, "DELETE FROM project")
        try team.foreign(
            1, "INSERT INTO task (project, title) VALUES ('\(project)', 'Inception report')")
        try expectSame(team)
        #expect(try value(team, 0, "title") == "Water")
        let kind = try team.replicas[0].read {
            try String.fetchOne($0, sql: "SELECT kind FROM conflict")
        }
        #expect(kind == "parent")
    }

    @Test("a unique value taken twice gets a suffix on the later record", .tags(.promise3))
    func unique() throws {
        let team = try pair()
        try team.foreign(0, "INSERT INTO project (title, code) VALUES ('a', 'JWP-1')")
        try team.foreign(1, "INSERT INTO project (title, code) VALUES ('b', 'JWP-1')")
        try expectSame(team)
        let codes = try team.replicas[0].read {
            try String.fetchAll(
                $0, sql: "SELECT code FROM project WHERE code IS NOT NULL ORDER BY code")
        }
        #expect(codes == ["JWP-1", "JWP-1~2"])
    }

    @Test("two records of one change set with one unique value: the second gets the suffix")
    func uniqueInOneChangeSet() throws {
        let team = try pair()
        try team.foreign(
            0, "INSERT INTO project (title, code) VALUES ('a', 'X'), ('b', 'X'), ('c', 'X~2')")
        try expectSame(team)
        let codes = try team.replicas[1].read {
            try String.fetchAll(
                $0, sql: "SELECT code FROM project WHERE code IS NOT NULL ORDER BY code")
        }
        #expect(codes.count == 3 && Set(codes).count == 3)
    }

    @Test("settling a conflict is done once, for all")
    func settle() throws {
        let team = try both("title", "'A'", "'B'")
        try team.replicas[0].write { db in
            try db.execute(sql: "UPDATE project SET title = 'A'")
            try db.execute(sql: "UPDATE conflict SET status = 'settled'")
        }
        try expectSame(team)
        #expect(try value(team, 1, "title") == "A")
        #expect(try team.replicas[1].status().conflicts == 0)
    }

    @Test("REPLACE is an update in which what was not named takes its default", .tags(.promise11))
    func replace() throws {
        let team = try pair()
        try team.foreign(0, "REPLACE INTO project (id, title) VALUES ('\(project)', 'New')")
        let request = try team.replicas[0].nextRequest()
        let operation = try #require(request.deliveries.first?.changeSet.operations.first)
        #expect(operation.kind == .update)
        #expect(operation.fields.map(\.field) == ["budget", "partners", "summary", "title"])
        try expectSame(team)
        #expect(try value(team, 1, "budget") == nil)
    }

    @Test("an edit undone before it is sealed leaves nothing to send")
    func undone() throws {
        let team = try pair()
        try team.foreign(0, "UPDATE project SET title = 'x'; UPDATE project SET title = 'Water'")
        try team.foreign(0, "BEGIN; UPDATE project SET title = 'y'; ROLLBACK")
        try team.foreign(
            0, "INSERT OR IGNORE INTO project (id, title) VALUES ('\(project)', 'ignored')")
        #expect(try team.replicas[0].nextRequest().deliveries.isEmpty)
    }

    @Test(
        "an invalid edit is held back with its record and remedy, and holds back nothing else",
        .tags(.promise6))
    func invalid() throws {
        let team = try pair()
        try team.foreign(0, "UPDATE project SET status = 'nonsense', title = 'Fine'")
        try team.foreign(
            0,
            """
            INSERT INTO project (id, title, retain)
            VALUES ('01890000-0000-7000-8000-0000000000bb', 'Bad date', '2026-13-01');
            INSERT INTO task (project, title)
            VALUES ('01890000-0000-7000-8000-0000000000bb', 'Refers to it')
            """)
        try expectSame(team)
        let status = try team.replicas[0].status()
        #expect(Set(status.invalid.compactMap(\.field)) == ["status", "retain", "project"])
        #expect(status.outbox == 0)
        #expect(try value(team, 1, "title") == "Fine")
        #expect(try value(team, 0, "status") == "nonsense")
        try team.foreign(0, "UPDATE project SET retain = '2026-12-01' WHERE retain IS NOT NULL")
        try team.foreign(0, "UPDATE project SET status = 'active' WHERE status = 'nonsense'")
        try expectSame(team)
        #expect(try team.replicas[0].status().invalid.isEmpty)
        #expect(try value(team, 1, "status") == "active")
    }

    @Test("a field that is held back doesn't stop a write to another field of its record")
    func heldField() throws {
        let team = try pair()
        try team.foreign(0, "UPDATE project SET status = 'nonsense'")
        try team.replicas[0].write { try $0.execute(sql: "UPDATE project SET title = 'Goes on'") }
        #expect(throws: InvalidEdit.self) {
            try team.replicas[0].write { try $0.execute(sql: "UPDATE project SET retain = 'soon'") }
        }
        try expectSame(team)
        #expect(try value(team, 1, "title") == "Goes on")
        #expect(try team.replicas[0].status().invalid.count == 1)
    }

    @Test(
        "search finds Chinese of one and two characters, Danish in every spelling, and unsynced edits"
    )
    func search() throws {
        let team = try pair()
        try team.foreign(0, "UPDATE project SET title = '哥本哈根与北京合作 København Århus'")
        for query in [
            "北京", "京", "kobenhavn", "koebenhavn", "København", "aarhus", "arhus", "Århus",
        ] {
            #expect(try team.replicas[0].search(query).count == 1, "\(query)")
        }
        try team.foreign(0, "UPDATE project SET title = 'Odense'")
        #expect(try team.replicas[0].search("北京").isEmpty)
        #expect(try team.replicas[0].search("odense").count == 1)
    }

    @Test(
        "words that are joined are found where they stand together; those of a list each anywhere")
    func searchPhrases() throws {
        let team = try pair()
        let replica = team.replicas[0]
        for (query, title, isFound) in [
            ("P-4000", "Pump P-4000, Odense", true), ("p-40", "Pump P-4000, Odense", true),
            ("P-4000", "Plan of 4000 pumps", false), ("P 4000", "Plan of 4000 pumps", true),
            ("anna@example.dk", "Write to anna@example.dk", true),
            ("anna@example.dk", "Anna has an example from .dk", false),
            ("Odense,Harbin", "From Harbin to Odense", true),
            ("哈尔滨、北京", "北京与哈尔滨", true), ("2026年计划", "2026年计划书", true),
            ("计划2026", "计划2026-2028", true), ("sønderborg-harb", "Sønderborg-Harbin", true),
        ] {
            try replica.write {
                try $0.execute(sql: "UPDATE project SET title = ?", arguments: [title])
            }
            #expect(try replica.search(query).count == (isFound ? 1 : 0), "\(query) in \(title)")
        }
    }

    @Test("the best matches come first; of more than are ranked, the newest")
    func searchOrder() throws {
        let team = try pair()
        let replica = team.replicas[0]
        let more = Limits.searchRankLimit + 1
        try replica.write { db in
            for index in 0..<more {
                let title = index == 7 ? "Aarhus Aarhus" : "Aarhus in a longer title"
                try db.execute(sql: "INSERT INTO project (title) VALUES (?)", arguments: [title])
            }
        }
        func titles(_ order: String) throws -> [RecordID] {
            try replica.read { db in
                try String.fetchAll(
                    db, sql: "SELECT id FROM project WHERE title LIKE '%aarhus%' ORDER BY \(order)")
            }.compactMap { RecordID($0) }
        }
        let newest = try titles("id DESC LIMIT 3")
        #expect(try replica.search("aarhus", limit: 3).map(\.id) == newest)
        #expect(try replica.search("aarhus", limit: more).count == more)
        #expect(try replica.search("aarhus").map(\.id) == titles("id DESC"))
        #expect(try replica.search("aarhus", limit: 0).isEmpty)
        try replica.write { db in
            try db.execute(
                sql: "DELETE FROM project WHERE title LIKE 'aarhus in%' AND rowid % 100 > 0")
        }
        let best = try titles("length(title) LIMIT 1")
        #expect(try replica.search("aarhus", limit: 1).map(\.id) == best)
    }

    @Test("reference tables can be read, and no tool can write them", .tags(.promise11))
    func reference() throws {
        let team = try pair()
        let replica = team.replicas[0]
        try replica.install(
            reference: "province", columns: ["code", "name"],
            rows: [["CN-SD", "山东"], ["CN-SC", ""]])
        #expect(throws: (any Error).self) { try team.foreign(0, "DELETE FROM province") }
        for sql in ["DELETE FROM province", "UPDATE province SET name = 'Elsewhere'"] {
            #expect(throws: DatabaseError.self) { try replica.write { try $0.execute(sql: sql) } }
        }
        let names = try replica.read {
            try String?.fetchAll($0, sql: "SELECT name FROM province ORDER BY code")
        }
        #expect(names == [nil, "山东"])
        #expect(try replica.nextRequest().deliveries.isEmpty)
    }

    @Test("a viewer's edits go to quarantine and out of the tables", .tags(.promise4))
    func viewer() throws {
        let team = try pair()
        try team.foreign(1, "UPDATE project SET title = 'Not mine to change'")
        let summary = try team.sync(team.replicas[1], team.members[1], role: .viewer)
        #expect(summary.quarantined == 1)
        #expect(try value(team, 1, "title") == "Water")
        let waiting = try team.replicas[1].quarantine()
        #expect(waiting.map(\.code) == [.roleTooLow])
        try team.replicas[1].retryQuarantine(waiting.map(\.changeSet.id))
        #expect(try value(team, 1, "title") == "Not mine to change")
        try expectSame(team)
        #expect(try value(team, 0, "title") == "Not mine to change")
    }

    @Test("a copied replica takes a new id; nothing is lost, nothing doubled", .tags(.promise10))
    func copied() throws {
        let team = try pair()
        try team.foreign(0, "UPDATE project SET hours = hours + 1")
        _ = try team.replicas[0].seal()
        let copyPath = team.folder.appending(path: "copy.sqlite").path
        try team.replicas[0].backup(to: copyPath)
        let copy = try Replica(path: copyPath, schema: team.schema) { [clock = team.clock] in
            clock.time
        }
        try team.foreign(0, "UPDATE project SET title = 'By the original'")
        try copy.write { try $0.execute(sql: "UPDATE project SET status = 'active'") }
        try team.sync(0)
        let summary = try team.sync(copy, team.members[0])
        #expect(summary.renamed)
        try expectSame(team)
        #expect(try value(team, 1, "hours") == "1")
        #expect(try value(team, 1, "title") == "By the original")
        #expect(try value(team, 1, "status") == "active")
        #expect(try team.replicas[0].identity().replica != copy.identity().replica)
    }
}
