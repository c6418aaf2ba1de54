// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HummingbirdCore
import NIOCore
import TingCore
import TingStore
import TingWire

extension API {
    /// `GET /v1/workspaces/{slug}/follow?since=N`: server-sent events (WHATWG HTML § 9.2), one for
    /// each new head. The first says where the head is now.
    ///
    /// Answers with the head of the response alone: what follows goes out on the line of the call,
    /// which a HEAD has none of.
    func follow(_ call: Call, _ slug: String) async throws -> Response {
        let (caller, access) = try await member(call, slug)
        let since = try call.number("since", standard: .max)
        guard let line = call.line else {
            guard followers.hasRoom(caller.device) else { throw Refusal.tooManyStreams }
            return Self.eventStream
        }
        // Joined before the head is read: what comes in between is heard twice, not missed.
        guard
            let place = followers.join(
                access.workspace, device: caller.device, as: access.role, line)
        else { throw Refusal.tooManyStreams }
        // Asked again after joining: what changed in between would have found no stream to end.
        guard try await member(call, slug).access.role == access.role else {
            throw Refusal(.unavailable, "Your role changed just now.")
        }
        let first = try await with(access.workspace) { workspace in
            try await workspace.read { try FollowHub.Event(of: $0, since: since) }
        }
        line.eventLoop.execute { line.value.prepare(place, first) }
        return Self.eventStream
    }

    private static var eventStream: Response {
        Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream", .cacheControl: "no-store",
                // The stream takes the connection's other use.
                .connection: "close",
            ], body: ResponseBody { try await $0.finish(nil) })
    }
}

extension Refusal {
    fileprivate static let tooManyStreams = Refusal(
        .tooManyRequests, "This device has \(Limits.followLimit) open streams.",
        headers: [HTTPField(name: .retryAfter, value: "60")])
}

extension FollowHub.Event {
    /// The head of a workspace now, with the entries after `since` if they are small.
    init(of file: Workspace, since: Version) throws {
        let (epoch, head, entries) = try file.page(
            since: since, byteLimit: Limits.followEventByteLimit)
        var message = Ting_V1_FollowEvent()
        message.epoch = epoch.description
        message.head = head
        if let first = entries.first, let last = entries.last {
            // All of them or none: a part would be taken for a gap.
            let isWhole = first.version - 1 == since && last.version == head
            if isWhole { message.entries = entries.map(\.wire) }
        }
        var json = try WireCoding.json.encode(message)
        if json.count > Limits.followEventByteLimit {
            message.entries = []
            json = try WireCoding.json.encode(message)
        }
        self.init(
            head: head,
            bytes: FollowBytes(Array("event: head\ndata: ".utf8) + json + Array("\n\n".utf8)))
    }
}
