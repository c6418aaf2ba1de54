// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@Suite("A replica whose file was moved, replaced or deleted while it was open", .tags(.promise4))
struct DisplacedTests {
    private let team: Team
    private var replica: Replica { team.replicas[0] }
    private var aside: String { replica.path + ".aside" }

    init() throws { team = try Team(2) }

    private func add(_ title: String) throws {
        try replica.write { db in
            try db.execute(sql: "INSERT INTO project (title) VALUES (?)", arguments: [title])
        }
    }

    @Test(
        "refuses to write where nobody would find it again, and goes on when it is back",
        arguments: [true, false])
    func displaced(isReplaced: Bool) throws {
        try add("before")
        try FileManager.default.moveItem(atPath: replica.path, toPath: aside)
        if isReplaced {
            let other = team.replicas[1]
            try other.close()
            try FileManager.default.copyItem(atPath: other.path, toPath: replica.path)
        }
        let waiting = try replica.outbox()
        #expect(throws: ReplicaError.displaced(replica.path)) { try add("nowhere") }
        #expect(throws: ReplicaError.displaced(replica.path)) {
            try replica.discardOutbox(waiting.map(\.changeSet.id))
        }
        // It can still be read.
        #expect(try replica.outbox() == waiting)
        if isReplaced { try FileManager.default.removeItem(atPath: replica.path) }
        try FileManager.default.moveItem(atPath: aside, toPath: replica.path)
        try add("after")
        let titles = try replica.read {
            try String.fetchAll($0, sql: "SELECT title FROM project ORDER BY title")
        }
        #expect(titles == ["after", "before"])
        #expect(try replica.outbox().count == 2)
    }
}
