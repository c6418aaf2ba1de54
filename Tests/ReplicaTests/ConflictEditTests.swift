// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// Only the merge writes conflicts, and people settle them: what else is written there is put back,
/// but never without a word.
@Suite("Edits of a conflict's own fields", .tags(.promise3, .promise11))
struct ConflictEditTests {
    private let team: Team
    private var replica: Replica { team.replicas[0] }

    init() throws {
        team = try Team(2)
        try team.foreign(0, "INSERT INTO project (title, budget) VALUES ('Water', 1)")
        for position in [0, 1] { try team.sync(position) }
        try team.foreign(0, "UPDATE project SET budget = 2")
        try team.foreign(1, "UPDATE project SET budget = 3")
        for position in [0, 1, 0] { try team.sync(position) }
    }

    private func text(_ sql: String) throws -> String? {
        try replica.read { try String.fetchOne($0, sql: sql) }
    }

    @Test("what another tool wrote there is put back, told once, and kept aside")
    func putBack() throws {
        try team.foreign(0, "UPDATE conflict SET other = '9', other_by = 'nobody'")
        #expect(try replica.seal().isEmpty)
        let id = try #require(try text("SELECT id FROM conflict"))
        let told = replica.takePutBack()
        #expect(told.map(\.field) == ["other", "other_by"])
        #expect(told.allSatisfy { $0.collection == "conflict" && $0.record == id })
        #expect(told.allSatisfy { !$0.problem.isEmpty && $0.remedy.hasSuffix(".") })
        #expect(replica.takePutBack().isEmpty)
        #expect(try text("SELECT other FROM conflict") == "3")
        #expect(
            try text("SELECT was FROM ting_mended WHERE record = '\(id)'")
                == #"{"other":"9","other_by":"nobody"}"#)
        try team.expectAgreement()
        #expect(replica.takePutBack().isEmpty)
    }

    @Test("settling counts, and what came along is told")
    func settled() throws {
        try team.foreign(0, "UPDATE conflict SET other = '9', status = 'settled'")
        try team.expectAgreement()
        #expect(replica.takePutBack().map(\.field) == ["other"])
        #expect(try team.replicas[1].status().conflicts == 0)
        // Nobody opens it again.
        try team.foreign(0, "UPDATE conflict SET status = 'open'")
        try team.expectAgreement()
        #expect(replica.takePutBack().map(\.field) == ["status"])
        #expect(try replica.status().conflicts == 0)
    }

    @Test(
        "a row that is deleted is settled by that: it comes back so, here and everywhere",
        arguments: [true, false])
    func deleted(byLibrary: Bool) throws {
        let row = try #require(try text("SELECT id || record || other FROM conflict"))
        if byLibrary {
            try replica.write { try $0.execute(sql: "DELETE FROM conflict") }
        } else {
            try team.foreign(0, "DELETE FROM conflict")
        }
        #expect(try replica.seal().isEmpty)
        #expect(try replica.status().conflicts == 0)
        try team.expectAgreement()
        for replica in team.replicas {
            let rows = try replica.read {
                try String.fetchAll($0, sql: "SELECT id || record || other || status FROM conflict")
            }
            #expect(rows == [row + "settled"])
            #expect(try replica.status().conflicts == 0)
        }
    }

    private static let commented = Schema(
        name: "commented", version: 1,
        collections: [
            CollectionSchema("project", fields: [Field("budget", .money, .review)]),
            CollectionSchema(
                "comment",
                fields: [
                    Field("record", .reference, .review, parent: true),
                    Field("body", .text, .review),
                ]),
        ])

    @Test("what is said of a conflict stays where its row is deleted", arguments: [true, false])
    func comment(byLibrary: Bool) throws {
        let team = try Team(2, schema: Self.commented)
        try team.foreign(0, "INSERT INTO project (budget) VALUES (1)")
        for position in [0, 1] { try team.sync(position) }
        try team.foreign(0, "UPDATE project SET budget = 2")
        try team.foreign(1, "UPDATE project SET budget = 3")
        for position in [0, 1, 0] { try team.sync(position) }
        try team.foreign(0, "INSERT INTO comment (record, body) SELECT id, 'Three' FROM conflict")
        try team.expectAgreement()
        if byLibrary {
            try team.replicas[0].write { try $0.execute(sql: "DELETE FROM conflict") }
        } else {
            try team.foreign(0, "DELETE FROM conflict")
        }
        try team.expectAgreement()
        for replica in team.replicas {
            let said = try replica.read {
                try String.fetchAll(
                    $0,
                    sql: """
                        SELECT body || '/' || status FROM comment
                        JOIN conflict ON conflict.id = comment.record
                        """)
            }
            #expect(said == ["Three/settled"])
            #expect(try replica.status().conflicts == 0)
        }
    }

    @Test(
        "what opens a conflict doesn't settle it, too",
        arguments: [TingCore.Operation.Kind.update, .delete])
    func settledAtOnce(_ kind: TingCore.Operation.Kind) throws {
        let project = try #require(try text("SELECT id FROM project").flatMap { RecordID($0) })
        // Who makes the change set can tell the conflict's id.
        var changeSet = try team.changeSet(1, on: 1, [])
        let conflict = Merge.conflictID(changeSet.id, project, "budget", .proposal)
        let settling = FieldEdit("status", before: .text("open"), after: .text("settled"), time: 0)
        changeSet.operations = [
            TingCore.Operation(
                .update, "project", project, time: 0,
                fields: [FieldEdit("budget", before: .integer(1), after: .integer(5), time: 0)]),
            TingCore.Operation(
                kind, "conflict", conflict, time: 0, fields: kind == .update ? [settling] : []),
        ]
        #expect(try team.submit(changeSet) == .merged(4))
        try team.expectAgreement()
        let opened = try text("SELECT other || status FROM conflict WHERE id = '\(conflict)'")
        #expect(opened == "5open")
        for replica in team.replicas { #expect(try replica.status().conflicts == 2) }
    }

    @Test("what changes nothing is told to nobody")
    func nothing() throws {
        try team.foreign(0, "UPDATE conflict SET other = '9'; UPDATE conflict SET other = '3'")
        try team.foreign(0, "UPDATE conflict SET status = 'settled'")
        try team.expectAgreement()
        #expect(replica.takePutBack().isEmpty)
        #expect(try text("SELECT count(*) FROM ting_mended") == "0")
    }

    @Test("the library refuses it")
    func refused() throws {
        for sql in [
            "UPDATE conflict SET other = '9'", "UPDATE conflict SET status = 'no'",
            "UPDATE conflict SET other = '9', status = 'settled'; UPDATE project SET budget = 9",
        ] {
            let error = #expect(throws: InvalidEdit.self) {
                try replica.write { try $0.execute(sql: sql) }
            }
            #expect(error?.collection == "conflict")
            #expect(try replica.outbox().isEmpty)
            #expect(try text("SELECT other || status FROM conflict") == "3open")
        }
        #expect(replica.takePutBack().isEmpty)
        try team.expectAgreement()
    }
}
