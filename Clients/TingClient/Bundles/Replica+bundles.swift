// SPDX-License-Identifier: Apache-2.0

import Crypto
import TingCore
package import TingStore
import TingWire

/// A sync by hand: the outbox goes as a file, verdicts and entries come back as one.
extension Replica {
    /// Seals where the replica stands, with its outbox, to the server.
    ///
    /// Nothing leaves the outbox: what a reply does not answer goes with the next bundle, or a sync.
    /// - Returns: The file, how many change sets it carries, and how many had no room.
    package func bundle(
        _ keys: BundleKeys
    ) throws -> (file: [UInt8], carried: Int, waiting: Int) {
        var bundle = BundleRequest(
            workspace: try identity().workspace, device: keys.device,
            serverKey: Array(keys.server.rawRepresentation),
            replyKey: Array(keys.reply.publicKey.rawRepresentation),
            requests: [try nextRequest()])
        var size = try Size(of: bundle.requests[0])
        while let last = bundle.requests.last?.deliveries.last?.number {
            let page = try nextRequest(after: last)
            guard !page.deliveries.isEmpty, page.base == bundle.requests[0].base else { break }
            size.add(try Size(of: page))
            guard size.hasRoom else { break }
            bundle.requests.append(page)
        }
        let file = try SealedBundle.seal(
            bundle.signed(by: keys.signing), as: .toServer, to: keys.server)
        let carried = bundle.requests.flatMap { $0.deliveries.map(\.changeSet.id) }
        try noteCarried(carried)
        return (file, carried.count, try outbox().count - carried.count)
    }

    /// What pages take of a bundle.
    private struct Size {
        private var bytes: Int
        private var parts: Int

        init(of page: SyncRequest) throws {
            let encoded = try WireCoding.protobuf.encode(page.wire)
            // With more than what frames it, and the signature.
            bytes = encoded.count + Limits.nameByteLimit * 4
            parts = try BodyParts.check(encoded, .protobuf, of: .sync) + 1
        }

        mutating func add(_ other: Size) {
            bytes += other.bytes
            parts += other.parts
        }

        var hasRoom: Bool {
            bytes <= Limits.bundleByteLimit && parts <= Limits.requestPartLimit
        }
    }

    /// Takes a reply in, like a sync's answer.
    ///
    /// A reply that came late, twice, or out of order brings only what is still new.
    /// - Returns: What it came to; `nil` for one to another replica, or to an earlier state of this.
    /// - Throws: `BelowFloor` where the server no longer sends what the replica lacks; verdicts are kept.
    package func apply(reply file: [UInt8], _ keys: BundleKeys) throws -> SyncOutcome? {
        let contents = try SealedBundle.open(file, as: .reply, with: keys.reply, from: keys.server)
        let reply = try BundleReply(contents: contents)
        let before = try identity()
        guard reply.workspace == before.workspace else {
            throw OtherWorkspace(slug: reply.workspace)
        }
        var outcome = SyncOutcome()
        outcome.from = before.base.version
        var (isOurs, isBelow) = (false, false)
        for answer in reply.answers {
            let now = try identity()
            guard answer.replica == now.replica, answer.base.epoch == now.base.epoch,
                answer.base.version <= now.base.version
            else { continue }
            isOurs = true
            let request = SyncRequest(
                replica: answer.replica, base: answer.base, historyDigest: .zero,
                stateDigest: .zero, schema: schema.version, sent: 0, membersVersion: 0,
                pageByteLimit: Limits.pageByteLimit, deliveries: [])
            do {
                try integrate(answer.response, to: request, into: &outcome.summary)
            } catch ReplicaError.historyDiffers(.belowFloor) {
                // A replica that synced since then has all of it already.
                isBelow = isBelow || now.base.version.isBelow(floor: answer.response.floor)
            }
            outcome.head = max(outcome.head, answer.response.head)
        }
        if isBelow {
            throw BelowFloor(
                accepted: try accepted(), quarantined: outcome.summary.quarantined)
        }
        outcome.version = try identity().base.version
        return isOurs ? outcome : nil
    }

    /// The server no longer sends the history that the replica lacks: that takes a snapshot.
    package struct BelowFloor: Error {
        /// Change sets in the outbox that the server accepted.
        package var accepted: Int
        package var quarantined: Int
    }

    /// The reply is about another workspace than this replica's.
    package struct OtherWorkspace: Error { package var slug: String }
}
