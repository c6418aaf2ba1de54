// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

/// In processes of their own, in which every database is on the simulated disk.
@Suite("A migration that is killed")
struct MigrationKillTests {
    private enum Wrong: Error { case at(call: Int64, String) }

    @Test("at any call to the disk is done whole by the next opening", .tags(.promise4))
    func replica() async {
        await #expect(processExitsWith: .success) {
            try SimulatedDisk.install(asDefault: true)
            #expect(try Self.killReplicas() > 30)
        }
    }

    @Test("at any call to the disk is done whole by the server's next start")
    func workspace() async {
        await #expect(processExitsWith: .success) {
            try SimulatedDisk.install(asDefault: true)
            #expect(try Self.killWorkspaces() > 30)
        }
    }

    private static func killReplicas() throws -> Int64 {
        let replica = try team().replicas[0]
        let (digest, outbox) = (try replica.status().digest, try replica.outbox())
        try replica.close()
        return try killing(replica.path) { path in
            let opened = try Replica(path: path, schema: .sample(3)) { 0 }
            defer { try? opened.close() }
            let same = try opened.status().digest == digest && opened.outbox() == outbox
            return try same && opened.verify().matches && opened.schema == .sample(3)
        }
    }

    private static func killWorkspaces() throws -> Int64 {
        let team = try team()
        let (path, head) = (team.workspace.path, try team.workspace.head())
        try team.workspace.close()
        return try killing(path) { path in
            let opened = try Workspace(path: path, schema: .sample(3))
            defer { try? opened.close() }
            return try opened.head() == head && opened.verify().problems.isEmpty
                && opened.schema == .sample(3)
        }
    }

    private static func team() throws -> Team {
        let team = try Team(1)
        try team.replicas[0].write { db in
            for number in 0..<40 {
                try db.execute(sql: "INSERT INTO project (title) VALUES ('P \(number)')")
            }
        }
        try team.sync(0)
        try team.replicas[0].write { try $0.execute(sql: "UPDATE project SET title = 'outbox'") }
        return team
    }

    /// Opens copies of a file and is killed at the first call, the second, and so on until an opening
    /// ends before it; each copy must then be sound when it is opened again.
    /// - Returns: How many calls there were.
    private static func killing(_ file: String, opens: (String) throws -> Bool) throws -> Int64 {
        for call in Int64(1)... {
            let machine = SimulatedMachine("kill-\(call)")
            let copy = machine.file("copy.db")
            try SimulatedDisk.copy(file, to: copy)
            machine.kill(atCall: call)
            _ = try? opens(copy)
            let wasKilled = machine.isKilled
            if call.isMultiple(of: 2), wasKilled { try machine.cutPower(seed: UInt64(call)) }
            machine.revive()
            guard try opens(copy) else { throw Wrong.at(call: call, "differs") }
            for suffix in ["", "-wal"] where SimulatedDisk.exists(copy + suffix) {
                try SimulatedDisk.delete(copy + suffix)
            }
            if !wasKilled { return call }
        }
        return 0
    }
}
