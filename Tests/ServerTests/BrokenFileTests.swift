// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingServer

extension ServerTests {
    /// One used to stop every command for all workspaces.
    @Suite("A workspace whose file is damaged or gone, as the operator meets it")
    struct BrokenFileTests {
        enum Harm: CaseIterable, Sendable {
            case damaged, missing

            var words: String { self == .damaged ? "is damaged" : "is missing" }

            func happen(to path: String) throws {
                for suffix in ["", "-wal", "-shm"] {
                    try? FileManager.default.removeItem(atPath: path + suffix)
                }
                guard self == .damaged else { return }
                try Data(repeating: 7, count: 20_000).write(to: URL(fileURLWithPath: path))
            }
        }

        private struct Listed: Decodable {
            struct Workspace: Decodable {
                let slug: String
                let id: String
                let head: Int?
                let problem: String?
            }
            let workspaces: [Workspace]
            let last_backup: String?
        }

        private static func status(_ path: String) async throws -> Listed {
            let result = try await Program.tingd("status", "--data", path, "--json")
            #expect(result.code == 0, "\(result.errors)")
            return try JSONDecoder().decode(Listed.self, from: Data(result.output.utf8))
        }

        /// A data folder with two workspaces, and where one of them lies.
        private static func setUp() async throws -> (desk: Desk, broken: String) {
            let desk = try await Desk()
            for slug in ["good", "broken"] {
                try await desk.invite("a@b.c", "--workspace", slug, "--role", "owner")
            }
            let id = try #require(
                try await status(desk.path).workspaces.first { $0.slug == "broken" }?.id)
            return (desk, "\(desk.path)/workspaces/\(id).sqlite")
        }

