// SPDX-License-Identifier: Apache-2.0

import GRDB
import Synchronization
import Testing
import TingCore
import TingStore
import TingTesting

/// A workspace that holds nothing, and counts how often the merge asks who holds a text.
private final class EmptyWorkspace: MergeState {
    private let asked = Mutex(0)
    var questions: Int { asked.withLock { $0 } }

    func holder(
        _ collection: String, _ field: String, _ text: String, excluding: Set<RecordID>
    ) -> RecordID? {
        asked.withLock { $0 += 1 }
        return nil
    }

    func heldSuffix(_ text: UniqueText) -> Int { 1 }
    func record(_ collection: String, _ record: RecordID) -> RecordState? { nil }
    func collection(of record: RecordID) -> String? { nil }
    func edits(of record: RecordID, unseenAfter base: Version) -> [AcceptedEdit] { [] }
    func firstAuthor(of record: RecordID) -> MemberID? { nil }
    func additions(_ record: RecordID, _ field: String) -> [String: Set<Version>] { [:] }
    func start(_ record: RecordID, _ field: String) -> Value { .null }
    func liveChildren(of record: RecordID) -> [(collection: String, record: RecordID)] { [] }
    func openConflicts(_ record: RecordID, _ field: String, other: Value) -> [OpenConflict] { [] }
    func author(of version: Version) -> MemberID? { nil }
}

@Suite("Suffixes of unique texts")
struct UniqueSuffixTests {
    @Test(
        "records of one change set with one code are told apart by counting on, not from the start")
    func manyOfOneCode() throws {
        var random = SeededGenerator(state: 12)
        let epoch = Epoch.random(using: &random)
        let operations = (0..<500).map { number in
            Operation(
                .insert, "project", .timeOrdered(milliseconds: Int64(number), using: &random),
                time: 1,
                fields: [FieldEdit("code", before: .null, after: .text("DK-CN"), time: 1)])
        }
        let changeSet = ChangeSet(
            id: .random(using: &random), seed: Array(repeating: 7, count: 16), schema: 1,
            base: Base(epoch: epoch, version: 0), seen: [], message: "", time: 1,
            operations: operations)
        let workspace = EmptyWorkspace()
        let merge = try Merge(
            changeSet, into: workspace,
            Acceptance(
                version: 1, epoch: epoch, author: .random(using: &random), accepted: 2, shift: 0,
                seen: [], previousEditTime: 0, acceptedAt: { _ in 0 }),
            schema: .sample)
        let codes = merge.effects.filter { $0.collection == "project" }.flatMap(\.values)
            .compactMap(\.value.text)
        #expect(Set(codes).count == 500)
        #expect(codes.contains("DK-CN") && codes.contains("DK-CN~500"))
        #expect(merge.effects.count { $0.collection == "conflict" } == 499)
        #expect(workspace.questions < 1_500)
    }

    @Test("change sets of one request count on, and take up what one between them gives free")
    func countedOn() throws {
        let team = try Team(1)
        let add = {
            try team.replicas[0].write {
                try $0.execute(sql: "INSERT INTO project (code) VALUES ('DK')")
            }
        }
        for _ in 1...6 { try add() }
        try team.sync(0)
        try add()
        try team.replicas[0].write {
            try $0.execute(sql: "DELETE FROM project WHERE code = 'DK~3'")
        }
        try add()
        try add()
        try team.replicas[0].write {
            try $0.execute(sql: "UPDATE project SET code = 'CN' WHERE code = 'DK~5'")
        }
        try add()
        #expect(try team.replicas[0].outbox().count == 6)
        try team.sync(0)
        let codes = try team.replicas[0].read {
            try String.fetchAll($0, sql: "SELECT code FROM project ORDER BY code")
        }
        #expect(codes == ["CN", "DK", "DK~2", "DK~3", "DK~4", "DK~5", "DK~6", "DK~7", "DK~8"])
    }

    /// Both hold the second project under its suffix, and of one conflict ever.
    private func expectSuffix(_ team: Team, isSettled: Bool) throws {
        try team.expectAgreement()
        for replica in team.replicas {
            let codes = try replica.read {
                try String.fetchAll($0, sql: "SELECT code FROM project WHERE title <> 'P0'")
            }
            #expect(codes == ["X~2"])
            let conflicts = try replica.read {
                try String.fetchAll($0, sql: "SELECT kind || status FROM conflict")
            }
            #expect(conflicts == [isSettled ? "uniquesettled" : "uniqueopen"])
        }
    }

