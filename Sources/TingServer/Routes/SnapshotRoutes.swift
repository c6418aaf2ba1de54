// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore
import TingCore
import TingWire

/// The finished files that new replicas start from.
extension API {
    /// `GET /v1/workspaces/{slug}/snapshot/manifest`; with `?gzip=1` also of the compressed form.
    func manifest(_ call: Call, _ slug: String) async throws -> Response {
        let (_, access) = try await member(call, slug)
        let snapshot = try await with(access.workspace) {
            try await snapshots.current(of: $0)
        }
        var message = Ting_V1_SnapshotManifest()
        message.version = snapshot.version
        message.epoch = snapshot.epoch
        message.bytes = Int64(snapshot.bytes)
        message.hash = snapshot.hash
        message.blockBytes = Int64(snapshot.blockBytes)
        message.blockHashes = snapshot.blockHashes
        if try call.number("gzip", standard: 0) > 0,
            let sizes = try await snapshots.compressed(snapshot, of: access.workspace)
        {
            message.gzipBlockBytes = sizes.map(Int64.init)
        }
        return try call.packedAnswer(message)
    }

    /// `GET /v1/workspaces/{slug}/snapshot`: whole, or a range of it; in gzip for who accepts that alone.
    func snapshot(_ call: Call, _ slug: String) async throws -> Response {
        let (caller, access) = try await member(call, slug)
        let snapshot = try await snapshot(for: call, access)
        let form = try await form(of: snapshot, call, access.workspace)
        var headers: HTTPFields = [
            .contentType: form.mediaType, .eTag: form.tag, .acceptRanges: "bytes", .vary: "Accept",
            .cacheControl: "private, no-cache", .tingVersion: String(snapshot.version),
            .tingEpoch: snapshot.epoch, .tingHash: snapshot.hash,
        ]
        if call.request.headers[.ifNoneMatch].map({ Self.names($0, form.tag) }) ?? false {
            return Response(status: .notModified, headers: headers)
        }
        let share = try downloads.share(1, for: caller.device)
        let mayRead: @Sendable () async throws -> Bool = { [workers, accounts] in
            try await workers.run {
                try accounts.mayRead(device: caller.device, workspace: access.workspace)
            }
        }
        switch range(call, form) {
        case .whole:
            return Response(
                status: .ok, headers: headers,
                body: try await body(call, form.path, 0..<form.bytes, share, mayRead))
        case .part(let range):
            headers[.contentRange] =
                "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(form.bytes)"
            return Response(
                status: .partialContent, headers: headers,
                body: try await body(call, form.path, range, share, mayRead))
        case .unsatisfiable:
            throw Refusal(
                .rangeNotSatisfiable, "The snapshot has \(form.bytes) bytes.",
                headers: [HTTPField(name: .contentRange, value: "bytes */\(form.bytes)")])
        }
    }

    /// The snapshot that a download goes on with, if it is still kept; or else the newest.
    private func snapshot(for call: Call, _ access: Access) async throws -> Snapshot {
        if let condition = call.request.headers[.ifRange],
            let hash = Hash(condition.filter { $0 != "\"" }.prefix(64)),
            let kept = try await snapshots.kept(hash: hash.description, of: access.workspace)
        {
            return kept
        }
        return try await with(access.workspace) { try await snapshots.current(of: $0) }
    }

    /// One of a snapshot's two forms, as a file that can be sent.
    private struct Form {
        let mediaType: String
        let path: String
        let bytes: Int
        let tag: String
    }

    /// The form that the client accepts; the file itself where there is no room for another.
    private func form(
        of snapshot: Snapshot, _ call: Call, _ workspace: WorkspaceID
    ) async throws -> Form {
        if call.request.headers[.accept].map(MediaRange.type) == GzipBlocks.mediaType,
            let sizes = try await snapshots.compressed(snapshot, of: workspace)
        {
            return Form(
                mediaType: GzipBlocks.mediaType,
                path: snapshots.compressedPath(of: snapshot, workspace), bytes: sizes.reduce(0, +),
                tag: "\"\(snapshot.hash).gz\"")
        }
        return Form(
            mediaType: "application/vnd.sqlite3", path: snapshots.path(of: snapshot, workspace),
            bytes: snapshot.bytes, tag: "\"\(snapshot.hash)\"")
    }

    private func range(_ call: Call, _ form: Form) -> ByteRange {
        if let condition = call.request.headers[.ifRange], condition != form.tag { return .whole }
        return ByteRange(call.request.headers[.range], size: form.bytes)
    }

    /// Whether an `If-None-Match` list names the tag (weak comparison, RFC 9110 § 8.8.3.2).
    private static func names(_ list: String, _ tag: String) -> Bool {
        list.split(separator: ",").contains { part in
            let one = part.filter { !$0.isWhitespace }
            return one == "*" || one == tag || one == "W/" + tag
        }
    }

    /// Opened before the first byte is promised: a file that goes meanwhile can still be read.
    private func body(
        _ call: Call, _ path: String, _ range: Range<Int>, _ share: DeviceTally.Share,
        _ mayRead: @escaping @Sendable () async throws -> Bool
    ) async throws -> ResponseBody {
        let file = try await workers.run {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            try handle.seek(toOffset: UInt64(range.lowerBound))
            return handle
        }
        let outgoing = Outgoing(call)
        return ResponseBody(contentLength: range.count) { [workers] writer in
            var left = range.count
            var asked = ContinuousClock.now
            while left > 0 {
                // A download may take hours: who is removed meanwhile gets no more of it.
                if ContinuousClock.now - asked > .milliseconds(Limits.accountsPollMilliseconds) {
                    guard try await mayRead() else { throw CancellationError() }
                    asked = .now
                }
                let count = min(left, Limits.responseChunkBytes)
                let piece = try await workers.run { try file.read(upToCount: count) ?? Data() }
                guard !piece.isEmpty else { throw CocoaError(.fileReadCorruptFile) }
                left -= piece.count
                try await outgoing.write(ByteBuffer(bytes: piece), to: &writer)
            }
            try await outgoing.finish(&writer)
            withExtendedLifetime(share) {}
        }
    }
}
