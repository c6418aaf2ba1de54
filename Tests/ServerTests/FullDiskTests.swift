// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import GRDB
import Testing
import TingCore
import TingStore
import TingTesting

@testable import TingServer

/// A small file system of its own, where the tests may mount one.
private final class SmallDisk: Sendable {
    let path = TestFolder.new()

    init?(megabytes: Int) async throws {
        guard geteuid() == 0 else { return nil }
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let mounted = try await Program.run([
            "mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path,
        ])
        guard mounted.code == 0 else {
            try? FileManager.default.removeItem(atPath: path)
            return nil
        }
    }

    func unmount() async throws {
        _ = try await Program.run(["umount", "-l", path])
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Takes all that is left.
    func fill() throws {
        let file = open("\(path)/ballast", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        defer { close(file) }
        for size in [1 << 20, 4_096, 1] {
            let block = [UInt8](repeating: 7, count: size)
            while write(file, block, size) == size {}
        }
    }

    func free() throws { try FileManager.default.removeItem(atPath: "\(path)/ballast") }
}

extension ServerTests {
    @Suite("A full disk", .tags(.promise1), .timeLimit(.minutes(2)))
    struct FullDiskTests {
        @Test(
            "writes answer storage_full, reads go on, and all is well by itself when space returns")
        func full() async throws { try await onSmallDisk(story) }

        @Test(
            "an older snapshot serves, but none below the floor, and none that lacks what came back",
            arguments: [false, true])
        func olderSnapshot(isCompacted: Bool) async throws {
            try await onSmallDisk { try older($0, isCompacted: isCompacted) }
        }

        private func older(_ disk: SmallDisk, isCompacted: Bool) throws {
            let folder = try DataFolder(creating: "\(disk.path)/server")
            let team = try Team(1)
            var random = SystemRandomNumberGenerator()
            let place = SnapshotFolder(folder, .random(using: &random))
            let old = try place.renew(from: team.workspace)
            for title in ["One", "Two", "Three"] {
                try team.replicas[0].write {
                    try $0.execute(
                        sql: "INSERT INTO project (title) VALUES (?)", arguments: [title])
                }
                try team.sync(0)
            }
            try disk.fill()
            #expect(try place.renew(from: team.workspace) == old)
            if isCompacted {
                try team.compact(.keep(1))
            } else {
                let before = Epoch.random(using: &random).description
                try team.workspace.tamper {
                    try $0.execute(
                        sql: "INSERT INTO ting_name (epoch, version, here) VALUES (?, 3, 3)",
                        arguments: [before])
                }
            }
            let refusal = #expect(throws: (any Error).self) {
                try place.renew(from: team.workspace)
            }
            #expect(refusal.map { isStorageFull($0) } == true)
            try disk.free()
            #expect(try place.renew(from: team.workspace).version == 3)
            try team.workspace.close()
        }

        private func onSmallDisk(_ body: (SmallDisk) async throws -> Void) async throws {
            guard let disk = try await SmallDisk(megabytes: 24) else {
                try Test.cancel("Only root mounts a small disk.")
            }
            do {
                try await body(disk)
                try await disk.unmount()
            } catch {
                try? await disk.unmount()
                throw error
            }
        }

        private func story(_ disk: SmallDisk) async throws {
            let path = "\(disk.path)/server"
            try #require(try await Program.tingd("init", "--data", path).code == 0)
            let server = try await ServerProcess(path: path, logFile: "\(disk.path)/log")
            let token = try await server.join("anna@example.org", "team")
            // One who has joined, and has asked for nothing yet.
            let fresh = try await server.join("bo@example.org", "team", "viewer")
            let team = "\(server.url)/v1/workspaces/team"
            func get(_ path: String, _ token: String) async throws -> String {
                try await server.curl(
                    "-o", "/dev/null", "-w", "%{http_code}", "-H", "Authorization: Bearer \(token)",
                    path
                ).output
            }
            let client = try TestServer.client(trusting: server.ca)
            let writer = Writer(url: server.url, token: token, slug: "team", client: client)
            var acknowledged: Set<ChangeSetID> = []
            func push(_ text: String) async throws -> Int {
                let changeSet = writer.insert("summary", text)
                do {
                    let verdicts = try await writer.send([changeSet])
                    if case .applied = verdicts[0].verdict { acknowledged.insert(changeSet.id) }
                    return 200
                } catch let failure as Writer.Failure {
                    return failure.status
                }
            }
            #expect(try await push("Before") == 200)
            #expect(try await get("\(team)/snapshot", token) == "200")
            for _ in 0..<3 {
                try disk.fill()
                // A log of SQLite may have room left: some still fit in.
                var status = 200
                while status == 200 {
                    status = try await push(String(repeating: "full ", count: 20_000))
                }
                #expect(status == 507)
                for one in [token, fresh] {
                    for path in ["", "/entries", "/members", "/snapshot/manifest", "/snapshot"] {
                        #expect(try await get(team + path, one) == "200", "\(path)")
                    }
                }
                let problem = try await server.curl(
                    "-i", "-H", "Authorization: Bearer \(token)", "-H",
                    "Content-Type: application/json",
                    "-d", #"{"name":"Li","email":"li@example.cn"}"#, "\(team)/invitations")
                #expect(
                    problem.output.contains("201")
                        || problem.output.contains(#""code":"storage_full""#))
                let commands = try await Program.tingd(
                    "invite", "--data", path, "--name", "B", "--email", "b@b.c", "--workspace",
                    "new")
                #expect(
                    commands.code == 0 || commands.errors.contains("The disk is full."),
                    "\(commands.errors)")
                if commands.code != 0 {
                    // What could not be made leaves nothing behind.
                    let names = try FileManager.default.contentsOfDirectory(
                        atPath: "\(path)/workspaces")
                    #expect(names.count { $0.hasSuffix(".sqlite") } == 1)
                }
                try disk.free()
                #expect(try await push("After") == 200)
            }
            server.signal(SIGKILL)
            _ = await server.end()
            let again = try await ServerProcess(path: path)
            let verified = try await Program.tingd("verify", "--data", path)
            #expect(verified.code == 0, "\(verified.errors)")
            let found = try await again.changeSets(token)
            #expect(acknowledged.isSubset(of: found))
            again.signal(SIGTERM)
            #expect(await again.end() == 0)
            try await client.shutdown()
        }
    }
}
