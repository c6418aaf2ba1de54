// SPDX-License-Identifier: Apache-2.0

import TingCore
public import TingStore

extension ServerConnection {
    /// Whether the workspace of the replica's name here goes on from a history that the replica
    /// shares: asked by a sync that sends nothing, and keeps nothing of the answer.
    public func continues(_ replica: Replica) async throws -> Bool {
        var request = try replica.nextRequest()
        request.deliveries = []
        request.links = []
        request.pageByteLimit = 1
        let answer = try await sync(try replica.identity().workspace, request)
        if answer.epoch == request.base.epoch, answer.historyAgrees { return true }
        return try replica.shares(answer)
    }
}
