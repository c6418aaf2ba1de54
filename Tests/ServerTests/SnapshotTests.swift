// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import GRDB
import NIOHTTP1
import Testing
import TingCore
import TingServer
import TingStore
import TingWire

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
    }
}
