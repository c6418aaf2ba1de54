// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingStore
import TingTesting

/// SQLite keeps any bytes as a text.
@Suite("Texts that are not UTF-8", .tags(.promise2, .promise11))
struct UnreadableTextTests {
    private let team: Team

    init() throws {
        team = try Team(2)
        try team.foreign(
            0, "INSERT INTO project (title, summary, partners) VALUES ('Water', 'one', '[\"a\"]')")
        for position in 0..<2 { try team.sync(position) }
    }

    private func hex(_ column: String) throws -> [String?] {
        for _ in 0..<2 { for position in 0..<2 { try team.sync(position) } }
        return try team.replicas.map { replica in
            try replica.read { try String.fetchOne($0, sql: "SELECT hex(\(column)) FROM project") }
        }
    }

    @Test("they are held back as they are, with their remedy, and nothing else is")
    func held() throws {
        try team.foreign(
            0,
            """
            UPDATE project SET title = CAST(x'61ff62' AS TEXT),
            partners = CAST(x'5b22ff225d' AS TEXT), summary = 'two'
            """)
        #expect(try hex("title") == ["61FF62", "5761746572"])
        #expect(try hex("partners") == ["5B22FF225D", "5B2261225D"])
        #expect(try hex("summary") == ["74776F", "74776F"])
        let invalid = try team.replicas[0].status().invalid
        #expect(invalid.map(\.field) == ["partners", "title"])
        #expect(invalid.last?.problem == "title holds bytes that are not UTF-8")
        try team.foreign(0, "UPDATE project SET title = 'ab', partners = '[]'")
        #expect(try hex("title") == ["6162", "6162"])
        #expect(try team.replicas[0].status().invalid.isEmpty)
    }

    @Test("a record with such a text is held back whole")
    func insert() throws {
        try team.foreign(0, "INSERT INTO person (name) VALUES (CAST(x'ff' AS TEXT))")
        #expect(try team.replicas[0].status().invalid.map(\.field) == ["name"])
        #expect(try team.replicas[0].outbox().isEmpty)
    }

    @Test("one that reads like what stood there is put back")
    func same() throws {
        try team.foreign(0, "UPDATE project SET title = CAST(x'61efbfbd62' AS TEXT)")
        #expect(try hex("title") == ["61EFBFBD62", "61EFBFBD62"])
        try team.foreign(0, "UPDATE project SET title = CAST(x'61ff62' AS TEXT)")
        #expect(try hex("title") == ["61EFBFBD62", "61EFBFBD62"])
        #expect(try team.replicas[0].status().invalid.isEmpty)
    }

    @Test("a NUL behind what stood there is held back")
    func nul() throws {
        try team.foreign(0, "UPDATE project SET title = title || char(0) || 'b'")
        #expect(try hex("title") == ["57617465720062", "5761746572"])
        #expect(try team.replicas[0].status().invalid.map(\.field) == ["title"])
    }
}
