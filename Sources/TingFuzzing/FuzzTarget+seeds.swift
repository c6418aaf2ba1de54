// SPDX-License-Identifier: Apache-2.0

import TingCore
import TingStore
import TingTesting
import TingWire

/// Well-formed inputs to begin with: what a fuzzer alone would take days to come upon.
extension FuzzTarget {
    public func seeds() throws -> [[UInt8]] {
        switch self {
        case .wire: try Self.messages(.protobuf)
        case .json: try Self.messages(.json)
        case .stored:
            try Self.entries().flatMap {
                [$0.changeSet.storedBytes, Effect.storedBytes($0.allEffects)]
            } + BundleFuzz.files() + [Array(Team(copying: Team.settled.get()).schema.json.utf8)]
        case .value:
            ["null", "-7", "\"2026-11-24\"", "\"København 北京\"", #"["a","b"]"#, #""\u00e5\n\\""#]
                .map { Array($0.utf8) }
        case .merge:
            [("a\nb\nc\n", "a\nB\nc\n", "a\nb\nC\n"), ("one two", "one 2", "1 two")].map {
                Array($0.utf8) + [0xff] + Array($1.utf8) + [0xff] + Array($2.utf8)
            }
        case .head:
            [
                (0, "bytes=0-9,20-"), (1, "/v1/workspaces/team/snapshot/manifest"),
                (2, "application/x-protobuf;q=0.9, */*;q=0.1"),
                (3, "application/json; charset=utf-8"),
                (4, "[::1]:8443"),
                (5, "ting://localhost:8443/join?code=abcdefghijklmnopqrstuvwxyz&trust=system"),
                (6, ": hello\n\nevent: head\r\ndata: {\"head\":\r\ndata: 7}\r\n\r\nid: 3\n\n"),
                (7, "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
            ].map { [$0, 100] + Array($1.utf8) }
        case .imports:
            [
                [1] + Array(Self.partnership.utf8),
                [0] + Array(#"[{"id": "p", "kind": "programme", "title": "Water"}]"#.utf8),
            ]
        case .gzip:
            [
                Array(Self.partnership.utf8) + Array(Self.partnership.utf8),
                Gzip.pack(Array(String(repeating: Self.partnership, count: 2).utf8)) ?? [],
            ]
        case .request: RequestFuzz.seeds()
        case .exchange, .answer:
            (UInt64(0)..<8).map { seed in
                var generator = SeededGenerator(state: seed)
                return (0..<200).map { _ in UInt8.random(in: 0...255, using: &generator) }
            }
        }
    }

    private static let partnership = """
        id,dk_code,danish_side,cn_province,cn_gb,chinese_side,chinese_side_zh,kind,start,end,focus,\
        source,confidence,note
        aarhus-harbin,0751,City of Aarhus,CN-HL,230100,Harbin,哈尔滨市,sister city,1984,,business,\
        https://example.org,high,"a; b"

        """

    /// Entries of a short history, with a merge and a conflict in it.
    private static func entries() throws -> [Entry] {
        let team = try Team(copying: Team.settled.get())
        try team.foreign(0, "UPDATE project SET title = 'Waste', partners = '[\"c\"]'")
        try team.foreign(1, "UPDATE project SET title = 'Soil', budget = 100")
        try team.sync(0)
        try team.sync(1)
        return try team.workspace.entries(since: 0, byteLimit: 100_000)
    }

    /// One of each kind that `WireFuzz` reads.
    private static func messages(_ coding: WireCoding) throws -> [[UInt8]] {
        let team = try Team(copying: Team.settled.get())
        let replica = team.replicas[0]
        try team.foreign(0, "UPDATE project SET title = 'Waste'")
        var run = SyncRun(replica, patience: .seconds(1))
        guard case .send(let request) = try run.begin() else { return [] }
        let judgement = try team.workspace.accept(
            [.init(request: request, member: team.members[0].id, role: .editor)],
            now: team.clock.time)[0]
        let response = try team.workspace.reply(
            to: request, judgement: judgement, role: .editor, members: team.members,
            membersVersion: 1, now: team.clock.time)
        let entries = try Self.entries()
        let mend = MendRequest(base: request.base, schema: 1, digest: StateDigest())
        let epoch = try team.epoch
        let giveBack = GiveBackRequest(epoch: epoch, schema: 1, entries: entries)
        let given = GiveBackResponse(epoch: epoch, head: 3, taken: [1, 2], refused: [3])
        var messages = [
            try coding.encode(request.wire), try coding.encode(response.wire),
            try coding.encode(mend.wire), try coding.encode(team.workspace.mend(mend).wire),
            try coding.encode(giveBack.wire), try coding.encode(given.wire),
        ].enumerated().map { [UInt8($0.offset)] + $0.element }
        messages += try [
            [0] + coding.encode(request.terseWire),
            [1] + coding.encode(response.terseWire(to: ReplicaID.named([1]))),
            [4] + coding.encode(giveBack.terseWire),
        ]
        var manifest = Ting_V1_SnapshotManifest()
        (manifest.version, manifest.bytes, manifest.blockBytes) = (3, 700, 256)
        manifest.hash = Hash(of: [UInt8](repeating: 1, count: 700)).description
        manifest.blockHashes = (0..<3).map { Hash(of: [UInt8($0)]).description }
        messages.append(try [11] + coding.encode(manifest))
        manifest.gzipBlockBytes = [200, 100, 150]
        messages.append(try [11] + coding.encode(manifest))
        if coding == .protobuf {
            messages += try BundleFuzz.contents(asking: request, answered: response)
        }
        for entry in entries {
            messages.append(try [6] + coding.encode(entry.changeSet.wire))
            messages.append(try [7] + coding.encode(entry.wire))
            messages.append(try [6] + coding.encode(entry.changeSet.terseWire))
        }
        return messages
    }
}
