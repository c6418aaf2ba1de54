// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingTesting

@testable import TingStore

@Suite("What is committed is on disk", .tags(.promise1))
struct DurabilityTests {
    @Test("every connection that writes asks for FULL or more, also after it was opened anew")
    func full() throws {
        let team = try Team(1)
        let synchronous = { (db: Database) in try Int.fetchOne(db, sql: "PRAGMA synchronous") }
        #expect(try team.workspace.pool.writeWithoutTransaction(synchronous) == 2)
        try team.workspace.close()
        let again = try Workspace(path: team.workspace.path, schema: team.schema)
        #expect(try again.pool.writeWithoutTransaction(synchronous) == 2)
        // EXTRA: a replica may be without its log for a while.
        #expect(try team.replicas[0].access(synchronous) == 3)
    }
}
