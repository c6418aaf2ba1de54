// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// `Protocol/spec/merge.md#text`: what aligning the texts of one change set may cost.
@Suite("Costly texts", .tags(.promise6))
struct MergeStepTests {
    /// A team whose second member has edited, beside the first, the summaries of three projects.
    private func team(steps: Int, apart: Bool) throws -> Team {
        let team = try Team(2)
        try write(
            team, 0, "INSERT INTO project (title, summary) VALUES ('P', ?), ('Q', ?), ('R', ?)",
            Self.summary)
        try team.sync(0)
        try team.sync(1)
        try write(team, 0, "UPDATE project SET summary = ?", "A b C d e")
        try team.sync(0)
        team.workspace.setMergeStepLimit(steps)
        for condition in apart ? ["title = 'P'", "title = 'Q'", "title = 'R'"] : ["true"] {
            try write(team, 1, "UPDATE project SET summary = ? WHERE \(condition)", "a B c d e")
        }
        return team
    }

    private static let summary = "a b c d e"
    /// What one of them costs: the lines, a's and c's words, b's.
    private static let steps = 12 + 15 + 6

    private func write(_ team: Team, _ position: Int, _ sql: String, _ text: String) throws {
        try team.replicas[position].write { db in
            let statement = try db.makeStatement(sql: sql)
            let texts = Array(repeating: text, count: sql.count { $0 == "?" })
            try statement.execute(arguments: StatementArguments(texts))
        }
    }

    private func summaries(_ replica: Replica) throws -> [String?] {
        try replica.read {
            try String?.fetchAll($0, sql: "SELECT summary FROM project ORDER BY title")
        }
    }

    @Test("texts beyond the steps of a change set are kept whole, the other's in conflicts")
    func beyond() throws {
        let team = try team(steps: Self.steps + 1, apart: false)
        try team.sync(1)
        try team.sync(0)
        let own = try summaries(team.replicas[0])
        #expect(own == ["A B C d e", "a B c d e", "a B c d e"])
        #expect(try summaries(team.replicas[1]) == own)
        let others = try team.replicas[0].read {
            try String.fetchAll($0, sql: "SELECT other FROM conflict WHERE status = 'open'")
        }
        #expect(others == Array(repeating: "\"A b C d e\"", count: 2))
        #expect(try team.replicas[0].verify().matches)
    }

    @Test(
        "what follows a costly change set is left for the next request, and accepted by the same sync"
    )
    func leftForTheNext() throws {
        let team = try team(steps: 1, apart: true)
        let first = try team.workspace.accept(
            [
                .init(
                    request: try team.replicas[1].nextRequest(), member: team.members[1].id,
                    role: .editor)
            ], now: team.clock.time)[0]
        #expect(first.verdicts.map(\.number) == [1])
        #expect(first.clash == nil)
        let summary = try team.sync(1)
        #expect(summary.sent == 3)
        #expect(try team.replicas[1].outbox().isEmpty)
        #expect(try team.replicas[1].verify().matches)
    }

    @Test("a costly change set leaves others' requests of the same transaction one verdict each")
    func others() throws {
        let team = try team(steps: 1, apart: true)
        try write(team, 0, "UPDATE project SET title = ? WHERE title = 'P'", "P2")
        try team.replicas[0].seal()
        try write(team, 0, "UPDATE project SET title = ? WHERE title = 'Q'", "Q2")
        let requests = try [1, 0].map {
            Workspace.Submission(
                request: try team.replicas[$0].nextRequest(), member: team.members[$0].id,
                role: .editor)
        }
        let judgements = try team.workspace.accept(requests, now: team.clock.time)
        #expect(judgements.map(\.verdicts.count) == [1, 1])
        try team.sync(0)
        try team.sync(1)
        try team.sync(0)
        #expect(try team.replicas.map { try $0.outbox().count } == [0, 0])
        #expect(try summaries(team.replicas[0]) == summaries(team.replicas[1]))
    }

    @Test("lines that give their anchors one by one cost as much as the looks for them")
    func anchors() {
        func cost(_ count: Int) -> Int {
            var left = Int.max
            let merge = TextMerge(
                base: Self.chain(count, "x"), current: Self.chain(count, "y"),
                incoming: Self.chain(count, "z"), later: .incoming, steps: &left)
            #expect(!merge.text.isEmpty)
            return Int.max - left
        }
        // What is twice as long takes twice as many looks, each at twice as much.
        #expect(cost(2_000) > 3 * cost(1_000))
    }

    /// 1, 2, 1, 3, 2, 4, 3, …: only the last number occurs once, and before it the one below it.
    private static func chain(_ count: Int, _ mark: String) -> String {
        (1...count).map { "\($0 + 1)\n\($0)\n\(mark)\n" }.joined()
    }
}
