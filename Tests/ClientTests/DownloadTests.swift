// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing
import TingCore
import TingStore
import TingTesting
import TingWire

@testable import TingClient

/// A server of one file, which cuts or damages it as a test says.
private final class FileServer: Sendable {
    let content: [UInt8]
    private let blockBytes = 1000
    /// Bytes after which each answer is cut, one after the other; whole answers afterwards.
    private let cuts: Mutex<[Int?]>
    /// A place whose byte is sent wrong, once.
    private let damage: Mutex<Int?>
    /// Bytes after which each manifest is cut, as for `cuts`.
    private let manifestCuts: Mutex<[Int?]>

    convenience init(
        _ count: Int, cuts: [Int?] = [], damage: Int? = nil, manifestCuts: [Int?] = []
    ) {
        let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        self.init(content, cuts: cuts, damage: damage, manifestCuts: manifestCuts)
    }

    init(
        _ content: [UInt8], cuts: [Int?] = [], damage: Int? = nil, manifestCuts: [Int?] = []
    ) {
        self.content = content
        self.cuts = Mutex(cuts)
        self.damage = Mutex(damage)
        self.manifestCuts = Mutex(manifestCuts)
    }

    var tag: String { "\"\(Hash(of: content))\"" }

    func answer(_ asked: LittleServer.Asked) -> LittleServer.Answer {
        asked.path.contains("/manifest") ? manifest(asked) : file(asked)
    }

    private var blocks: [ArraySlice<UInt8>] {
        stride(from: 0, to: content.count, by: blockBytes).map {
            content[$0..<min($0 + blockBytes, content.count)]
        }
    }

    /// The blocks in gzip.
    var members: [[UInt8]] {
        blocks.map { (try? GzipBlocks.member(of: $0, isThorough: true)) ?? [] }
    }

    private func manifest(_ asked: LittleServer.Asked) -> LittleServer.Answer {
        var message = Ting_V1_SnapshotManifest()
        message.version = 9
        message.bytes = Int64(content.count)
        message.hash = Hash(of: content).description
        message.blockBytes = Int64(blockBytes)
        message.blockHashes = blocks.map { Hash(of: Array($0)).description }
        if asked.path.hasSuffix("?gzip=1") {
            message.gzipBlockBytes = members.map { Int64($0.count) }
        }
        let body = (try? WireCoding.protobuf.encode(message)) ?? []
        return LittleServer.Answer(
            headers: ["Content-Type": Request.protobuf], body: body,
            cutAfter: manifestCuts.withLock { $0.isEmpty ? nil : $0.removeFirst() })
    }

    private func file(_ asked: LittleServer.Asked) -> LittleServer.Answer {
        var start = 0
        let isGzip = asked.headers["accept"] == GzipBlocks.mediaType
        let tag = isGzip ? self.tag.replacing("\"", with: "").quoted(".gz") : self.tag
        if let range = asked.headers["range"], asked.headers["if-range"] == tag {
            start = Int(range.dropFirst("bytes=".count).prefix { $0 != "-" }) ?? 0
        }
        var body = isGzip ? Array(members.joined()) : content
        damage.withLock { place in
            guard let at = place else { return }
            body[at] ^= 1
            place = nil
        }
        return LittleServer.Answer(
            status: start > 0 ? 206 : 200,
            headers: [
                "ETag": tag, "Ting-Hash": Hash(of: content).description,
                "Content-Type": isGzip ? GzipBlocks.mediaType : "application/vnd.sqlite3",
            ],
            body: Array(body[start...]),
            cutAfter: cuts.withLock { $0.isEmpty ? nil : $0.removeFirst() })
    }
}

extension String {
    /// An entity tag of it and an ending.
    fileprivate func quoted(_ ending: String) -> String { "\"\(self)\(ending)\"" }
}

@Suite("Downloading a snapshot")
struct DownloadTests {
    private struct Setup {
        let server: LittleServer
        let download: SnapshotDownload
        let folder: URL
    }

