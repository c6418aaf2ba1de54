// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import GRDB
import NIOHTTP1
import Testing
import TingCore
import TingStore
import TingTesting
import TingWire

@testable import TingServer

extension ServerTests {
    @Suite("Snapshots")
    struct SnapshotTests {
        private func manifest(
            _ server: TestServer, _ person: Person, _ query: String = ""
        ) async throws -> Ting_V1_SnapshotManifest {
            try await server.call(
                .GET, "/v1/workspaces/team/snapshot/manifest\(query)", token: person.token
            )
            .message()
        }

        @Test("one serves until too many bytes, operations or versions lie between it and the head")
        func lag() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                #expect(try await manifest(server, anna).version == 0)
                try replica.insert("Small")
                try await replica.exchange()
                #expect(try await manifest(server, anna).version == 0)
                // snapshotLagByteLimit
                try replica.insert(String(repeating: "a", count: Limits.snapshotLagByteLimit))
                try await replica.exchange()
                #expect(try await manifest(server, anna).version == 2)
                // snapshotLagOperations: many rows, few bytes each.
                try replica.replica.write { db in
                    for _ in 0...Limits.snapshotLagOperations {
                        try db.execute(sql: "INSERT INTO task DEFAULT VALUES")
                    }
                }
                try await replica.exchange()
                #expect(try await manifest(server, anna).version == 3)
            }
        }

        @Test("snapshotLag: after so many versions, however small, there is a new one")
        func versions() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let writer = Writer(
                    url: server.url, token: anna.token, slug: "team", client: server.client)
                #expect(try await manifest(server, anna).version == 0)
                let changeSets = (0...Limits.snapshotLag).map { writer.insert("title", "\($0)") }
                _ = try await writer.send(Array(changeSets.dropLast()), from: 1)
                // Many entries hold more bytes than a snapshot may lag, before they are so many.
                #expect(try await manifest(server, anna).version == Limits.snapshotLag)
            }
        }

        @Test(
            "snapshotBlockBytes: the hashes are those of the blocks, and of the whole; any range can be had"
        )
        func hashes() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                try replica.insert(String(repeating: "a", count: 400_000))
                try await replica.exchange()
                let manifest = try await manifest(server, anna)
                let path = "/v1/workspaces/team/snapshot"
                let whole = try await server.call(.GET, path, token: anna.token)
                #expect(whole.bytes.count == Int(manifest.bytes))
                #expect(manifest.blockBytes == Int64(Limits.snapshotBlockBytes))
                #expect(Hash(of: whole.bytes).description == manifest.hash)
                let blocks = stride(from: 0, to: whole.bytes.count, by: Limits.snapshotBlockBytes)
                    .map {
                        Hash(
                            of: Array(
                                whole.bytes[
                                    $0..<min($0 + Limits.snapshotBlockBytes, whole.bytes.count)])
                        )
                        .description
                    }
                #expect(blocks == manifest.blockHashes && blocks.count > 1)
                let tag = try #require(whole.headers.first(name: "ETag"))
                let part = try await server.call(
                    .GET, path, token: anna.token,
                    headers: [("Range", "bytes=1000-"), ("If-Range", tag)])
                #expect(part.status == 206 && part.bytes == Array(whole.bytes.dropFirst(1_000)))
                let none = try await server.call(
                    .GET, path, token: anna.token, headers: [("If-None-Match", tag)])
                #expect(none.status == 304 && none.bytes.isEmpty)
            }
        }

        @Test("in gzip it is smaller, each block is a member of its own, and any range can be had")
        func gzip() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                try replica.insert(String(repeating: "a", count: 400_000))
                try await replica.exchange()
                let path = "/v1/workspaces/team/snapshot"
                #expect(try await manifest(server, anna).gzipBlockBytes.isEmpty)
                let manifest = try await manifest(server, anna, "?gzip=1")
                let sizes = manifest.gzipBlockBytes.map(Int.init)
                #expect(sizes.count == manifest.blockHashes.count)
                let accept = ("Accept", "application/gzip")
                let whole = try await server.call(
                    .GET, path, token: anna.token, headers: [accept])
                #expect(whole.headers.first(name: "Content-Type") == "application/gzip")
                #expect(whole.bytes.count == sizes.reduce(0, +))
                #expect(whole.bytes.count < Int(manifest.bytes) / 3)
                var content: [UInt8] = []
                try GzipBlocks.Reader().read(whole.bytes) { content += $0 }
                #expect(Hash(of: content).description == manifest.hash)
                let tag = try #require(whole.headers.first(name: "ETag"))
                let part = try await server.call(
                    .GET, path, token: anna.token,
                    headers: [accept, ("Range", "bytes=\(sizes[0])-"), ("If-Range", tag)])
                #expect(part.status == 206)
                var rest: [UInt8] = []
                try GzipBlocks.Reader().read(part.bytes) { rest += $0 }
                #expect(rest == Array(content.dropFirst(Limits.snapshotBlockBytes)))
                // The tag of one form is none of the other.
                let plain = try await server.call(
                    .GET, path, token: anna.token,
                    headers: [("Range", "bytes=9-"), ("If-Range", tag)])
                #expect(plain.status == 200 && plain.bytes == content)
            }
        }

        @Test("a download goes on with the file it began, though a newer one was made meanwhile")
        func resumed() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                let path = "/v1/workspaces/team/snapshot"
                let old = try await server.call(.GET, path, token: anna.token)
                let tag = try #require(old.headers.first(name: "ETag"))
                func rest() async throws -> Reply {
                    try await server.call(
                        .GET, path, token: anna.token,
                        headers: [("Range", "bytes=5000-"), ("If-Range", tag)])
                }
                for round in 0..<2 {
                    try replica.insert("\(round)" + String(repeating: "a", count: 300_000))
                    try await replica.exchange()
                    #expect(try await manifest(server, anna).version == Int64(round + 1))
                    let reply = try await rest()
                    // Two are kept; who lags further starts anew, with the whole of the newest.
                    #expect(reply.status == (round == 0 ? 206 : 200))
                    if round == 0 { #expect(reply.bytes == Array(old.bytes.dropFirst(5_000))) }
                }
            }
        }

        @Test("many who ask at once get one and the same")
        func crowd() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let hashes = try await withThrowingTaskGroup(of: String.self) { group in
                    for _ in 0..<16 { group.addTask { try await manifest(server, anna).hash } }
                    return try await group.reduce(into: Set<String>()) { $0.insert($1) }
                }
                #expect(hashes.count == 1)
                let files = try FileManager.default.contentsOfDirectory(
                    atPath: "\(server.path)/snapshots")
                #expect(files.count == 2, "\(files)")
            }
        }

        @Test("a data folder may have any name")
        func anyName() async throws {
            let parent = "\(TestFolder.new()).sqlite.d"
            defer { try? FileManager.default.removeItem(atPath: parent) }
            let path = "\(parent)/x.sqlite/srv.json"
            #expect(try await Program.tingd("init", "--data", path).code == 0)
            let server = try await ServerProcess(path: path)
            let token = try await server.join("anna@example.org", "team")
            let manifest = try await server.curl(
                "-H", "Authorization: Bearer \(token)",
                "\(server.url)/v1/workspaces/team/snapshot/manifest?gzip=1")
            #expect(manifest.output.contains("gzip_block_bytes"), "\(manifest.output)")
            let names = try FileManager.default.contentsOfDirectory(atPath: "\(path)/snapshots")
            #expect(
                Set(names.map { $0.drop { $0 != "." } })
                    == [".sqlite", ".json", ".sqlite.gz", ".gz.json"])
        }

        @Test("what a kill left of snapshots goes when the next one is made; nobody else's does")
        func leftovers() async throws {
            try await TestServer.run { server in
                let anna = try await server.person("anna@example.org", in: "team")
                let replica = try await TestReplica(server, anna, "team")
                _ = try await manifest(server, anna, "?gzip=1")
                let folder = "\(server.path)/snapshots"
                let kept = try FileManager.default.contentsOfDirectory(atPath: folder)
                let id = try #require(kept.first).prefix(36)
                let other = "00000000-0000-4000-8000-000000000000-1-ab.sqlite"
                for name in [
                    "\(id)-0-ab.sqlite", "\(id)-0-cd.sqlite.gz", "\(id)-0-cd.gz.json",
                    "\(id)-0-ef.sqlite.gz.draft", "\(id)-0-ef.json.new", other,
                ] {
                    try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
                }
                try replica.insert(String(repeating: "a", count: 400_000))
                try await replica.exchange()
                #expect(try await manifest(server, anna).version == 1)
                let left = try FileManager.default.contentsOfDirectory(atPath: folder)
                #expect(left.count == kept.count + 3, "\(left)")
                #expect(Set(kept + [other]).isSubset(of: left), "\(left)")
            }
        }

        @Test(
            "a snapshot that is removed while it is compressed has no compressed form, and leaves nothing"
        )
        func removedMeanwhile() async throws {
            let path = TestFolder.new()
            defer { try? FileManager.default.removeItem(atPath: path) }
            let folder = try DataFolder(creating: path)
            var random = SystemRandomNumberGenerator()
            let id = WorkspaceID.random(using: &random)
            let file = try Workspace.create(
                path: folder.workspace(id), slug: "team", schema: .sample,
                epoch: .random(using: &random), receiptKey: Secret.randomBytes(32))
            let place = SnapshotFolder(folder, id)
            let old = try place.renew(from: file)
            // A pipe in its place: compressing waits until it is written to.
            try FileManager.default.removeItem(atPath: place.path(old))
            try #require(mkfifo(place.path(old), 0o600) == 0)
            async let sizes = Task.detached { try place.compressed(old) }.value
            let pipe = try await Task.detached { [pipe = place.path(old)] in
                try FileHandle(forWritingTo: URL(fileURLWithPath: pipe))
            }.value
            try pipe.write(contentsOf: Data("some of it".utf8))
            let draft = place.compressedPath(old) + ".draft"
            while access(draft, F_OK) != 0 { try await Task.sleep(for: .milliseconds(1)) }
            try file.startEpoch(.random(using: &random))
            let new = try place.renew(from: file)
            #expect(access(draft, F_OK) != 0)
            try pipe.close()
            #expect(try await sizes == nil)
            #expect(place.kept() == [new])
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder.snapshots).count == 2)
            try file.close()
        }
    }
}
