// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingWire

@Suite("Messages on the wire")
struct MessageTests {
    private let request: SyncRequest = {
        var random = SystemRandomNumberGenerator()
        let base = Base(epoch: .random(using: &random), version: 7)
        let older = Base(epoch: base.epoch, version: 3)
        let record = RecordID.timeOrdered(milliseconds: 1_750_000_000_000, using: &random)
        let changeSet = ChangeSet(
            id: .random(using: &random), seed: [UInt8](repeating: 9, count: 16), schema: 1,
            base: base, seen: [Hash(of: [1])], message: "møde i 北京", time: 1_000,
            operations: [
                Operation(
                    .insert, "project", record, time: 900,
                    fields: [
                        FieldEdit(
                            "partners", before: .null, after: .set(of: ["å", "b"]), time: 900),
                        FieldEdit("title", before: .null, after: .text("Ting"), time: 950),
                    ]),
                Operation(
                    .update, "project", record, time: 1_000,
                    fields: [
                        FieldEdit(
                            "budget", before: .integer(-5), after: .null, base: older, time: 1_000)
                    ]),
                Operation(.delete, "task", record, base: older, time: 1_000),
            ])
        return SyncRequest(
            replica: .random(using: &random), base: base, historyDigest: .zero,
            stateDigest: Hash(of: []), schema: 1, sent: 2_000, membersVersion: 4,
            pageByteLimit: 1_000, deliveries: [Delivery(number: 12, changeSet: changeSet)])
    }()

    @Test(
        "a request comes back as it went, in both codings", arguments: [WireCoding.protobuf, .json])
    func roundTrip(_ coding: WireCoding) throws {
        let bytes = try coding.encode(request.wire)
        let message = try coding.decode(Ting_V1_SyncRequest.self, bytes)
        #expect(try SyncRequest(wire: message) == request)
    }

    @Test("stored bytes come back as they went, and keep the hash")
    func stored() throws {
        let changeSet = try #require(request.deliveries.first?.changeSet)
        let copy = try ChangeSet(storedBytes: changeSet.storedBytes)
        #expect(copy == changeSet)
        #expect(copy.hash == changeSet.hash)
    }

    @Test("bytes that were cut or flipped are an error or another message, never a trap")
    func hostile() throws {
        let bytes = try WireCoding.protobuf.encode(request.wire)
        for cut in bytes.indices {
            var flipped = bytes
            flipped[cut] ^= 0x41
            for hostile in [Array(bytes[..<cut]), flipped] {
                guard
                    let message = try? WireCoding.protobuf.decode(
                        Ting_V1_SyncRequest.self, hostile)
                else { continue }
                _ = try? SyncRequest(wire: message)
            }
        }
        let stored = try #require(request.deliveries.first?.changeSet).storedBytes
        for cut in stored.indices {
            #expect(throws: (any Error).self) { try ChangeSet(storedBytes: Array(stored[..<cut])) }
        }
    }

    @Test("a malformed field is named")
    func named() throws {
        var message = request.wire
        message.replica = "NOT-AN-ID"
        #expect(throws: WireError("replica", "it is not a lower-case UUID")) {
            try SyncRequest(wire: message)
        }
    }

    @Test("a request to mend names no version below 0")
    func belowZero() throws {
        var message = MendRequest(base: request.base, schema: 1, digest: StateDigest()).wire
        #expect(throws: Never.self) { try MendRequest(wire: message) }
        message.version = -1
        #expect(throws: WireError("version", "negative")) { try MendRequest(wire: message) }
    }
}