    @Test(
        "a record that got a suffix keeps it once the text is free, whatever is edited in it then",
        arguments: [
            "DELETE FROM project WHERE code = 'X'",
            "UPDATE project SET code = 'Y' WHERE code = 'X'",
        ])
    func staysRenamed(freeing: String) throws {
        let team = try Team(2)
        for position in 0..<2 {
            try team.replicas[position].write {
                try $0.execute(
                    sql: "INSERT INTO project (code, title) VALUES ('X', 'P\(position)')")
            }
        }
        try expectSuffix(team, isSettled: false)
        try team.replicas[0].write { try $0.execute(sql: freeing) }
        try expectSuffix(team, isSettled: false)
        try team.replicas[1].write {
            try $0.execute(sql: "UPDATE project SET title = 'Edited' WHERE code = 'X~2'")
        }
        try expectSuffix(team, isSettled: false)
        try keep(team.replicas[1])
        try expectSuffix(team, isSettled: true)
    }

    @Test("who held a text before has it, though the same change set gives it to another first")
    func stillHeld() throws {
        let team = try Team(2)
        let replica = team.replicas[0]
        let (holder, taker) = (RecordID(high: 0x7000, low: 1), RecordID(high: 0x7000, low: 2))
        try replica.write { db in
            try replica.insert(db, "project", holder, ["code": .text("X")])
            try replica.insert(db, "project", taker, ["code": .text("Y")])
        }
        try team.expectAgreement()
        try replica.write { db in
            try replica.update(db, "project", taker, ["code": .text("X")])
            try replica.keep(db, "project", holder, field: "code")
        }
        let operations = try #require(try replica.outbox().last).changeSet.operations
        #expect(operations.map(\.record) == [taker, holder])
        try team.expectAgreement()
        for replica in team.replicas {
            let codes = try replica.read {
                try String.fetchAll($0, sql: "SELECT code FROM project ORDER BY id")
            }
            #expect(codes == ["X", "X~2"])
            let conflicts = try replica.read {
                try String.fetchAll($0, sql: "SELECT kind || record || other FROM conflict")
            }
            #expect(conflicts == ["unique\(taker)\"X\""])
        }
    }

    /// Two projects of one code as long as codes may be: one has a suffix beyond that.
    private func suffixed() throws -> Team {
        let team = try Team(2)
        for position in 0..<2 {
            try team.replicas[position].write {
                try $0.execute(
                    sql: "INSERT INTO project (code) VALUES (?)",
                    arguments: [String(repeating: "c", count: 200)])
            }
        }
        for _ in 0..<2 { for position in 0..<2 { try team.sync(position) } }
        return team
    }

    /// Settles the conflict as `ting resolve … keep` does.
    private func keep(_ replica: Replica) throws {
        try replica.write { db in
            let row = try #require(
                try Row.fetchOne(db, sql: "SELECT record FROM conflict WHERE status = 'open'"))
            let record = try #require(try RecordID(row.decode(String.self, atIndex: 0)))
            try replica.keep(db, "project", record, field: "code")
            try db.execute(sql: "UPDATE conflict SET status = 'settled'")
        }
    }

    @Test("a suffix that makes a text longer than one may write can be kept")
    func kept() throws {
        let team = try suffixed()
        try keep(team.replicas[0])
        for _ in 0..<2 { for position in 0..<2 { try team.sync(position) } }
        for replica in team.replicas {
            let status = try replica.status()
            #expect(status.conflicts == 0 && status.quarantine == 0 && status.invalid.isEmpty)
            #expect(status.outbox == 0)
        }
        #expect(try team.workspace.verify().problems == [])
    }

    @Test("and it waits for no newer schema, where it was written under one")
    func keptUnderNewerSchema() throws {
        let team = try suffixed()
        try keep(team.replicas[0])
        var request = try team.replicas[0].nextRequest()
        request.deliveries[0].changeSet.schema = 2
        let judgement = try team.workspace.accept(
            [.init(request: request, member: team.members[0].id, role: .editor)],
            now: team.clock.time)[0]
        #expect(judgement.verdicts.map(\.verdict.version) == [3], "\(judgement.verdicts)")
    }

    @Test("what is kept is what stands: no other value goes beyond a limit")
    func keptOnlyWhatStands() throws {
        let team = try suffixed()
        try keep(team.replicas[0])
        try team.replicas[1].write {
            try $0.execute(sql: "UPDATE project SET code = 'short' WHERE length(code) > 200")
        }
        try team.sync(1)
        try team.sync(0)
        #expect(try team.replicas[0].quarantine().map(\.code) == [.invalidValue])
    }
}
