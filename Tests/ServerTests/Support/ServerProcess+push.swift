// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Testing
import TingCore
import TingServer
import TingWire

extension ServerProcess {
    /// Adds projects with a summary of so many bytes each.
    func push(_ token: String, to slug: String = "team", texts: Int, bytes: Int) async throws {
        let client = try TestServer.client(trusting: ca)
        do {
            let writer = Writer(url: url, token: token, slug: slug, client: client)
            for number in 0..<texts {
                let text = "\(number) " + String(repeating: "abcdefg ", count: bytes / 8)
                _ = try await writer.send([writer.insert("summary", text)])
            }
            try await client.shutdown()
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    /// Moves all but the last versions of its one workspace to the archive.
    func compact(keeping versions: Int = 1) async throws {
        let done = try await Program.tingd("compact", "--data", path, "--keep", String(versions))
        #expect(done.code == 0, "\(done.errors)")
    }
}

extension ServerProcess {
    /// The ids of everything in the history.
    func changeSets(_ token: String, in slug: String = "team") async throws -> Set<ChangeSetID> {
        var found: Set<ChangeSetID> = []
        var since: Int64 = 0
        while true {
            let page = try await curl(
                "-H", "Authorization: Bearer \(token)",
                "\(url)/v1/workspaces/\(slug)/entries?since=\(since)")
            let entries = try WireCoding.json.decode(
                Ting_V1_EntriesPage.self, Array(page.output.utf8)
            ).entries
            for entry in entries {
                // With no hole, and in order.
                #expect(entry.version == since + 1)
                since = entry.version
                found.insert(try #require(ChangeSetID(entry.changeSet.id)))
            }
            if entries.isEmpty { return found }
        }
    }
}

/// The least that can push: it keeps no replica, and sends what it is told.
struct Writer: Sendable {
    let url: String
    let token: String
    let slug: String
    let client: HTTPClient
    let replica: ReplicaID = {
        var random = SystemRandomNumberGenerator()
        return .random(using: &random)
    }()

    /// A new project with one field.
    func insert(_ field: String, _ text: String) -> ChangeSet {
        var random = SystemRandomNumberGenerator()
        return ChangeSet(
            id: .random(using: &random), seed: Secret.randomBytes(16), schema: 1,
            base: Base(epoch: .random(using: &random), version: 0), time: 0,
            operations: [
                Operation(
                    .insert, "project",
                    .timeOrdered(milliseconds: TestServer.clock(), using: &random), time: 0,
                    fields: [FieldEdit(field, before: .null, after: .text(text), time: 0)])
            ])
    }

    func epoch() async throws -> Epoch {
        let bytes = try await call(.GET, "", nil)
        let info = try WireCoding.protobuf.decode(Ting_V1_WorkspaceInfo.self, bytes)
        return try #require(Epoch(info.epoch))
    }

    /// Sends change sets under numbers from `first` on, and gives the verdicts.
    func send(_ changeSets: [ChangeSet], from first: Int64? = nil) async throws -> [DeliveryVerdict]
    {
        let start = first ?? TestServer.clock() * 1_000
        let base = Base(epoch: try await epoch(), version: 0)
        let request = SyncRequest(
            replica: replica, base: base, historyDigest: .zero, stateDigest: StateDigest().hash,
            schema: 1, sent: 0, membersVersion: 1, pageByteLimit: 1,
            deliveries: changeSets.enumerated().map {
                Delivery(number: start + Int64($0), changeSet: $1)
            })
        let bytes = try await call(.POST, "/sync", try WireCoding.protobuf.encode(request.wire))
        return try SyncResponse(
            wire: WireCoding.protobuf.decode(Ting_V1_SyncResponse.self, bytes)
        ).verdicts
    }

    private func call(_ method: HTTPMethod, _ path: String, _ body: [UInt8]?) async throws
        -> [UInt8]
    {
        var request = HTTPClientRequest(url: "\(url)/v1/workspaces/\(slug)\(path)")
        request.method = method
        request.headers = [
            "Authorization": "Bearer \(token)", "Content-Type": "application/x-protobuf",
            "Accept": "application/x-protobuf",
        ]
        request.body = body.map { .bytes(ByteBuffer(bytes: $0)) }
        let response = try await client.execute(request, timeout: .seconds(20))
        let bytes = Array(try await response.body.collect(upTo: 16 << 20).readableBytesView)
        guard response.status == .ok else { throw Failure(status: Int(response.status.code)) }
        return bytes
    }

    struct Failure: Error { let status: Int }
}
