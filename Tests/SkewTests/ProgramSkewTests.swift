// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingPlanning
import TingServer
import TingStore

/// The planning schema of today and a next one, with a collection and a field more, over real TLS.
@Suite("Programs of two versions over TLS")
struct ProgramSkewTests {
    private static let now = PlanningSchema.schema
    private static let next = Schema.nextPlanning

    @Test(
        "today's client with the next server holds what is new, and finds it after its upgrade",
        .tags(.promise2, .promise3))
    func clientBehind() async throws {
        let server = try SkewServer()
        defer { server.remove() }
        try await server.serving(Self.next) { address in
            let ada = try await SkewMember(
                joining: server.invite("ada", Self.next, at: address), Self.next)
            let bo = try await SkewMember(
                joining: server.invite("bo", Self.next, at: address), Self.now)
            defer {
                ada.remove()
                bo.remove()
            }
            try await ada.clone(Self.next)
            try await bo.clone(Self.now)
            let (ahead, behind) = (try ada.open(Self.next), try bo.open(Self.now))
            try ahead.write { db in
                try db.execute(
                    sql: """
                        INSERT INTO project (title_en, twinning) VALUES ('Water', 'signed');
                        INSERT INTO delegation (title, seats) VALUES ('May', 12);
                        """)
            }
            try await ada.sync(ahead)
            try await bo.sync(behind)
            try behind.write { try $0.execute(sql: "UPDATE project SET title_da = 'Vand'") }
            try await bo.sync(behind)
            try await ada.sync(ahead)
            let digest = try ahead.status().digest
            #expect(try behind.status().digest == digest)
            try behind.close()
            let upgraded = try bo.open(Self.next)
            let row = try upgraded.read { db in
                try Row.fetchOne(
                    db, sql: "SELECT title_da, twinning, title, seats FROM project, delegation")
            }
            #expect(row == ["title_da": "Vand", "twinning": "signed", "title": "May", "seats": 12])
            let outcome = try await bo.sync(upgraded)
            #expect(
                (outcome.exchanges, outcome.summary.sent, outcome.summary.received) == (1, 0, 0))
            #expect(try upgraded.status().digest == digest)
            try ahead.close()
            try upgraded.close()
        }
        #expect(try server.problems(Self.next) == [])
    }

    @Test(
        "the next client with today's server: what is new waits, and is accepted after the server's upgrade",
        .tags(.promise4, .promise6))
    func clientAhead() async throws {
        let server = try SkewServer()
        defer { server.remove() }
        let (member, address) = try await server.serving(Self.now) { address in
            let ada = try await SkewMember(
                joining: server.invite("ada", Self.now, at: address), Self.next)
            try await ada.clone(Self.next)
            let replica = try ada.open(Self.next)
            try replica.write {
                try $0.execute(sql: "INSERT INTO delegation (title) VALUES ('May')")
            }
            try replica.write { try $0.execute(sql: "INSERT INTO task (title) VALUES ('Sign')") }
            let outcome = try await ada.sync(replica)
            #expect((outcome.summary.sent, outcome.summary.deferred) == (1, 1))
            let status = try replica.status()
            #expect(status.outbox == 1)
            #expect(status.deferred.first?.hasPrefix("schema_newer: ") == true)
            try replica.close()
            return (ada, address)
        }
        defer { member.remove() }
        try await server.serving(Self.next, port: address.port) { _ in
            let replica = try member.open(Self.next)
            #expect(try await member.sync(replica).summary.sent == 1)
            #expect(try replica.status().outbox == 0)
            try replica.close()
        }
        #expect(try server.problems(Self.next) == [])
        #expect(try server.problems(Self.now) == [])
    }
}
