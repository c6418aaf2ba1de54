// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("Random histories of three replicas")
struct RandomHistoryTests {
    static let seeds = Array(0..<20)
    static let historiesPerSeed = 50

    /// Few ids, every policy, deletes and foreign edits, syncs at any moment.
    @Test(
        "all replicas end the same; every sealed change set is in the history, once",
        arguments: seeds)
    func converge(_ seed: Int) throws {
        for history in 0..<Self.historiesPerSeed {
            var random = SeededGenerator(state: UInt64(seed) << 32 | UInt64(history))
            do {
                try play(&random)
            } catch {
                Issue.record("seed \(seed), history \(history): \(error)")
                return
            }
        }
    }

    struct Broken: Error, CustomStringConvertible {
        var description: String
        init(_ description: String) { self.description = description }
    }

    private func play(_ random: inout SeededGenerator) throws {
        let team = try Team(3)
        var written: Set<ChangeSetID> = []
        for step in 0..<Int.random(in: 6...24, using: &random) {
            let who = Int.random(in: 0..<3, using: &random)
            team.clock.advance(Int64.random(in: 0...5_000, using: &random))
            if Int.random(in: 0..<4, using: &random) == 0 {
                try team.sync(who)
            } else {
                try edit(team, who, "w\(step)x\(who)", &written, &random)
            }
        }
        for _ in 0..<2 { for who in 0..<3 { try team.sync(who) } }
        try check(team, written)
    }

    func edit(
        _ team: Team, _ who: Int, _ mark: String, _ written: inout Set<ChangeSetID>,
        _ random: inout SeededGenerator
    ) throws {
        let project = "01890000-0000-7000-8000-00000000000\(Int.random(in: 1...2, using: &random))"
        let task = "01890000-0000-7000-8000-0000000000a\(Int.random(in: 1...2, using: &random))"
        let sql: String
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1:
            sql =
                "INSERT INTO project (id, title, hours) VALUES ('\(project)', '\(mark)', 3) "
                + "ON CONFLICT DO UPDATE SET title = excluded.title"
        case 2: sql = "UPDATE project SET title = '\(mark)' WHERE id = '\(project)'"
        case 3:
            sql =
                "UPDATE project SET summary = coalesce(summary, '') || '\(mark)\n' "
                + "WHERE id = '\(project)'"
        case 4:
            sql =
                "UPDATE project SET partners = json_insert(partners, '$[#]', '\(mark)') "
                + "WHERE id = '\(project)'"
        case 5: sql = "UPDATE project SET hours = hours + 1 WHERE id = '\(project)'"
        case 6:
            sql =
                "UPDATE project SET sensitivity = 'internal', retain = '2030' WHERE id = '\(project)'"
        case 7:
            sql = "UPDATE project SET code = 'C', budget = \(mark.count) WHERE id = '\(project)'"
        case 8: sql = "DELETE FROM project WHERE id = '\(project)'"
        case 9:
            sql = "REPLACE INTO task (id, title) SELECT '\(task)', '\(mark)'"
        case 10:
            sql =
                "UPDATE task SET project = '\(project)' WHERE id = '\(task)' "
                + "AND EXISTS (SELECT 1 FROM project WHERE id = '\(project)')"
        default: sql = "DELETE FROM conflict WHERE id IN (SELECT id FROM conflict LIMIT 1)"
        }
        if Bool.random(using: &random) {
            try team.foreign(who, sql)
        } else {
            try team.replicas[who].write { try $0.execute(sql: sql) }
        }
        if Bool.random(using: &random) { try team.replicas[who].seal() }
        written.formUnion(try team.replicas[who].outbox().map(\.changeSet.id))
    }

    private func check(_ team: Team, _ written: Set<ChangeSetID>) throws {
        let head = try team.workspace.head()
        let history = try team.workspace.entries(since: 0, byteLimit: .max).map(\.changeSet.id)
        guard written.isSubset(of: history), history.count == Set(history).count else {
            throw Broken("a sealed change set is lost, or accepted twice")
        }
        for replica in team.replicas {
            let status = try replica.status()
            guard status.version == head.version, status.digest == head.state else {
                throw Broken(
                    "replica at \(status.version), server at \(head.version), or digests differ")
            }
            guard status.outbox == 0, status.quarantine == 0, status.invalid.isEmpty else {
                throw Broken("stuck: \(status)")
            }
            guard try replica.verify().matches else { throw Broken("verify differs") }
            let left = try replica.read {
                try Int.fetchOne(
                    $0,
                    sql: """
                        SELECT (SELECT count(*) FROM ting_pending) + (SELECT count(*) FROM ting_note)
                        + (SELECT count(*) FROM ting_shared WHERE state <> 'deleted')
                        """)
            }
            guard left == 0 else { throw Broken("pending edits left behind") }
        }
        guard try team.workspace.verify().problems.isEmpty else { throw Broken("server verify") }
    }
}
