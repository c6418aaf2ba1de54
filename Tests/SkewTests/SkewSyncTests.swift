// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("Syncing with another version")
struct SkewSyncTests {
    private static let project = "01890000-0000-7000-8000-000000000001"

    /// A team whose server and second member are of one version, the first member of another.
    private func team(client: Int, server: Int) throws -> (Team, old: Replica, new: Replica) {
        let team = try Team(1, schema: .sample(server))
        let member = team.members[0]
        return (team, try team.clone(for: member, schema: .sample(client)), team.replicas[0])
    }

    private func reopened(_ replica: Replica, _ version: Int, _ team: Team) throws -> Replica {
        try replica.close()
        return try Replica(
            path: replica.path, schema: .sample(version),
            clock: { [clock = team.clock] in clock.time })
    }

    @Test(
        "a client behind holds all that comes, by its own digest, and edits don't erase it",
        .tags(.promise2, .promise3))
    func behind() throws {
        let team = try Team(2)
        let (behind, ahead) = (team.replicas[0], try reopened(team.replicas[1], 2, team))
        try team.workspace.close()
        team.workspace = try Workspace(path: team.workspace.path, schema: .sample(2))
        try ahead.write { db in
            try db.execute(
                sql: """
                    INSERT INTO project (id, title, priority, notes)
                    VALUES ('\(Self.project)', 'Ting', 'high', 'a note');
                    INSERT INTO visit (project, place) VALUES ('\(Self.project)', 'Odense');
                    """)
        }
        try team.sync(ahead, team.members[1])
        #expect(behind.schema.version == 1)
        try team.sync(0)
        #expect(behind.schema == .sample(2))
        try behind.write {
            try $0.execute(sql: "UPDATE project SET title = 'Thing', status = 'done'")
        }
        try team.sync(0)
        try team.sync(ahead, team.members[1])
        let head = try team.workspace.head()
        for replica in [behind, ahead] {
            #expect(try replica.status().digest == head.state)
            #expect(try replica.verify().matches)
            let row = try replica.read { db in
                try Row.fetchOne(
                    db, sql: "SELECT title, priority, notes, place FROM project, visit")
            }
            #expect(
                row == ["title": "Thing", "priority": "high", "notes": "a note", "place": "Odense"])
        }
    }

    @Test("the upgrade then finds all in place: nothing is sent, nothing fetched")
    func upgrade() throws {
        let (team, old, new) = try team(client: 1, server: 2)
        try new.write { try $0.execute(sql: "INSERT INTO visit (place) VALUES ('Odense')") }
        try team.sync(0)
        try team.sync(old, team.members[0])
        let upgraded = try reopened(old, 2, team)
        let outcome = try team.run(upgraded, team.members[0])
        #expect((outcome.exchanges, outcome.summary.sent, outcome.summary.received) == (1, 0, 0))
        let place = try upgraded.read { try String.fetchOne($0, sql: "SELECT place FROM visit") }
        #expect(place == "Odense")
    }

    @Test(
        "a client ahead: what the server knows goes through, the rest waits, is explained, and is sent after the upgrade",
        .tags(.promise4, .promise6, .promise12))
    func ahead() throws {
        let (team, _, _) = try team(client: 1, server: 1)
        let ahead = try team.clone(for: team.members[0], schema: .sample(2))
        func edit(_ sql: String) throws { try ahead.write { try $0.execute(sql: sql) } }
        try edit("INSERT INTO project (id, title) VALUES ('\(Self.project)', 'Ting')")
        try edit("INSERT INTO visit (place) VALUES ('Odense')")
        try edit("INSERT INTO person (name, email) VALUES ('Bo', 'bo@example.org')")
        try edit("UPDATE person SET name = 'Bo Holm'")
        try edit("UPDATE project SET title = 'Thing'")
        try edit("UPDATE project SET status = 'paused'")
        try edit("INSERT INTO task (title) VALUES ('Sign')")
        let outcome = try team.run(ahead, team.members[0])
        #expect((outcome.summary.sent, outcome.summary.quarantined) == (3, 0))
        let status = try ahead.status()
        #expect(status.outbox == 4)
        #expect(status.deferred.contains { $0.contains("there is no collection `visit`") })
        #expect(try team.workspace.head().state == status.digest)
        // Each sync asks again, and changes nothing.
        #expect(try team.run(ahead, team.members[0]).summary.sent == 0)
        try team.workspace.close()
        team.workspace = try Workspace(path: team.workspace.path, schema: .sample(2))
        #expect(try team.run(ahead, team.members[0]).summary.sent == 4)
        #expect(try ahead.status().outbox == 0)
        #expect(try ahead.contents() == team.workspace.contents())
    }

    @Test(
        "a reference that only a newer schema allows waits for the server's upgrade",
        .tags(.promise6))
    func widerReferences() throws {
        let team = try Team(1)
        let wider = Schema(
            name: Schema.sample.name, version: 2,
            collections: Schema.sample.written.map { collection in
                CollectionSchema(
                    collection.name,
                    fields: collection.fields.map { field in
                        guard field.name == "lead" else { return field }
                        return Field(
                            "lead", .reference, field.policy, to: ["person", "project"])
                    })
            })
        let ahead = try team.clone(for: team.members[0], schema: wider)
        try ahead.write { db in
            try db.execute(
                sql: """
                    INSERT INTO project (id, title) VALUES ('\(Self.project)', 'Ting');
                    INSERT INTO project (title, lead) VALUES ('Part', '\(Self.project)');
                    """)
        }
        let outcome = try team.run(ahead, team.members[0]).summary
        #expect((outcome.sent, outcome.quarantined, outcome.deferred) == (0, 0, 1))
        #expect(
            try ahead.status().deferred == [
                "schema_newer: It was written under schema 2; the server has 1: lead names a project."
            ])
        try team.workspace.close()
        team.workspace = try Workspace(path: team.workspace.path, schema: wider)
        #expect(try team.run(ahead, team.members[0]).summary.sent == 1)
        #expect(try ahead.contents() == team.workspace.contents())
    }

    @Test("a snapshot of an older server starts a newer client over, and the reverse")
    func startOver() throws {
        for (client, server) in [(1, 2), (2, 1), (3, 1), (1, 3)] {
            let team = try Team(1, schema: .sample(server))
            let replica = try team.clone(for: team.members[0], schema: .sample(client))
            try replica.write { db in
                try db.execute(sql: "INSERT INTO project (title) VALUES ('waits')")
            }
            try team.replicas[0].write { db in
                try db.execute(sql: "INSERT INTO person (name) VALUES ('Bo')")
            }
            try team.sync(0)
            let snapshot = team.folder.appending(path: "snapshot.sqlite").path
            _ = try team.workspace.writeSnapshot(to: snapshot)
            try replica.startOver(from: snapshot, because: .notMended)
            #expect(replica.schema.version == max(client, server))
            try team.sync(replica, team.members[0])
            #expect(try replica.contents() == team.workspace.contents())
            #expect(try replica.verify().matches)
        }
    }

    @Test("a server whose schema grew under the same number is asked for it")
    func sameNumber() throws {
        let team = try Team(2)
        let grown = Schema(
            name: "sample", version: 1, collections: Schema.sample(2).written)
        try team.workspace.close()
        team.workspace = try Workspace(path: team.workspace.path, schema: grown)
        let other = try team.clone(for: team.members[1])
        #expect(other.schema == grown)
        try other.write { try $0.execute(sql: "INSERT INTO visit (place) VALUES ('Odense')") }
        try team.sync(other, team.members[1])
        try team.sync(0)
        #expect(team.replicas[0].schema == grown)
        #expect(try team.replicas[0].status().digest == team.workspace.head().state)
    }
}
