// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing

extension ServerTests {
    /// It used to bring a backup of an older release up to date, and to need write access for it.
    @Suite("verify changes nothing")
    struct VerifyTests {
        /// A backup with a compacted workspace, and every file's bytes in it.
        private static func backup() async throws -> (desk: Desk, copy: String) {
            let server = try await ServerProcess()
            let token = try await server.join("anna@example.org", "team")
            try await server.push(token, texts: 3, bytes: 100)
            try await server.compact()
            let desk = try await Desk()
            let copy = "\(desk.path)-copy"
            try await desk.run("backup", "--data", server.path, "--to", copy, is: 0)
            return (desk, copy)
        }

        private static func contents(_ path: String) throws -> [String: Data] {
            var found: [String: Data] = [:]
            for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
                found[name] = FileManager.default.contents(atPath: "\(path)/\(name)")
            }
            return found
        }

        /// Makes files of an older release of them.
        private static func age(_ path: String) throws {
            let accounts = try DatabaseQueue(path: "\(path)/server.sqlite")
            try accounts.write {
                try $0.execute(
                    sql: """
                        ALTER TABLE invitation DROP COLUMN salt;
                        DELETE FROM grdb_migrations WHERE identifier = '3'
                        """)
            }
            try accounts.close()
            for name in try FileManager.default.contentsOfDirectory(atPath: "\(path)/workspaces")
            where !name.contains("archive") {
                let file = try DatabaseQueue(path: "\(path)/workspaces/\(name)")
                try file.write {
                    try $0.execute(
                        sql: """
                            UPDATE ting_schema SET layout = 1;
                            ALTER TABLE ting_state_digest DROP COLUMN entry_hash
                            """)
                }
                try file.close()
            }
        }

        @Test("no byte of a backup, though an older release made it", arguments: [false, true])
        func unchanged(isOlder: Bool) async throws {
            let (desk, copy) = try await Self.backup()
            defer { desk.cleanUp() }
            if isOlder { try Self.age(copy) }
            let before = try Self.contents(copy)
            let found = try await desk.run("verify", "--data", copy, is: 0)
            #expect(found.output.contains("team: version 3, 3 records"), "\(found.output)")
            #expect(try Self.contents(copy) == before)
        }

        @Test(
            "a backup that can only be read is checked, also one with the log of a killed program",
            arguments: [false, true])
        func readOnly(hasLog: Bool) async throws {
            let (desk, copy) = try await Self.backup()
            defer { desk.cleanUp() }
            if hasLog {
                // As a killed server leaves it: the log holds what the file doesn't.
                let accounts = try DatabasePool(path: "\(copy)/server.sqlite")
                try await accounts.write {
                    try $0.execute(sql: "UPDATE member SET name = 'A'")
                }
                for suffix in ["", "-wal"] {
                    try FileManager.default.copyItem(
                        atPath: "\(copy)/server.sqlite\(suffix)", toPath: "\(copy)/saved\(suffix)")
                }
                try accounts.close()
                for suffix in ["", "-wal"] {
                    let place = "\(copy)/server.sqlite\(suffix)"
                    try? FileManager.default.removeItem(atPath: place)
                    try FileManager.default.moveItem(
                        atPath: "\(copy)/saved\(suffix)", toPath: place)
                }
            }
            // Another user, who may read everything and write nothing.
            let isRoot = geteuid() == 0
            let prefix =
                isRoot ? ["setpriv", "--reuid=65534", "--clear-groups", "env", "TMPDIR=/tmp"] : []
            let probe = try await Program.run(prefix + [Program.tingdPath, "--version"])
            guard probe.code == 0 else {
                try Test.cancel("Another user may not even start the program here.")
            }
            #expect(try await Program.run(["chmod", "-R", "a+rX,a-w", copy]).code == 0)
            let found = try await Program.run(
                prefix + [Program.tingdPath, "verify", "--data", copy])
            #expect(found.code == 0, "\(found.errors)")
            #expect(found.output.contains("team: version 3, 3 records"), "\(found.output)")
            #expect(try await Program.run(["chmod", "-R", "u+w", copy]).code == 0)
        }

        @Test(
            "an archive whose compaction was killed is looked at as it will be, and left as it is")
        func journal() async throws {
            let (desk, copy) = try await Self.backup()
            defer { desk.cleanUp() }
            let name = try #require(
                try FileManager.default.contentsOfDirectory(atPath: "\(copy)/workspaces")
                    .first { $0.contains("archive") })
            let archive = "\(copy)/workspaces/\(name)"
            let queue = try DatabaseQueue(path: archive)
            try await queue.writeWithoutTransaction { db in
                // A cache of nothing: what changed is in the file, and undone by its journal alone.
                try db.execute(sql: "PRAGMA cache_size = 0; PRAGMA cache_spill = 1; BEGIN")
                try db.execute(sql: "UPDATE entry SET hash = randomblob(32)")
                try db.execute(
                    sql: """
                        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)
                        INSERT INTO touch SELECT randomblob(16), i FROM n
                        """)
                for suffix in ["", "-journal"] {
                    try FileManager.default.copyItem(
                        atPath: archive + suffix, toPath: "\(copy)/saved\(suffix)")
                }
                try db.execute(sql: "ROLLBACK")
            }
            try queue.close()
            for suffix in ["", "-journal"] {
                try? FileManager.default.removeItem(atPath: archive + suffix)
                try FileManager.default.moveItem(
                    atPath: "\(copy)/saved\(suffix)", toPath: archive + suffix)
            }
            let before = try Self.contents(copy)
            try await desk.run("verify", "--data", copy, is: 0)
            #expect(try Self.contents(copy) == before)
        }
    }
}
