// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore

@testable import TingServer

extension ServerTests {
    /// A restore that is stopped by a signal used to leave no data folder at all.
    @Suite("A restore that is cut", .tags(.promise1), .timeLimit(.minutes(4)))
    struct RestoreTests {
        /// A stopped server's folder, a backup of its first changes, and how many changes there are
        /// after it, all but the last in the archive alone.
        private static func setUp() async throws -> (
            server: ServerProcess, copy: String, texts: Int
        ) {
            let server = try await ServerProcess()
            let token = try await server.join("anna@example.org", "team")
            try await server.push(token, texts: 2, bytes: 100)
            let copy = "\(server.path)-copy"
            #expect(
                try await Program.tingd("backup", "--data", server.path, "--to", copy).code == 0)
            try await server.push(token, texts: 3, bytes: 100)
            server.signal(SIGTERM)
            #expect(await server.end() == 0)
            try await server.compact()
            return (server, copy, 4)
        }

        /// A restore under way, to be watched or killed.
        private static func startRestore(
            of server: ServerProcess, from copy: String
        ) throws -> Process {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: Program.tingdPath)
            process.arguments = ["restore", "--data", server.path, "--from", copy]
            process.standardError = FileHandle.nullDevice
            try process.run()
            return process
        }

        private static func cleanUp(_ server: ServerProcess) {
            let url = URL(fileURLWithPath: server.path)
            let parent = url.deletingLastPathComponent().path
            for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
            where name.hasPrefix(url.lastPathComponent) {
                try? FileManager.default.removeItem(atPath: "\(parent)/\(name)")
            }
        }

        /// What tells one folder from another.
        private static func number(of path: String) -> Int? {
            try? FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
        }

        /// How many entries a folder's workspace has.
        private static func entries(in path: String) async throws -> Int {
            try await Program.tingd("log", "--data", path, "--json").output
                .split(separator: "\n").count
        }

        @Test("the data folder is there at every instant, the old one or the new one")
        func always() async throws {
            let (server, copy, _) = try await Self.setUp()
            defer { Self.cleanUp(server) }
            let old = Self.number(of: server.path)
            let process = try Self.startRestore(of: server, from: copy)
            var (seen, misses) = (Set<Int>(), 0)
            let database = "\(server.path)/server.sqlite"
            while process.isRunning {
                if let number = Self.number(of: server.path) { seen.insert(number) }
                for _ in 0..<1_000 where access(database, F_OK) != 0 { misses += 1 }
            }
            #expect(process.terminationStatus == 0)
            #expect(misses == 0)
            #expect(seen.subtracting([old ?? 0]).count <= 1)
            #expect(Self.number(of: server.path) != old)
        }

        @Test("killed anywhere, the folder is whole; the next try brings back what the archive had")
        func killed() async throws {
            let (server, copy, texts) = try await Self.setUp()
            defer { Self.cleanUp(server) }
            var random = Dice(8)
            for round in 0..<8 {
                let old = Self.number(of: server.path)
                let process = try Self.startRestore(of: server, from: copy)
                // Every other time at the instant at which the new folder stands there.
                let until =
                    ContinuousClock.now + .milliseconds(Int.random(in: 5...400, using: &random))
                while process.isRunning {
                    if round.isMultiple(of: 2)
                        ? Self.number(of: server.path) != old : ContinuousClock.now > until
                    {
                        kill(process.processIdentifier, round % 4 < 2 ? SIGKILL : SIGINT)
                        break
                    }
                }
                process.waitUntilExit()
                let verified = try await Program.tingd("verify", "--data", server.path)
                #expect(verified.code == 0, "\(round): \(verified.errors)")
            }
            let again = try await Program.tingd(
                "restore", "--data", server.path, "--from", copy)
            #expect(again.code == 0, "\(again.errors)")
            #expect(try await Self.entries(in: server.path) == texts)
            for left in Drafts.beside(server.path) {
                // What a kill between the exchange and the new name left is an old folder, whole.
                #expect(!FileManager.default.fileExists(atPath: "\(left)/unfinished"))
                #expect(try await Program.tingd("verify", "--data", left).code == 0)
            }
        }

        @Test(
            "where folders can't change places, the old one goes aside, and comes back on failure")
        func noExchange() async throws {
            let (server, copy, texts) = try await Self.setUp()
            defer { Self.cleanUp(server) }
            let draft = try DraftFolder(for: server.path, exchange: { _, _ in EINVAL })
            try draft.copyAll(from: try DataFolder(backup: copy))
            let aside = "\(server.path).before-restore-7"
            #expect(try draft.replace(movingTo: aside) == aside)
            draft.discard()
            for path in [server.path, aside] {
                #expect(try await Program.tingd("verify", "--data", path).code == 0)
            }
            // The draft is gone when it should take the place.
            let broken = try DraftFolder(
                for: server.path,
                exchange: { draft, _ in
                    try? FileManager.default.removeItem(atPath: draft)
                    return EINVAL
                })
            #expect(throws: ServerError.self) { try broken.replace(movingTo: aside + "1") }
            #expect(try await Program.tingd("verify", "--data", server.path).code == 0)
            // A kill between the two renames leaves no folder under the name; its archive is found.
            try FileManager.default.removeItem(atPath: server.path)
            #expect(
                try await Program.tingd("restore", "--data", server.path, "--from", copy).code == 0)
            #expect(try await Self.entries(in: server.path) == texts)
        }

        @Test(
            "an archive of the replaced folder that can't be read is told, and stops nothing",
            arguments: [true, false])
        func damagedArchive(isWhole: Bool) async throws {
            let (server, copy, _) = try await Self.setUp()
            defer { Self.cleanUp(server) }
            let workspaces = "\(server.path)/workspaces"
            let name = try #require(
                try FileManager.default.contentsOfDirectory(atPath: workspaces)
                    .first { $0.hasSuffix(".archive.sqlite") })
            let archive = "\(workspaces)/\(name)"
            if isWhole {
                try Data(repeating: 7, count: 20_000).write(to: URL(fileURLWithPath: archive))
            } else {
                let queue = try DatabaseQueue(path: archive)
                try await queue.write {
                    try $0.execute(sql: "UPDATE entry SET change_set = x'07' WHERE version = 4")
                }
                try queue.close()
            }
            let found = try await Program.tingd("verify", "--data", server.path)
            let told =
                isWhole
                ? "team: its archive can't be read (\(archive))."
                : "team: Version 4 in the archive is damaged."
            #expect(found.errors.contains(told), "\(found.errors)")
            #expect(!found.errors.contains("its file"), "\(found.errors)")
            let restored = try await Program.tingd(
                "restore", "--data", server.path, "--from", copy)
            #expect(restored.code == 0, "\(restored.errors)")
            let aside = try #require(
                restored.errors.split(separator: "\n").first { $0.contains("is now in") }?
                    .split(separator: " ").last)
            let problem = isWhole ? "is damaged" : "holds what can't be read"
            for part in [
                "The archive of the workspace team \(problem) (\(aside)/workspaces/\(name)).",
                "not taken back", "restored; start it",
            ] {
                #expect(restored.errors.contains(part), "\(restored.errors)")
            }
            #expect(FileManager.default.fileExists(atPath: "\(aside)/workspaces/\(name)"))
            #expect(try await Program.tingd("verify", "--data", server.path).code == 0)
            // What comes before the damage is back.
            #expect(try await Self.entries(in: server.path) == (isWhole ? 2 : 3))
        }

        @Test("that the replaced folder lacks an archive with what the backup lacks is told")
        func missingArchive() async throws {
            let (server, copy, _) = try await Self.setUp()
            defer { Self.cleanUp(server) }
            let whole = "\(server.path)-whole"
            #expect(
                try await Program.tingd("backup", "--data", server.path, "--to", whole).code == 0)
            let workspaces = "\(server.path)/workspaces"
            let name = try #require(
                try FileManager.default.contentsOfDirectory(atPath: workspaces)
                    .first { $0.hasSuffix(".archive.sqlite") })
            try FileManager.default.removeItem(atPath: "\(workspaces)/\(name)")
            for (source, isTold) in [(copy, true), (whole, false)] {
                let restored = try await Program.tingd(
                    "restore", "--data", server.path, "--from", source)
                #expect(restored.code == 0 && restored.errors.contains("restored; start it"))
                #expect(
                    restored.errors.contains("The archive of the workspace team is missing")
                        == isTold, "\(restored.errors)")
                #expect(!restored.errors.contains("keep that file"))
            }
        }

        @Test("a workspace that came after the backup stays, with its people")
        func laterWorkspace() async throws {
            let (server, copy, _) = try await Self.setUp()
            defer { Self.cleanUp(server) }
            for (email, slug) in [("li@example.cn", "newer"), ("anna@example.org", "newer")] {
                let invited = try await Program.tingd(
                    "invite", "--data", server.path, "--name", email, "--email", email,
                    "--workspace", slug)
                #expect(invited.code == 0)
            }
            let before = try await Program.tingd(
                "members", "--data", server.path, "--workspace", "newer")
            let restored = try await Program.tingd(
                "restore", "--data", server.path, "--from", copy)
            #expect(restored.code == 0)
            #expect(restored.errors.contains("the backup lacks the workspace newer"))
            let after = try await Program.tingd(
                "members", "--data", server.path, "--workspace", "newer")
            #expect(after.output == before.output)
            #expect(after.output.contains("li@example.cn"))
            #expect(try await Program.tingd("verify", "--data", server.path).code == 0)
            let left = try FileManager.default.contentsOfDirectory(atPath: server.path)
            #expect(!left.contains("copies"))
        }

        @Test(
            "what was withdrawn, and made, after an older backup was restored holds for a newer one"
        )
        func olderThenNewer() async throws {
            let (server, copy, _) = try await Self.setUp()
            defer { Self.cleanUp(server) }
            func run(_ words: String...) async throws -> Program.Result {
                let words = [words[0], "--data", server.path] + words.dropFirst()
                let result = try await Program.run([Program.tingdPath] + words)
                #expect(result.code == 0, "\(result.errors)")
                return result
            }
            let invite = ["--name", "Li", "--email", "li@example.cn", "--workspace"]
            _ = try await run(
                "invite", invite[0], invite[1], invite[2], invite[3], invite[4], "team")
            let newer = "\(server.path)-newer"
            _ = try await run("backup", "--to", newer)
            _ = try await run("restore", "--from", copy)
            _ = try await run("members", "--workspace", "team", "--role", "anna@example.org=viewer")
            _ = try await run(
                "invite", invite[0], invite[1], invite[2], invite[3], invite[4], "late")
            let restored = try await run("restore", "--from", newer)
            #expect(restored.errors.contains("the backup lacks the workspace late"))
            let members = try await run("members").output
            #expect(members.contains(/team +viewer +anna/) && members.contains(/late +owner +li/))
            #expect(members.contains(/team +editor +li/))
        }

        @Test("the accounts of another server know nothing of what was withdrawn")
        func otherAccounts() async throws {
            let (server, copy, _) = try await Self.setUp()
            defer { Self.cleanUp(server) }
            try FileManager.default.removeItem(atPath: server.path)
            #expect(try await Program.tingd("init", "--data", server.path).code == 0)
            let restored = try await Program.tingd(
                "restore", "--data", server.path, "--from", copy)
            #expect(restored.code == 0)
            #expect(restored.errors.contains("withdrawn after the backup are back"))
        }

        @Test("what a killed command left is no backup, and no server")
        func notWhole() async throws {
            let (server, copy, _) = try await Self.setUp()
            defer { Self.cleanUp(server) }
            let mark = "\(copy)/unfinished"
            #expect(FileManager.default.createFile(atPath: mark, contents: nil))
            func restore() async throws -> Program.Result {
                try await Program.tingd("restore", "--data", server.path, "--from", copy)
            }
            #expect(try await restore().code == 1)
            try FileManager.default.removeItem(atPath: mark)
            try Data().write(to: URL(fileURLWithPath: "\(copy)/server.sqlite"))
            let refused = try await restore()
            #expect(refused.code == 1 && refused.errors.contains("is not whole"))
            #expect(try await Program.tingd("verify", "--data", copy).code == 1)
            #expect(try await Program.tingd("verify", "--data", server.path).code == 0)
        }

        @Test("a restore and other commands keep out of each other's way")
        func beside() async throws {
            let (server, copy, _) = try await Self.setUp()
            defer { Self.cleanUp(server) }
            let folder = try DataFolder(existing: server.path)
            var command: FolderUse? = try FolderUse(folder)
            let refused = try await Program.tingd(
                "restore", "--data", server.path, "--from", copy)
            #expect(
                refused.code == 1 && refused.errors.contains("Another command of `tingd` works"))
            #expect(try await Program.tingd("members", "--data", server.path).code == 0)
            command = nil
            let restore = try FolderUse(folder, isRestore: true)
            let late = try await Program.tingd(
                "members", "--data", server.path, "--workspace", "team", "--remove",
                "anna@example.org")
            #expect(late.code == 1 && late.errors.contains("A restore replaces"))
            withExtendedLifetime((command, restore)) {}
        }

        @Test(
            "a server that runs in a folder whose accounts are empty is seen, and so is a restore")
        func running() async throws {
            let (server, copy, _) = try await Self.setUp()
            defer { Self.cleanUp(server) }
            let folder = try DataFolder(existing: server.path)
            var lock: FolderLock? = try FolderLock(folder)
            let accounts = try Data(contentsOf: URL(fileURLWithPath: folder.database))
            try Data().write(to: URL(fileURLWithPath: folder.database))
            let old = Self.number(of: server.path)
            let refused = try await Program.tingd(
                "restore", "--data", server.path, "--from", copy)
            #expect(refused.code == 1 && refused.errors.contains("A server is running in"))
            #expect(Self.number(of: server.path) == old)
            try accounts.write(to: URL(fileURLWithPath: folder.database))
            lock = nil
            // Who replaces a folder holds both of its locks.
            lock = try FolderLock(folder)
            let restore = try FolderUse(folder, isRestore: true)
            let late = try await Program.tingd(
                "serve", "--data", server.path, "--listen", "127.0.0.1:0")
            #expect(late.code == 1 && late.errors.contains("A restore replaces"))
            withExtendedLifetime((lock, restore)) {}
        }

        @Test("of several that make one folder at once one does, and a killed one's is made anew")
        func inits() async throws {
            let path = TestFolder.new()
            defer { try? FileManager.default.removeItem(atPath: path) }
            for round in 0..<4 {
                let data = "\(path)/\(round)"
                let codes = try await withThrowingTaskGroup(of: Int32.self) { group in
                    for _ in 0..<3 {
                        group.addTask { try await Program.tingd("init", "--data", data).code }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(codes.sorted() == [0, 1, 1])
                #expect(try await Program.tingd("verify", "--data", data).code == 0)
            }
            let killed = "\(path)/0"
            try FileManager.default.removeItem(atPath: "\(killed)/tls/server.pem")
            try FileManager.default.removeItem(atPath: "\(killed)/server.sqlite")
            #expect(try await Program.tingd("init", "--data", killed).code == 1)
            let mark = "\(killed)/init-unfinished"
            #expect(FileManager.default.createFile(atPath: mark, contents: nil))
            // What anybody else has put there stays.
            let own = "\(killed)/thesis.txt"
            try Data("mine".utf8).write(to: URL(fileURLWithPath: own))
            #expect(try await Program.tingd("init", "--data", killed).code == 1)
            try FileManager.default.removeItem(atPath: own)
            #expect(try await Program.tingd("init", "--data", killed).code == 0)
            #expect(try await Program.tingd("verify", "--data", killed).code == 0)
            #expect(!FileManager.default.fileExists(atPath: mark))
        }

        @Test("whoever runs a command, root too, what it makes is the folder's owner's")
        func owner() async throws {
            let (server, copy, _) = try await Self.setUp()
            defer { Self.cleanUp(server) }
            let files = FileManager.default
            // Root alone can work in another's folder.
            let isRoot = geteuid() == 0
            let owner = isRoot ? uid_t(65_534) : geteuid()
            let group = isRoot ? gid_t(65_534) : getegid()
            func everything() throws -> [String] {
                try [server.path]
                    + files.subpathsOfDirectory(atPath: server.path).map { "\(server.path)/\($0)" }
            }
            for path in try everything() { #expect(chown(path, owner, group) == 0) }
            #expect((FolderOwner(of: server.path) != nil) == isRoot)
            #expect(
                try await Program.tingd(
                    "invite", "--data", server.path, "--name", "Li", "--email", "li@example.cn",
                    "--workspace", "newer"
                ).code == 0)
            #expect(
                try await Program.tingd("certificate", "--data", server.path, "--host", "a.b").code
                    == 0)
            #expect(
                try await Program.tingd("restore", "--data", server.path, "--from", copy).code == 0)
            for path in try everything() {
                let found = try files.attributesOfItem(atPath: path)[.ownerAccountID] as? Int
                #expect(found == Int(owner), "\(path)")
            }
        }

        @Test("a folder that can't be replaced stays, and nothing else is left")
        func refused() async throws {
            let (server, copy, _) = try await Self.setUp()
            defer { Self.cleanUp(server) }
            let draft = try DraftFolder(for: server.path, exchange: { _, _ in EBUSY })
            try draft.copyAll(from: try DataFolder(backup: copy))
            let old = Self.number(of: server.path)
            #expect(throws: ServerError.self) { try draft.replace(movingTo: "\(server.path)-x") }
            draft.discard()
            #expect(Self.number(of: server.path) == old && Drafts.beside(server.path).isEmpty)
        }
    }
}