        @Test(
            "status lists it without a version; commands for it name the file",
            arguments: Harm.allCases)
        func listed(_ harm: Harm) async throws {
            let (desk, broken) = try await Self.setUp()
            defer { desk.cleanUp() }
            try harm.happen(to: broken)
            let told = "The file of the workspace broken \(harm.words) (\(broken))."
            let found = try await Self.status(desk.path).workspaces
            #expect(found.first { $0.slug == "broken" }?.problem == told)
            #expect(found.first { $0.slug == "broken" }?.head == nil)
            #expect(found.first { $0.slug == "good" }?.head == 0)
            #expect(found.first { $0.slug == "good" }?.problem == nil)
            try await desk.run("status", "--data", desk.path, is: 0, saying: [told])
            for words in [["log"], ["compact", "--keep", "1"]] {
                let result = try await Program.run(
                    [Program.tingdPath] + words + ["--data", desk.path, "--workspace", "broken"])
                #expect(result.code == 1 && result.errors.contains(told), "\(result.errors)")
                #expect(result.errors.contains("put it back from a backup"), "\(result.errors)")
            }
            let verified = try await Program.tingd("verify", "--data", desk.path)
            #expect(verified.code == 1 && verified.output.contains("good: version 0"))
            #expect(
                verified.errors.contains(
                    harm == .missing
                        ? "broken: its file is missing (\(broken))."
                        : "broken: its file can't be read (\(broken))."), "\(verified.errors)")
            #expect(FileManager.default.fileExists(atPath: broken) == (harm == .damaged))
        }

        @Test("a backup takes the others along, and says what it lacks", arguments: Harm.allCases)
        func backup(_ harm: Harm) async throws {
            let (desk, broken) = try await Self.setUp()
            defer { desk.cleanUp() }
            try harm.happen(to: broken)
            let copy = "\(desk.path)-copy"
            let told = "The file of the workspace broken \(harm.words) (\(broken))."
            try await desk.run(
                "backup", "--data", desk.path, "--to", copy, is: 1,
                saying: ["copied 1 workspace to", told, "The backup is incomplete"])
            let files = FileManager.default
            #expect(Drafts.beside(copy).isEmpty)
            let note = try #require(files.contents(atPath: "\(copy)/incomplete.json"))
            #expect(String(decoding: note, as: UTF8.self).contains(#""workspace":"broken""#))
            let checked = try await Program.tingd("verify", "--data", copy)
            #expect(checked.code == 1 && checked.output.contains("good: version 0"))
            #expect(checked.errors.contains("broken: its file is missing"), "\(checked.errors)")
            let json = try await Program.tingd(
                "backup", "--data", desk.path, "--to", copy + "2", "--json")
            #expect(json.code == 1)
            struct Report: Decodable {
                struct File: Decodable { let workspace, kind, path, problem: String }
                let workspaces: [String]
                let lacking: [File]
            }
            let report = try JSONDecoder().decode(Report.self, from: Data(json.output.utf8))
            #expect(report.workspaces == ["good"])
            #expect(report.lacking.map(\.path) == [broken])
            #expect(report.lacking.map(\.problem) == [harm.words])
            // It is not the last backup that `status` tells of.
            #expect(try await Self.status(desk.path).last_backup == nil)
        }

        @Test(
            "restored from a backup that lacks it, what is left of it stays, and is told",
            arguments: Harm.allCases)
        func restore(_ harm: Harm) async throws {
            let (desk, broken) = try await Self.setUp()
            defer { desk.cleanUp() }
            let files = FileManager.default
            let (whole, copy) = ("\(desk.path)-whole", "\(desk.path)-copy")
            try await desk.run("backup", "--data", desk.path, "--to", whole, is: 0)
            #expect(!files.fileExists(atPath: "\(whole)/incomplete.json"))
            let intact = "\(whole)/workspaces/\(URL(fileURLWithPath: broken).lastPathComponent)"
            try harm.happen(to: broken)
            try await desk.run("backup", "--data", desk.path, "--to", copy, is: 1)
            try await desk.run(
                "restore", "--data", desk.path, "--from", copy, is: 1,
                saying: [
                    "The file of the workspace broken \(harm.words) (\(broken)).",
                    "restored; start",
                    "can't be read in the replaced folder either",
                ])
            #expect(files.fileExists(atPath: broken) == (harm == .damaged))
            let verified = try await Program.tingd("verify", "--data", desk.path)
            #expect(verified.output.contains("good: version 0"), "\(verified.errors)")
            #expect(verified.errors.contains("1 problem was found"), "\(verified.errors)")
            // Put back by hand, it stays, though the backup lacks it.
            try? files.removeItem(atPath: broken)
            try files.copyItem(atPath: intact, toPath: broken)
            try await desk.run(
                "restore", "--data", desk.path, "--from", copy, is: 0,
                saying: ["the backup lacks the workspace broken"])
            try await desk.run("verify", "--data", desk.path, is: 0)
        }

        @Test("a backup with a damaged file is not restored; the file is named")
        func rotten() async throws {
            let (desk, broken) = try await Self.setUp()
            defer { desk.cleanUp() }
            let copy = "\(desk.path)-copy"
            try await desk.run("backup", "--data", desk.path, "--to", copy, is: 0)
            let file = "\(copy)/workspaces/\(URL(fileURLWithPath: broken).lastPathComponent)"
            try Harm.damaged.happen(to: file)
            try await desk.run(
                "restore", "--data", desk.path, "--from", copy, is: 1,
                saying: [
                    "The file of the workspace broken is damaged (\(file)).", "out of this one",
                ])
            #expect(Drafts.beside(desk.path).isEmpty)
            try await desk.run("verify", "--data", desk.path, is: 0)
            try FileManager.default.removeItem(atPath: file)
            try await desk.run(
                "restore", "--data", desk.path, "--from", copy, is: 0,
                saying: ["the backup lacks the workspace broken"])
            try await desk.run("verify", "--data", desk.path, is: 0)
        }

        @Test(
            "an archive that can't be read leaves the workspace in the backup",
            arguments: Harm.allCases)
        func archive(_ harm: Harm) async throws {
            let server = try await ServerProcess()
            let token = try await server.join("anna@example.org", "team")
            try await server.push(token, texts: 3, bytes: 100)
            try await server.compact()
            let id = try #require(try await Self.status(server.path).workspaces.first?.id)
            let archive = "\(server.path)/workspaces/\(id).archive.sqlite"
            try harm.happen(to: archive)
            let copy = "\(server.path)-copy"
            defer { try? FileManager.default.removeItem(atPath: copy) }
            let result = try await Program.tingd("backup", "--data", server.path, "--to", copy)
            #expect(result.code == 1)
            for part in [
                "copied 1 workspace to",
                "The archive of the workspace team \(harm.words) (\(archive)).", "incomplete",
            ] {
                #expect(result.errors.contains(part), "\(result.errors)")
            }
            let checked = try await Program.tingd("verify", "--data", copy)
            #expect(checked.output.contains("team: version 3"), "\(checked.errors)")
            #expect(checked.errors.contains("The archive of versions 1 to 2 is missing"))
        }

        @Test("what reads or writes an archive that is damaged inside names it")
        func damagedInside() async throws {
            let server = try await ServerProcess()
            let token = try await server.join("anna@example.org", "team")
            try await server.push(token, texts: 40, bytes: 2_000)
            try await server.compact(keeping: 20)
            let id = try #require(try await Self.status(server.path).workspaces.first?.id)
            let archive = "\(server.path)/workspaces/\(id).archive.sqlite"
            // All but the first page: SQLite opens it, and finds out later.
            let file = try #require(FileHandle(forUpdatingAtPath: archive))
            let size = try file.seekToEnd()
            try file.seek(toOffset: 4_096)
            try file.write(contentsOf: Data(repeating: 7, count: Int(size) - 4_096))
            try file.close()
            for words in [
                ["log"], ["compact", "--keep", "1"],
            ] {
                let result = try await Program.run(
                    [Program.tingdPath] + words + ["--data", server.path])
                #expect(result.code == 1)
                #expect(
                    result.errors.contains(
                        "The archive of the workspace team is damaged (\(archive))."),
                    "\(words): \(result.errors)")
            }
        }

        @Test("a log that is begun before the first compaction goes on in the archive it makes")
        func logWhileCompacting() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team", as: .owner)
                let writer = Writer(
                    url: server.url, token: anna.token, slug: "team", client: server.client)
                // Each a page of its own.
                for number in 0..<3 {
                    let text = "\(number)" + String(repeating: "x", count: 900_000)
                    _ = try await writer.send([writer.insert("summary", text)])
                }
                var seen: [Version] = []
                try server.asOperator { person in
                    try person.eachEntry(of: "team", since: 0, touching: nil) { entry in
                        if seen.isEmpty {
                            let done = try person.compact("team", to: .version(3), dryRun: false)
                            #expect(done.floor == 3)
                        }
                        seen.append(entry.version)
                    }
                }
                #expect(seen == [1, 2, 3])
            }
        }
    }
}
