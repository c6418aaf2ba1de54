// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore

@testable import TingServer

/// What runs that were cut leave beside a folder.
enum Drafts {
    static func beside(_ path: String) -> [String] {
        let url = URL(fileURLWithPath: path)
        let parent = url.deletingLastPathComponent().path
        return ((try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [])
            .filter { $0.hasPrefix(url.lastPathComponent + ".partial-") }
            .map { "\(parent)/\($0)" }
    }
}

extension ServerTests {
    @Suite("Backups and restored folders are whole, or not there")
    struct BackupTests {
        @Test("backup and restore: nothing is overwritten, nothing half-done is left")
        func backup() async throws {
            let server = try await ServerProcess()
            let desk = try await Desk()
            defer { desk.cleanUp() }
            _ = try await server.join("anna@example.org", "team")
            let copy = "\(desk.path)-copy"
            try await desk.run("backup", "--data", server.path, "--to", copy + "/", is: 0)
            try await desk.run("verify", "--data", copy, is: 0)
            try await desk.run(
                "backup", "--data", server.path, "--to", copy, is: 1, saying: ["is not empty"])
            try await desk.run(
                "restore", "--data", server.path, "--from", copy, is: 1,
                saying: ["A server is running in \(server.path)."])
            try await desk.run(
                "restore", "--data", desk.path, "--from", server.path, is: 1,
                saying: ["A server is running in \(server.path)", "tingd backup"])
            try await desk.run(
                "restore", "--data", desk.path, "--from", "/nowhere", is: 1,
                saying: ["There is no backup in /nowhere."])
            let damaged = "\(desk.path)-damaged"
            try FileManager.default.copyItem(atPath: copy, toPath: damaged)
            try Data("not a database at all, but long enough".utf8).write(
                to: URL(fileURLWithPath: "\(damaged)/server.sqlite"))
            try await desk.run(
                "restore", "--data", desk.path, "--from", damaged, is: 1, saying: ["damaged"])
            for path in [desk.path, copy, server.path] { #expect(Drafts.beside(path).isEmpty) }
            let restored = try await desk.run(
                "restore", "--data", desk.path + "/", "--from", copy, is: 0,
                saying: ["moving what is in", "is now in"])
            #expect(restored.output.isEmpty)
            try await desk.run("verify", "--data", desk.path, is: 0)
            // Who holds the server's files open when it is killed leaves a log: it is restored too.
            server.signal(SIGKILL)
            _ = await server.end()
            try await desk.run(
                "restore", "--data", "\(desk.path)-second", "--from", server.path, is: 0)
            let status = try await desk.run("status", "--data", "\(desk.path)-second", is: 0)
            #expect(status.output.contains("team"))
        }

        @Test("a disk that takes no more is named, and not the file that is copied")
        func badTarget() async throws {
            let desk = try await Desk()
            defer { desk.cleanUp() }
            _ = try await desk.run(
                "invite", "--data", desk.path, "--name", "Anna", "--email", "anna@example.org",
                "--workspace", "team", is: 0)
            let copy = "\(desk.path)-copy"
            // As a file system does whose files can't be larger than that.
            let script = "trap '' XFSZ; ulimit -f 40; exec \"$0\" \"$@\""
            let result = try await Program.run([
                "bash", "-c", script, Program.tingdPath, "backup", "--data", desk.path, "--to",
                copy,
            ])
            #expect(result.code == 1)
            #expect(result.errors.contains("The backup can't be written to"), "\(result.errors)")
            #expect(!FileManager.default.fileExists(atPath: copy) && Drafts.beside(copy).isEmpty)
        }

        @Test("what was withdrawn after a backup does not come back with it")
        func withdrawals() async throws {
            let desk = try await Desk()
            defer { desk.cleanUp() }
            for (name, role) in [("a", "owner"), ("b", "editor"), ("c", "owner"), ("d", "editor")] {
                try await desk.invite("\(name)@b.c", "--workspace", "w", "--role", role)
            }
            let accounts = try Accounts(path: "\(desk.path)/server.sqlite", now: { 1 })
            let workspace = try #require(try accounts.workspaces().first).id
            func invite(_ email: String) throws -> JoinCode {
                try accounts.invite(
                    Invitation(name: "N", email: email, workspace: workspace, role: nil), by: nil)
            }
            func join(_ email: String) throws -> Joined? {
                try accounts.join(code: try invite(email).code, device: "x", publicKey: [1])
            }
            let (stolen, kept) = (
                try #require(try join("a@b.c")), try #require(try join("a@b.c"))
            )
            let (gone, demoted) = (
                try #require(try accounts.member(email: "b@b.c")),
                try #require(try accounts.member(email: "c@b.c"))
            )
            let (used, open) = (try invite("a@b.c").code, try invite("a@b.c").code)
            let withdrawn = try invite("d@b.c").code
            let copy = "\(desk.path)-copy"
            try await desk.run("backup", "--data", desk.path, "--to", copy, is: 0)

            #expect(try accounts.revoke(stolen.caller.device, by: kept.caller))
            for (role, member) in [(nil, gone), (Role.viewer, demoted)] {
                #expect(try accounts.setRole(role, of: member, in: workspace, by: nil) == .done)
            }
            _ = try accounts.join(code: used, device: "y", publicKey: [2])
            try await accounts.database.write {
                try $0.execute(
                    sql: "DELETE FROM invitation WHERE code_hash = ?",
                    arguments: [Secret.hash(of: withdrawn).data])
            }
            try accounts.close()
            let told = try await desk.run(
                "restore", "--data", desk.path, "--from", copy, is: 0, saying: ["stays so: 6 of"])
            #expect(!told.errors.contains("are back"))

            let restored = try Accounts(path: "\(desk.path)/server.sqlite", now: { 1 })
            func isKnown(_ joined: Joined) throws -> Bool {
                try restored.authorize(token: Secret.hash(of: joined.token), slug: nil) != nil
            }
            #expect(try isKnown(kept) && !isKnown(stolen))
            let roles = try restored.members(of: workspace).map { ($0.email, $0.role) }
            #expect(Set(roles.filter { $0.1 == nil }.map(\.0)) == ["b@b.c"])
            #expect(Set(roles.filter { $0.1 == .owner }.map(\.0)) == ["a@b.c"])
            for code in [used, withdrawn] {
                #expect(try restored.join(code: code, device: "z", publicKey: [3]) == nil)
            }
            #expect(try restored.join(code: open, device: "z", publicKey: [3]) != nil)
            try restored.close()
            // Where nothing says what was withdrawn, it is told, and codes end.
            let elsewhere = "\(desk.path)-elsewhere"
            try await desk.run(
                "restore", "--data", elsewhere, "--from", copy, is: 0, saying: ["are back"])
            let blind = try Accounts(path: "\(elsewhere)/server.sqlite", now: { 1 })
            #expect(try blind.join(code: open, device: "z", publicKey: [3]) == nil)
            try blind.close()
        }

        @Test("two backups to one folder at once: one is whole there, the other says so")
        func twoBackups() async throws {
            let desk = try await Desk()
            defer { desk.cleanUp() }
            for slug in ["a", "b", "c"] {
                try await desk.invite("a@b.c", "--workspace", slug, "--role", "owner")
            }
            // Often: a checkpoint of one used to end the other.
            for round in 0..<6 {
                let copy = "\(desk.path)-copy\(round)"
                // A folder of somebody's own, of a name that once was a draft's.
                try FileManager.default.createDirectory(
                    atPath: copy + ".partial", withIntermediateDirectories: true)
                async let first = Program.tingd("backup", "--data", desk.path, "--to", copy)
                async let second = Program.tingd("backup", "--data", desk.path, "--to", copy)
                let (one, other) = try await (first, second)
                #expect([one.code, other.code].sorted() == [0, 1], "\(one.errors)\(other.errors)")
                let loser = one.code == 0 ? other : one
                #expect(
                    loser.errors.contains("The folder \(copy) is not empty."), "\(loser.errors)")
                let checked = try await desk.run("verify", "--data", copy, is: 0)
                #expect(checked.output.split(separator: "\n").count == 4)
                #expect(FileManager.default.fileExists(atPath: copy + ".partial"))
                #expect(Drafts.beside(copy).isEmpty)
            }
        }

