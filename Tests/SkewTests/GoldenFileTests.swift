// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingPlanning
import TingServer
import TingStore
import TingTesting

@Suite("Files that released programs wrote")
struct GoldenFileTests {
    private static let clock: @Sendable () -> Int64 = { 1_900_000_000_000 }

    @Test(
        "a replica opens as it was left: digest, outbox, quarantine, conflicts, what is held back",
        .tags(.promise4), arguments: Golden.all, [PlanningSchema.schema, .nextPlanning])
    func replica(_ golden: Golden, _ schema: Schema) throws {
        let facts: Golden.ReplicaFacts = try golden.facts("replica.json")
        try golden.unpacked { path in
            let replica = try Replica(path: path("replica"), schema: schema, clock: Self.clock)
            let status = try replica.status()
            #expect(status.digest.description == facts.digest)
            #expect(status.version == facts.version)
            #expect(status.outbox == facts.outbox)
            #expect(status.quarantine == facts.quarantine)
            #expect(status.conflicts == facts.conflicts)
            #expect(status.invalid.count == facts.invalid)
            #expect(try replica.verify().matches)
            #expect(replica.schema == schema)
            #expect(try replica.search("københavn").count == 1)
        }
    }

    @Test(
        "a workspace opens as it was left, and verifies", arguments: Golden.all,
        [PlanningSchema.schema, .nextPlanning])
    func workspace(_ golden: Golden, _ schema: Schema) throws {
        let facts: Golden.ServerFacts = try golden.facts("server.json")
        let fact = try #require(facts.workspaces.first)
        try golden.unpacked { path in
            let workspace = try Workspace(path: path("workspace"), schema: schema)
            #expect(try workspace.verify().problems.isEmpty)
            let head = try workspace.head()
            #expect(head.version == fact.head)
            #expect(head.state.description == fact.digest)
            #expect(workspace.schema == schema)
            try workspace.close()
        }
    }

    @Test("accounts open as they were left", arguments: Golden.all)
    func accounts(_ golden: Golden) throws {
        let facts: Golden.ServerFacts = try golden.facts("server.json")
        try golden.unpacked { path in
            let accounts = try Accounts(path: path("server"), now: Self.clock)
            #expect(try accounts.problems().isEmpty)
            let workspace = try #require(try accounts.workspaces().first)
            #expect(workspace.id.description == facts.workspaces.first?.id)
            #expect(try accounts.members(of: workspace.id).count == 2)
            try accounts.close()
        }
    }

    @Test(
        "both sync: the outbox goes through, once, and a new replica comes to the same",
        .tags(.promise2, .promise4), arguments: Golden.all,
        [PlanningSchema.schema, .nextPlanning])
    func sync(_ golden: Golden, _ schema: Schema) throws {
        try golden.unpacked { path in
            let workspace = try Workspace(path: path("workspace"), schema: schema)
            let replica = try Replica(path: path("replica"), schema: schema, clock: Self.clock)
            let head = try workspace.head().version
            let accounts = try Accounts(path: path("server"), now: Self.clock)
            let bo = try #require(
                try accounts.memberRows().first { $0.member.name == "Bo" }?.member)
            try accounts.close()
            let team = try Team(
                workspace,
                in: FileManager.default.temporaryDirectory.appending(
                    path: "ting-team-\(UUID().uuidString)"), schema: schema, members: [bo])
            team.clock.advance(Self.clock() - team.clock.time)
            let waiting = try replica.outbox().count
            try team.sync(replica, bo)
            let (status, now) = (try replica.status(), try workspace.head())
            #expect(now.version == head + Int64(waiting))
            #expect((status.outbox, status.digest) == (0, now.state))
            #expect(status.invalid.count == 1)
            let fresh = try team.clone(for: bo)
            #expect(try fresh.status().digest == now.state)
            #expect(try fresh.contents() == workspace.contents())
            #expect(try workspace.verify().problems.isEmpty)
        }
    }
}
