// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore
import TingCore
import TingWire

/// The finished files that new replicas start from.
extension API {
    /// `GET /v1/workspaces/{slug}/snapshot/manifest`
    func manifest(_ call: Call, _ slug: String) async throws -> Response {
        let (_, access) = try await member(call, slug)
        let snapshot = try await registry.with(access.workspace) {
            try await snapshots.current(of: $0)
        }
        var message = Ting_V1_SnapshotManifest()
        message.version = snapshot.version
        message.epoch = snapshot.epoch
        message.bytes = Int64(snapshot.bytes)
        message.hash = snapshot.hash
        message.blockBytes = Int64(snapshot.blockBytes)
        message.blockHashes = snapshot.blockHashes
        return try call.packedAnswer(message)
    }

    /// `GET /v1/workspaces/{slug}/snapshot`: whole, or a range of it.
    func snapshot(_ call: Call, _ slug: String) async throws -> Response {
        let (caller, access) = try await member(call, slug)
        let snapshot = try await snapshot(for: call, access)
        let tag = "\"\(snapshot.hash)\""
        var headers: HTTPFields = [
            .contentType: "application/vnd.sqlite3", .eTag: tag, .acceptRanges: "bytes",
            .cacheControl: "private, no-cache", .tingVersion: String(snapshot.version),
            .tingEpoch: snapshot.epoch, .tingHash: snapshot.hash,
        ]
        if call.request.headers[.ifNoneMatch].map({ Self.names($0, tag) }) ?? false {
            return Response(status: .notModified, headers: headers)
        }
        let path = snapshots.path(of: snapshot, access.workspace)
        let mayRead: @Sendable () async throws -> Bool = { [workers, accounts] in
            try await workers.run {
                try accounts.mayRead(device: caller.device, workspace: access.workspace)
            }
        }
        switch range(call, snapshot, tag) {
        case .whole:
            return Response(
                status: .ok, headers: headers,
                body: try await body(call, path, 0..<snapshot.bytes, mayRead))
        case .part(let range):
            headers[.contentRange] =
                "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(snapshot.bytes)"
            return Response(
                status: .partialContent, headers: headers,
                body: try await body(call, path, range, mayRead))
        case .unsatisfiable:
            throw Refusal(
                .rangeNotSatisfiable, "The snapshot has \(snapshot.bytes) bytes.",
                headers: [HTTPField(name: .contentRange, value: "bytes */\(snapshot.bytes)")])
        }
    }

    /// The snapshot that a download goes on with, if it is still kept; or else the newest.
    private func snapshot(for call: Call, _ access: Access) async throws -> Snapshot {
        if let condition = call.request.headers[.ifRange],
            let hash = Hash(condition.filter { $0 != "\"" }),
            let kept = try await snapshots.kept(hash: hash.description, of: access.workspace)
        {
            return kept
        }
        return try await registry.with(access.workspace) { try await snapshots.current(of: $0) }
    }

    private func range(_ call: Call, _ snapshot: Snapshot, _ tag: String) -> ByteRange {
        if let condition = call.request.headers[.ifRange], condition != tag { return .whole }
        return ByteRange(call.request.headers[.range], size: snapshot.bytes)
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
        _ call: Call, _ path: String, _ range: Range<Int>,
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
            try await writer.finish(nil)
        }
    }
}
