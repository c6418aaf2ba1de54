// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Crypto
import Foundation
import NIOCore
import NIOHTTP1
public import TingCore
import TingWire

/// Brings a workspace's snapshot into a file, picking up where an earlier try ended.
///
/// Each block is checked by its hash as it becomes whole, and all of them make the file: its own hash would
/// take as long again and prove no more. Of what an earlier try left, the blocks that are right stay, and
/// a last part of a block where it is of the same snapshot.
public struct SnapshotDownload: Sendable {
    let connection: ServerConnection
    let slug: String
    /// The file beside the target that holds what has arrived.
    public let partial: String
    let clock: any Clock<Duration>
    /// Whether it comes in gzip, if the server can send it so.
    let isCompressed: Bool

    /// - Parameter compressed: Whether to ask for gzip; without it, unless the server is on this machine.
    public init(
        _ slug: String, from connection: ServerConnection, to target: String,
        compressed: Bool? = nil, clock: any Clock<Duration> = ContinuousClock()
    ) {
        isCompressed = compressed ?? !connection.server.isLoopback
        self.slug = slug
        self.connection = connection
        self.clock = clock
        partial = target + ".partial"
    }

    /// Beside it: which snapshot its last bytes are of.
    private var tagFile: String { partial + ".etag" }

    /// Tries without progress before a failure is shown.
    private static let triesWithoutProgress = 4

    /// Downloads until the file is whole and proven; gives the version that it holds.
    public func run(progress: @Sendable (_ done: Int64, _ of: Int64) -> Void) async throws
        -> Version
    {
        try PrivateFile.folder((partial as NSString).deletingLastPathComponent)
        var backoff = Backoff()
        // Bytes that were there after the last try, once a manifest came; the most after any.
        var arrived: Int64?
        var best: Int64 = 0
        var spent = Duration.zero
        while true {
            let start = ContinuousClock.now
            do {
                let manifest = try await connection.manifest(slug, compressed: isCompressed)
                // A part of a compressed block can't be gone on from: its beginning is needed again.
                let isSame = !manifest.isCompressed && PrivateFile.read(tagFile) == manifest.tag
                var file = try SnapshotFile(partial, manifest, keepingTail: isSame)
                defer { arrived = file.count }
                try await fill(&file, manifest, progress)
                try file.finish()
                unlink(tagFile)
                return manifest.version
            } catch let error as ClientError
                // A server that is not there from the start is told at once, as by a sync.
                where error.mayPass || arrived != nil && error.scope == .transient
            {
                if let arrived, arrived > best {
                    best = arrived
                    backoff.succeeded()
                }
                let wait = max(
                    backoff.failed(jitter: .random(in: 0...1)), error.retryAfter ?? .zero)
                guard backoff.failures < Self.triesWithoutProgress else { throw error }
                // Before the first manifest no longer than a sync would.
                spent += ContinuousClock.now - start + wait
                guard arrived != nil || spent <= connection.timeout else { throw error }
                try await clock.sleep(for: wait)
            }
        }
    }

    private func fill(
        _ file: inout SnapshotFile, _ manifest: SnapshotManifest,
        _ progress: (Int64, Int64) -> Void
    ) async throws {
        guard file.count < manifest.bytes else { return }
        let isCompressed = manifest.isCompressed
        var request = Request(
            .GET, ServerConnection.path(slug, "snapshot"),
            accepts: isCompressed ? GzipBlocks.mediaType : "*/*",
            headers: ServerConnection.versions())
        request.isLong = true
        if file.count > 0 {
            let start = isCompressed ? manifest.gzipOffset(of: file.count) : file.count
            request.headers += [("Range", "bytes=\(start)-"), ("If-Range", manifest.tag)]
        }
        let response = try await connection.send(request)
        try check(response, manifest)
        if response.status.code != 206 { try file.restart() }
        try PrivateFile.write(manifest.tag, to: tagFile)
        // The answer says which form it is: one without room for another sends the file itself.
        let isGzip = response.headers.first(name: "Content-Type") == GzipBlocks.mediaType
        let members = isGzip ? try GzipBlocks.Reader() : nil
        do {
            for try await chunk in response.body {
                if let members {
                    try members.read(Array(chunk.readableBytesView)) { try file.append(Data($0)) }
                } else {
                    try file.append(Data(chunk.readableBytesView))
                }
                progress(file.count, manifest.bytes)
            }
        } catch is GzipBlocks.Failure {
            throw SnapshotFile.damaged
        } catch let error as HomeError {
            throw error
        } catch {
            throw await connection.explain(error)
        }
        // A body that nobody waits for any more ends early.
        try Task.checkCancellation()
        guard file.count == manifest.bytes else { throw ClientError.lost(connection.server) }
    }

