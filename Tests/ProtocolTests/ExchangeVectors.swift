// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingStore
import TingWire

/// Whole exchanges with a real workspace, on the vector's clock: `Protocol/spec/merge.md`, `sync.md`.
enum ExchangeVectors {
    static func exchanges(_ input: JSONNode, _ expect: JSONNode) throws {
        let workspace = try VectorWorkspace(epoch: input.id("epoch"))
        let expected = expect.list("exchanges")
        #expect(input.list("exchanges").count == expected.count)
        for (exchange, answer) in zip(input.list("exchanges"), expected) {
            let response = try workspace.deliver(exchange).wire
            let verdicts = response.verdicts.map { verdict in
                var bare = verdict
                bare.detail = ""
                return bare
            }
            #expect(verdicts == (try answer.list("verdicts").map { try $0.message() }))
            #expect(response.clash == (answer["clash"].flatMap { Int64($0) } ?? 0))
            #expect(
                response.verdicts.allSatisfy { $0.code.isEmpty == $0.detail.isEmpty },
                "a refusal says why")
        }
        let entries = try workspace.file.entries(since: 0, byteLimit: .max).map(\.wire)
        #expect(entries.count == expect.list("entries").count)
        for (entry, node) in zip(entries, expect.list("entries")) {
            #expect(entry.version == (try node.integer("version")))
            #expect(entry.changeSet.id == node["change_set"])
            #expect(entry.merged == node.flag("merged"))
            #expect(entry.effects == (try node.list("effects").map { try $0.message() }))
        }
        let head = try workspace.file.head()
        #expect(head.history.description == expect["history_digest"])
        #expect(head.state.description == expect["state_digest"])
        #expect(try workspace.file.verify().problems == [])
    }

    static func mending(_ input: JSONNode, _ expect: JSONNode) throws {
        let workspace = try VectorWorkspace(epoch: input.id("epoch"))
        for exchange in input.list("exchanges") { _ = try workspace.deliver(exchange) }
        let replica = try input.node("replica")
        var digest = StateDigest()
        for node in replica.list("records") { digest.add(try content(node)) }
        for bucket in 0..<StateDigest.bucketCount {
            let sum = try expect.node("sums")[String(bucket)] ?? String(repeating: "0", count: 64)
            #expect(Hexadecimal.encode(digest.sum(of: bucket)) == sum)
        }
        let base = Base(epoch: try input.id("epoch"), version: try replica.integer("version"))
        let answer = try workspace.file.mend(MendRequest(base: base, schema: 1, digest: digest))
        #expect(answer.head == (try expect.integer("head")))
        #expect(answer.stateDigest == (try expect.hash("state_digest")))
        #expect(
            answer.wire.buckets
                == (try expect.list("buckets").map {
                    try $0.message(Ting_V1_MendResponse.Bucket.self)
                }))
    }

    private static func content(_ node: JSONNode) throws -> RecordContent {
        RecordContent(
            try need(node["collection"]), try node.id("record"),
            try Dictionary(
                uniqueKeysWithValues: node.list("values").map {
                    (try need($0["field"]), try $0.value("value"))
                }))
    }
}

/// A workspace of the planning schema in a folder of its own, and the exchanges with it.
final class VectorWorkspace {
    let file: Workspace
    let folder: URL

    static let schema: Schema = {
        let path = SpecificationTests.root.appending(path: "Protocol/schema/planning.json")
        return (try? JSONDecoder().decode(Schema.self, from: Data(contentsOf: path)))
            ?? Schema(name: "unreadable", version: 0, collections: [])
    }()

    init(epoch: Epoch) throws {
        folder = FileManager.default.temporaryDirectory.appending(
            path: "ting-vector-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        file = try Workspace.create(
            path: folder.appending(path: "workspace.sqlite").path, slug: "demo",
            schema: Self.schema, epoch: epoch, receiptKey: [UInt8](repeating: 7, count: 32))
    }

    deinit {
        try? file.close()
        try? FileManager.default.removeItem(at: folder)
    }

    /// One exchange. What it leaves out is that of a replica that stands at the head.
    func deliver(_ exchange: JSONNode) throws -> SyncResponse {
        let head = try file.head()
        var object: [String: Any] = [
            "protocol": "1", "schema": "1",
            "base": ["epoch": head.epoch.description, "version": String(head.version)],
            "history_digest": head.history.description, "state_digest": head.state.description,
        ]
        let own = ["replica", "sent", "base", "history_digest", "links", "deliveries"]
        for (key, value) in exchange.object where own.contains(key) { object[key] = value }
        return try answer(
            to: SyncRequest(wire: JSONNode(object).message()), of: exchange.id("member"),
            as: try need(Role(rawValue: try need(exchange["role"]))), at: exchange.integer("at"))
    }

    func answer(
        to request: SyncRequest, of member: MemberID, as role: Role = .editor, at now: Int64,
        members: [Member]? = nil
    ) throws -> SyncResponse {
        let judgement = try file.accept(
            [.init(request: request, member: member, role: role)], now: now)[0]
        return try file.reply(
            to: request, judgement: judgement, role: role, members: members, membersVersion: 1,
            now: now)
    }
}