        @Test("a draft that a kill left goes with the next run; nobody else's folder does")
        func abandoned() async throws {
            let desk = try await Desk()
            defer { desk.cleanUp() }
            let copy = "\(desk.path)-copy"
            let files = FileManager.default
            for (name, isDraft) in [("aB3dE9", true), ("photos", false)] {
                let folder = "\(copy).partial-\(name)"
                try files.createDirectory(
                    atPath: "\(folder)/workspaces", withIntermediateDirectories: true)
                guard isDraft else { continue }
                _ = files.createFile(atPath: "\(folder)/unfinished", contents: nil)
            }
            // One that another run is filling.
            let underWay = try DraftFolder(for: copy)
            try await desk.run(
                "backup", "--data", desk.path, "--to", "\(desk.path)/copy", is: 1,
                saying: ["lies in the data folder", "outside of"])
            let link = "\(desk.path)-link"
            try files.createSymbolicLink(atPath: link, withDestinationPath: desk.path)
            try await desk.run(
                "backup", "--data", desk.path, "--to", "\(link)/copy", is: 1,
                saying: ["lies in the data folder"])
            try await desk.run("backup", "--data", desk.path, "--to", copy, is: 0)
            #expect(
                Set(Drafts.beside(copy)) == ["\(copy).partial-photos", underWay.folder.path])
            underWay.discard()
            #expect(Drafts.beside(copy) == ["\(copy).partial-photos"])
        }

        @Test("files that somebody takes out of a backup while it is made are missed")
        func taken() async throws {
            let desk = try await Desk()
            defer { desk.cleanUp() }
            let draft = try DraftFolder(for: "\(desk.path)-copy")
            defer { draft.discard() }
            try draft.copyAll(from: try DataFolder(existing: desk.path))
            try FileManager.default.removeItem(atPath: draft.folder.database)
            #expect(throws: ServerError.self) { try draft.place() }
            #expect(!FileManager.default.fileExists(atPath: "\(desk.path)-copy"))
        }
    }
}
