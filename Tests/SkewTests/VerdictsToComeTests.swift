// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingTesting

@testable import TingStore
@testable import TingWire

@Suite("Words that a later server may use")
struct VerdictsToComeTests {
    private let message: Ting_V1_SyncResponse = {
        var random = SystemRandomNumberGenerator()
        func verdict(_ kind: String, _ code: String) -> Ting_V1_Verdict {
            var verdict = Ting_V1_Verdict()
            verdict.number = 1
            verdict.changeSet = ChangeSetID.random(using: &random).description
            (verdict.verdict, verdict.code, verdict.detail) = (kind, code, "So it is.")
            return verdict
        }
        var message = Ting_V1_SyncResponse()
        message.epoch = Epoch.random(using: &random).description
        message.historyDigest = Hash.zero.description
        message.stateDigest = Hash.zero.description
        message.role = "auditor"
        message.verdicts = [
            verdict("rejected", "moon_is_full"), verdict("deferred", "moon_is_new"),
            verdict("pondered", ""), verdict("deferred", "quota_full"),
        ]
        return message
    }()

    @Test("a verdict, a code or a role that is not known fails no message", .tags(.promise6))
    func verdicts() throws {
        let response = try SyncResponse(wire: message)
        #expect(response.role == .viewer)
        #expect(
            response.verdicts.map(\.verdict) == [
                .rejected(.unknown, detail: "moon_is_full: So it is."),
                .deferred(.unknown, detail: "moon_is_new: So it is."),
                .deferred(.quotaFull, detail: "So it is."),
            ])
    }

    @Test("a field that is not known fails no message, in either coding")
    func fields() throws {
        let json = #"{"epoch": "5b0c0c1e-8f0a-4c56-9d3a-3f1f5a0e7c11", "moon": {"phase": 1}}"#
        let read = try WireCoding.json.decode(Ting_V1_SyncResponse.self, Array(json.utf8))
        #expect(read.epoch == "5b0c0c1e-8f0a-4c56-9d3a-3f1f5a0e7c11")
        // Field 2000, a text.
        let bytes = try WireCoding.protobuf.encode(message) + [0x82, 0x7d, 0x01, 0x78]
        #expect(try WireCoding.protobuf.decode(Ting_V1_SyncResponse.self, bytes).role == "auditor")
    }

    @Test("a code that quarantine doesn't know is shown as such, not left out", .tags(.promise12))
    func quarantine() throws {
        let team = try Team(1)
        try team.replicas[0].write {
            try $0.execute(sql: "INSERT INTO person (name) VALUES ('Bo')")
        }
        try team.sync(0, role: .viewer)
        try team.replicas[0].tamper { db in
            try db.execute(sql: "UPDATE ting_quarantine SET code = 'moon_is_full'")
        }
        #expect(try team.replicas[0].quarantine().map(\.code) == [.unknown])
    }

    @Test("a conflict of a kind to come is kept and counted", .tags(.promise2))
    func conflictKind() throws {
        let team = try Team(1)
        let replica = team.replicas[0]
        var random = SystemRandomNumberGenerator()
        let effect = Effect(
            "conflict", .random(using: &random), .live,
            [FieldValue("kind", .text("eclipse")), FieldValue("record", .text("x"))])
        let row = try replica.read { db in
            try RowTables(db, replica.tables).of(effect.collection)?
                .row(nil, setting: effect.values)
        }
        #expect(row != nil)
    }
}
