// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// Swift takes the Kelvin sign for a K; hashes, digests and SQLite do not.
@Suite("A value that only looks like one of an enum", .tags(.promise2))
struct LookalikeTests {
    private let team: Team
    private static let lookalike = "D\u{212a}K"

    init() throws {
        team = try Team(
            2,
            schema: Schema(
                name: "priced", version: 1,
                collections: [
                    CollectionSchema(
                        "offer",
                        fields: [Field("currency", .enum, .latest, values: ["DKK", "EUR"])])
                ]))
    }

    @Test("is rejected in a change set", .tags(.promise6))
    func rejected() throws {
        try team.replicas[0].write {
            try $0.execute(sql: "INSERT INTO offer (currency) VALUES ('DKK')")
        }
        var request = try team.replicas[0].nextRequest()
        request.deliveries[0].changeSet.operations[0].fields[0].after = .text(Self.lookalike)
        let judgement = try team.workspace.accept(
            [.init(request: request, member: team.members[0].id, role: .editor)],
            now: team.clock.time)[0]
        let verdict = try #require(judgement.verdicts.first).verdict
        guard case .rejected(.invalidValue, _) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(try team.workspace.contents().isEmpty)
    }

    @Test("is put right where another tool wrote it: all hold the listed bytes", .tags(.promise11))
    func putRight() throws {
        try team.foreign(0, "INSERT INTO offer (currency) VALUES ('\(Self.lookalike)')")
        try team.expectAgreement()
        for replica in team.replicas {
            let bytes = try replica.read {
                try String.fetchAll($0, sql: "SELECT hex(currency) FROM offer")
            }
            #expect(bytes == ["444B4B"])
        }
    }
}
