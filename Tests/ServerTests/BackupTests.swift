// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

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

        @Test("two backups to one folder at once: one is whole there, the other says so")
        func twoBackups() async throws {
            let desk = try await Desk()
            defer { desk.cleanUp() }
            for slug in ["a", "b", "c"] {
                try await desk.invite("a@b.c", "--workspace", slug, "--role", "owner")
            }
            let copy = "\(desk.path)-copy"
            // A folder of somebody's own, of a name that once was a draft's.
            try FileManager.default.createDirectory(
                atPath: copy + ".partial", withIntermediateDirectories: true)
            async let first = Program.tingd("backup", "--data", desk.path, "--to", copy)
            async let second = Program.tingd("backup", "--data", desk.path, "--to", copy)
            let (one, other) = try await (first, second)
            #expect([one.code, other.code].sorted() == [0, 1], "\(one.errors)\(other.errors)")
            let loser = one.code == 0 ? other : one
            #expect(loser.errors.contains("The folder \(copy) is not empty."), "\(loser.errors)")
            let checked = try await desk.run("verify", "--data", copy, is: 0)
            #expect(checked.output.split(separator: "\n").count == 4)
            #expect(FileManager.default.fileExists(atPath: copy + ".partial"))
            #expect(Drafts.beside(copy).isEmpty)
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