    /// A newer snapshot may have come between the manifest and the file: then both are asked anew.
    private func check(_ response: HTTPClientResponse, _ manifest: SnapshotManifest) throws {
        guard let hash = response.headers.first(name: "Ting-Hash") else {
            throw ClientError.foreignAnswer(connection.server, "a snapshot without its hash")
        }
        guard hash == manifest.hash.description else {
            throw ClientError(
                .transient, code: "snapshot_changed",
                "A newer snapshot came while this one loaded.",
                remedy: "Run the command again.")
        }
    }
}

extension SnapshotManifest {
    /// The entity tag of the form that is downloaded.
    fileprivate var tag: String { "\"\(hash)\(isCompressed ? ".gz" : "")\"" }
}

/// The part of a snapshot that has arrived: blocks that their hashes prove, and a last one not yet whole.
private struct SnapshotFile {
    private let path: String
    private let manifest: SnapshotManifest
    private let handle: FileHandle
    private var block = SHA256()
    /// Bytes that are there, the last of them perhaps of a block not yet whole.
    private(set) var count: Int64 = 0
    /// Bytes of whole blocks.
    private var proven: Int64 = 0

    /// Opens the file, and keeps of it what the manifest proves.
    /// - Parameter keepingTail: Whether it is of the same snapshot to its last byte, as far as is known:
    ///   then what follows the last whole block stays too, and is proven when that block is whole.
    init(_ path: String, _ manifest: SnapshotManifest, keepingTail: Bool) throws {
        self.path = path
        self.manifest = manifest
        // Of a try that was killed while it made the file a replica.
        LeftLogs.remove(at: path)
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw HomeError.notWritten(path, errno) }
        handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        var isRight = true
        while isRight, count < manifest.bytes, let data = try? handle.read(upToCount: 1 << 16),
            !data.isEmpty
        {
            isRight = (try? take(data)) != nil
        }
        if isRight, keepingTail { try? handle.truncate(atOffset: UInt64(count)) } else { keep() }
    }

    /// Cuts what is not proven, and takes up hashing from there.
    private mutating func keep() {
        try? handle.truncate(atOffset: UInt64(proven))
        try? handle.seek(toOffset: UInt64(proven))
        (block, count) = (SHA256(), proven)
    }

    mutating func restart() throws {
        guard ftruncate(handle.fileDescriptor, 0) == 0 else {
            throw HomeError.notWritten(path, errno)
        }
        try? handle.seek(toOffset: 0)
        (block, count, proven) = (SHA256(), 0, 0)
    }

    mutating func append(_ data: Data) throws {
        do { try handle.write(contentsOf: data) } catch { throw HomeError.notWritten(path, errno) }
        do { try take(data) } catch {
            // Of no use to the next try, which would trust it to be the beginning of a right block.
            keep()
            throw error
        }
    }

    /// Hashes bytes that are in the file.
    private mutating func take(_ data: Data) throws {
        var rest = data[...]
        while !rest.isEmpty {
            let index = Int(count / manifest.blockBytes)
            guard manifest.blockHashes.indices.contains(index) else { throw Self.damaged }
            let room = min(Int64(index + 1) * manifest.blockBytes, manifest.bytes) - count
            let part = rest.prefix(Int(room))
            rest = rest.dropFirst(part.count)
            block.update(data: part)
            count += Int64(part.count)
            guard Int64(part.count) == room else { continue }
            guard Hash(bytes: Array(block.finalize())) == manifest.blockHashes[index] else {
                throw Self.damaged
            }
            block = SHA256()
            proven = count
        }
    }

    /// Proves the whole, and puts it on disk.
    func finish() throws {
        guard proven == manifest.bytes else { throw Self.damaged }
        guard fsync(handle.fileDescriptor) == 0 else { throw HomeError.notWritten(path, errno) }
    }

    static var damaged: ClientError {
        ClientError(
            .transient, code: "snapshot_damaged", "Part of the snapshot arrived damaged.",
            remedy: "Run the command again: it goes on from the last good part.")
    }
}