    private func prepare(_ files: FileServer, compressed: Bool? = nil) async throws -> Setup {
        let authority = try Authority()
        let identity = try authority.server()
        let server = try await LittleServer(chain: identity.chain, key: identity.key) {
            files.answer($0)
        }
        let connection = try ServerConnection(
            ServerAddress(host: "127.0.0.1", port: server.port),
            anchor: .authority(pem: authority.pem),
            token: "token", timeout: .seconds(5), environment: [:])
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "ting-\(UUID().uuidString)")
        let target = folder.appending(path: "replica.sqlite").path
        return Setup(
            server: server,
            download: SnapshotDownload(
                "demo", from: connection, to: target, compressed: compressed, clock: HastyClock()),
            folder: folder)
    }

    private func ranges(_ server: LittleServer) -> [String] {
        server.asked.filter { $0.path.hasSuffix("/snapshot") }.map { $0.headers["range"] ?? "" }
    }

    @Test("brings the file, and says which version it is")
    func whole() async throws {
        let files = FileServer(12_345)
        let setup = try await prepare(files)
        #expect(try await setup.download.run { _, _ in } == 9)
        let bytes = FileManager.default.contents(atPath: setup.download.partial)
        #expect(bytes == Data(files.content))
    }

    @Test("goes on after a cut, where it ended", .tags(.promise5))
    func resumes() async throws {
        let files = FileServer(12_345, cuts: [4_321, 2_000])
        let setup = try await prepare(files)
        _ = try await setup.download.run { _, _ in }
        #expect(FileManager.default.contents(atPath: setup.download.partial) == Data(files.content))
        #expect(ranges(setup.server) == ["", "bytes=4321-", "bytes=6321-"])
    }

    private func manifests(_ server: LittleServer) -> Int {
        server.asked.count { $0.path.hasSuffix("/manifest") }
    }

    @Test("goes on after a manifest that was lost, before the file and between", .tags(.promise5))
    func lostManifest() async throws {
        let files = FileServer(12_345, cuts: [4_321], manifestCuts: [0, nil, 3])
        let setup = try await prepare(files)
        _ = try await setup.download.run { _, _ in }
        #expect(FileManager.default.contents(atPath: setup.download.partial) == Data(files.content))
        #expect(ranges(setup.server) == ["", "bytes=4321-"])
        #expect(manifests(setup.server) == 4)
    }

    @Test("gives up on the first manifest when the patience of a sync has ended")
    func lostManifests() async throws {
        let files = FileServer(12_345, manifestCuts: Array(repeating: 0, count: 50))
        let setup = try await prepare(files)
        let error = await #expect(throws: ClientError.self) {
            try await setup.download.run { _, _ in }
        }
        #expect(error?.code == "connection_lost")
        #expect((2...4).contains(manifests(setup.server)))
    }

    @Test("a server that is not there is told at once")
    func notThere() async throws {
        let clock = HastyClock()
        let connection = try ServerConnection(
            ServerAddress(host: "127.0.0.1", port: 1), anchor: .authority(pem: Authority().pem),
            token: "token", timeout: .seconds(5), environment: [:])
        let target = FileManager.default.temporaryDirectory.appending(
            path: "ting-\(UUID().uuidString)/replica.sqlite"
        ).path
        let download = SnapshotDownload("demo", from: connection, to: target, clock: clock)
        let error = await #expect(throws: ClientError.self) { try await download.run { _, _ in } }
        #expect(error?.code == "server_not_reached")
        #expect(clock.waited == .zero)
        await connection.close()
    }

    @Test("in gzip it goes on after a cut from the last whole block", .tags(.promise5))
    func gzip() async throws {
        let files = FileServer(12_345, cuts: [700])
        let setup = try await prepare(files, compressed: true)
        _ = try await setup.download.run { _, _ in }
        #expect(FileManager.default.contents(atPath: setup.download.partial) == Data(files.content))
        let sizes = files.members.map(\.count)
        let whole = sizes.indices.last { sizes[...$0].reduce(0, +) <= 700 } ?? 0
        #expect(whole > 0)
        #expect(ranges(setup.server) == ["", "bytes=\(sizes[...whole].reduce(0, +))-"])
    }

    @Test("a gzip that is none, or inflates to something else, is noticed and asked for again")
    func damagedGzip() async throws {
        for place in [1, 300] {
            let files = FileServer(12_345, damage: place)
            let setup = try await prepare(files, compressed: true)
            _ = try await setup.download.run { _, _ in }
            #expect(
                FileManager.default.contents(atPath: setup.download.partial) == Data(files.content))
            #expect(ranges(setup.server).count == 2)
        }
    }

    @Test("goes on in another process, with what the file proves")
    func nextProcess() async throws {
        let files = FileServer(12_345)
        let setup = try await prepare(files)
        var kept = Array(files.content.prefix(7_700))
        kept[5_500] ^= 1
        try plant(kept, of: files.tag, setup)
        _ = try await setup.download.run { _, _ in }
        #expect(FileManager.default.contents(atPath: setup.download.partial) == Data(files.content))
        #expect(ranges(setup.server) == ["bytes=5000-"])
    }

    @Test("a last part that rotted is noticed when its block is whole, and asked for again")
    func rottenTail() async throws {
        let files = FileServer(12_345)
        let setup = try await prepare(files)
        var kept = Array(files.content.prefix(7_700))
        kept[7_500] ^= 1
        try plant(kept, of: files.tag, setup)
        _ = try await setup.download.run { _, _ in }
        #expect(FileManager.default.contents(atPath: setup.download.partial) == Data(files.content))
        #expect(ranges(setup.server) == ["bytes=7700-", "bytes=7000-"])
    }

    @Test("of another snapshot's file only the blocks that are alike are kept")
    func otherSnapshot() async throws {
        let files = FileServer(12_345)
        let setup = try await prepare(files)
        try plant(Array(files.content.prefix(7_700)), of: "\"another\"", setup)
        _ = try await setup.download.run { _, _ in }
        #expect(FileManager.default.contents(atPath: setup.download.partial) == Data(files.content))
        #expect(ranges(setup.server) == ["bytes=7000-"])
    }

    /// What an earlier try left behind.
    private func plant(_ bytes: [UInt8], of tag: String, _ setup: Setup) throws {
        try FileManager.default.createDirectory(at: setup.folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: setup.download.partial))
        try Data(tag.utf8).write(to: URL(fileURLWithPath: setup.download.partial + ".etag"))
    }

    @Test("a damaged block is noticed as it comes, and asked for again")
    func damaged() async throws {
        let files = FileServer(12_345, damage: 8_080)
        let setup = try await prepare(files)
        _ = try await setup.download.run { _, _ in }
        #expect(FileManager.default.contents(atPath: setup.download.partial) == Data(files.content))
        #expect(ranges(setup.server) == ["", "bytes=8000-"])
    }

    /// Clones what the server has to the target of the download.
    private func clone(_ setup: Setup) async throws -> Replica {
        try await setup.download.connection.clone(
            "demo", to: target(setup), member: nil, schema: .sample, clock: { 0 }
        ) { _, _ in }
    }

    private func target(_ setup: Setup) -> String {
        setup.folder.appending(path: "replica.sqlite").path
    }

    private func plant(_ text: String, beside file: String, _ suffixes: [String]) throws {
        let folder = URL(filePath: file).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for suffix in suffixes { try Data(text.utf8).write(to: URL(filePath: file + suffix)) }
    }

    private func isThere(_ file: String, _ suffix: String) -> Bool {
        FileManager.default.fileExists(atPath: file + suffix)
    }

    @Test(
        "a clone is refused where the log of another file lies: it would be replayed onto the new one",
        .tags(.promise4), arguments: ["-wal", "-journal"])
    func leftLog(_ suffix: String) async throws {
        let setup = try await prepare(FileServer(12_345))
        try plant("edits", beside: target(setup), [suffix])
        let error = await #expect(throws: ClientError.self) { _ = try await clone(setup) }
        #expect(error?.code == "file_exists")
        #expect(error?.sentence.contains(target(setup) + suffix) == true)
        #expect(isThere(target(setup), suffix))
        #expect(!isThere(target(setup), ""))
        #expect(setup.server.asked.isEmpty)
    }

    @Test("an empty log goes, and so does what a killed clone left beside its part of the file")
    func emptyLog() async throws {
        let setup = try await prepare(snapshots())
        try plant("", beside: target(setup), ["-wal", "-journal"])
        try plant("an index", beside: target(setup), ["-shm"])
        let logs = ["-wal", "-journal", "-shm"]
        try plant("a transaction", beside: setup.download.partial, logs)
        let replica = try await clone(setup)
        #expect(try replica.identity().workspace == "team")
        try replica.close()
        for suffix in logs {
            #expect(!isThere(target(setup), suffix))
            #expect(!isThere(setup.download.partial, suffix))
        }
    }

    /// A server of a real snapshot.
    private func snapshots() throws -> FileServer {
        let team = try Team(1)
        defer { withExtendedLifetime(team) {} }
        let snapshot = team.folder.appending(path: "snapshot.sqlite").path
        _ = try team.workspace.writeSnapshot(to: snapshot)
        return FileServer(Array(try #require(FileManager.default.contents(atPath: snapshot))))
    }

    @Test("a file that came while a clone loaded stays, and the clone is refused", .tags(.promise4))
    func cameMeanwhile() async throws {
        let setup = try await prepare(snapshots())
        let (path, edits) = (target(setup), Data("edits".utf8))
        let error = await #expect(throws: ClientError.self) {
            _ = try await setup.download.connection.clone(
                "demo", to: path, member: nil, schema: .sample, clock: { 0 }
            ) { _, _ in
                _ = FileManager.default.createFile(atPath: path, contents: edits)
            }
        }
        #expect(error?.code == "file_exists")
        #expect(FileManager.default.contents(atPath: path) == edits)
        // What had come is still of use.
        try FileManager.default.removeItem(atPath: path)
        try await clone(setup).close()
        #expect(!isThere(setup.download.partial, ""))
    }

    @Test("a link that leads nowhere is a file that is there")
    func danglingLink() async throws {
        let setup = try await prepare(FileServer(12_345))
        try FileManager.default.createDirectory(at: setup.folder, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: target(setup), withDestinationPath: "nowhere")
        let error = await #expect(throws: ClientError.self) { _ = try await clone(setup) }
        #expect(error?.code == "file_exists")
        #expect(setup.server.asked.isEmpty)
    }

    @Test(
        "a clone that was killed while its file had two names leaves the replica of the other alone",
        .tags(.promise4))
    func secondName() async throws {
        let setup = try await prepare(snapshots())
        let moved = setup.folder.appending(path: "moved.sqlite").path
        try plant("a replica, moved away since", beside: moved, [""])
        #expect(link(moved, setup.download.partial) == 0)
        try await clone(setup).close()
        let kept = FileManager.default.contents(atPath: moved)
        #expect(kept == Data("a replica, moved away since".utf8))
        #expect(!isThere(setup.download.partial, ""))
    }

    @Test("gives up when nothing more comes, and keeps what came")
    func givesUp() async throws {
        let files = FileServer(12_345, cuts: [1_500] + Array(repeating: 0, count: 50))
        let setup = try await prepare(files)
        let error = await #expect(throws: ClientError.self) {
            try await setup.download.run { _, _ in }
        }
        #expect(error?.scope == .transient)
        let kept = FileManager.default.contents(atPath: setup.download.partial)
        #expect(kept == Data(files.content.prefix(1_500)))
    }
}
