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
    func follow(_ call: Call, _ slug: String) async throws -> Response {
        let (caller, access) = try await member(call, slug)
        let since = try call.number("since", standard: .max)
        // Joined before the head is read: what comes in between is heard twice, not missed.
        guard let place = followers.join(access.workspace, device: caller.device) else {
            throw Refusal(
                .tooManyRequests, "This device has \(Limits.followLimit) open streams.",
                headers: [HTTPField(name: .retryAfter, value: "60")])
        }
        let body = ResponseBody { writer in
            defer { place.leave() }
            // Only inside of this does the stream end when its client leaves.
            let stream = writer
            try await call.request.body.consumeWithCancellationOnInboundClose { _ in
                try await send(place, to: stream, call, access, caller, since: since)
            }
            place.leave()
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: Self.eventStream, .cacheControl: "no-store",
                // Watching whether the client is still there takes the connection's other use.
                .connection: "close",
            ], body: body)
    }

    private func send(
        _ place: FollowHub.Place, to stream: any ResponseBodyWriter, _ call: Call,
        _ access: Access, _ caller: Caller, since: Version
    ) async throws {
        // Asked again after joining: a removal in between would have found no stream to end.
        let mayRead = try await workers.run { [accounts] in
            try accounts.mayRead(device: caller.device, workspace: access.workspace)
        }
        guard mayRead else { return }
        let outgoing = Outgoing(call)
        var writer = stream
        let first = try await registry.with(access.workspace) { workspace in
            try await workspace.read { try FollowHub.Event(of: $0, since: since) }
        }
        try await outgoing.write(first.bytes, to: &writer)
        place.begin(on: call.channel)
        var told = first.head
        for await event in place.events where event.head > told {
            told = event.head
            try await outgoing.write(event.bytes, to: &writer)
        }
    }
}

extension FollowHub.Event {
    /// The head of a workspace now, with the entries after `since` if they are small.
    init(of file: Workspace, since: Version) throws {
        var message = Ting_V1_FollowEvent()
        message.epoch = file.epoch.description
        message.head = try file.head().version
        let head = message.head
        if since < head {
            let entries = try file.entries(
                since: since, byteLimit: Limits.followEventByteLimit)
            // All of them or none: a part would be taken for a gap.
            let isWhole = entries.first?.version == since + 1 && entries.last?.version == head
            if isWhole { message.entries = entries.map(\.wire) }
        }
        var json = try WireCoding.json.encode(message)
        if json.count > Limits.followEventByteLimit {
            message.entries = []
            json = try WireCoding.json.encode(message)
        }
        var bytes = ByteBuffer(string: "event: head\ndata: ")
        bytes.writeBytes(json)
        bytes.writeString("\n\n")
        self.init(head: head, bytes: bytes)
    }
}
