// SPDX-License-Identifier: Apache-2.0

import TingCore

/// Asks for the next page while the replica takes one in.
///
/// What the replica will say next is foreseen from what it said and what was answered. Its real
/// request is made, as ever, of what it computed and committed itself; only if that is the same is the
/// answer used. Otherwise nothing came of it but a request that changed nothing.
struct ForeseenExchange {
    private let line: any SyncLine
    private var asked: (request: SyncRequest, answer: Task<SyncResponse, any Error>)?

    init(over line: any SyncLine) { self.line = line }

    /// The answer to a request, which may have come already. What is likely to follow is sent.
    /// - Parameter ignoringDigest: Whether the replica goes on where the state digests don't agree.
    mutating func exchange(
        _ request: SyncRequest, ignoringDigest: Bool
    ) async throws -> SyncResponse {
        let response: SyncResponse
        if let ahead = await answer(to: request) {
            response = ahead
        } else {
            response = try await line.exchange(request)
        }
        if response.digestsAgree || ignoringDigest { ask(after: response, to: request) }
        return response
    }

    private mutating func ask(after response: SyncResponse, to request: SyncRequest) {
        guard let next = Self.next(after: response, to: request) else { return }
        asked = (next, Task { [line] in try await line.exchange(next) })
    }

    /// The answer that came to this request ahead of time; `nil` where there is none.
    private mutating func answer(to request: SyncRequest) async -> SyncResponse? {
        guard let (foreseen, answer) = asked else { return nil }
        asked = nil
        guard Self.isSame(foreseen, request) else {
            answer.cancel()
            _ = await answer.result
            return nil
        }
        return await withTaskCancellationHandler {
            try? await answer.value
        } onCancel: {
            answer.cancel()
        }
    }

    /// Nothing more is wanted: what was asked for ahead is given up, and has ended when this returns.
    mutating func end() async {
        guard let (_, answer) = asked else { return }
        asked = nil
        answer.cancel()
        _ = await answer.result
    }

    /// Only what changes nothing on the server is sent ahead: no edits, and no links.
    private static func next(after response: SyncResponse, to request: SyncRequest) -> SyncRequest?
    {
        guard request.deliveries.isEmpty, request.links.isEmpty, request.schema > 0,
            response.historyAgrees, response.schema == nil, response.clash == nil,
            response.epoch == request.base.epoch,
            let last = response.entries.last?.version, last < response.head
        else { return nil }
        var next = request
        next.base.version = last
        next.historyDigest = response.historyDigest
        // Who reported none has none in the next request, either.
        if request.stateDigest != .zero { next.stateDigest = response.stateDigest }
        next.role = response.role
        if response.members != nil { next.membersVersion = response.membersVersion }
        return next
    }

    /// Whether two requests get the same answer: the clock dates deliveries alone.
    private static func isSame(_ foreseen: SyncRequest, _ request: SyncRequest) -> Bool {
        var foreseen = foreseen
        foreseen.sent = request.sent
        return foreseen == request
    }
}
