// SPDX-License-Identifier: Apache-2.0

import SwiftProtobuf
import TingCore
import TingWire

/// Bytes to messages to values, and back: what is understood once is understood the same again.
enum WireFuzz {
    static func run(_ bytes: [UInt8], coding: WireCoding) throws {
        var input = FuzzInput(bytes)
        let kind = input.below(12)
        let body = input.all()
        switch kind {
        case 0:
            try roundTrip(body, coding, Ting_V1_SyncRequest.self, SyncRequest.init, \.wire) {
                // The plain form has no role.
                var plain = $0
                plain.role = nil
                return plain
            }
            try roundTrip(body, coding, Ting_V1_SyncRequest.self, SyncRequest.init, \.terseWire) {
                var terse = $0
                if terse.deliveries.isEmpty { terse.sent = 0 }
                return terse
            }
        case 1:
            let read = { (message: Ting_V1_SyncResponse) in try SyncResponse(wire: message) }
            try roundTrip(body, coding, Ting_V1_SyncResponse.self, read, \.wire)
            try completes(body, coding)
        case 2:
            try roundTrip(body, coding, Ting_V1_MendRequest.self, MendRequest.init, \.wire)
        case 3:
            try roundTrip(body, coding, Ting_V1_MendResponse.self, MendResponse.init, \.wire)
        case 4:
            try roundTrip(body, coding, Ting_V1_GiveBackRequest.self, GiveBackRequest.init, \.wire)
            try roundTrip(
                body, coding, Ting_V1_GiveBackRequest.self, GiveBackRequest.init, \.terseWire)
        case 5:
            try roundTrip(
                body, coding, Ting_V1_GiveBackResponse.self, GiveBackResponse.init, \.wire)
        case 6:
            try roundTrip(body, coding, Ting_V1_ChangeSet.self, ChangeSet.init, \.wire)
            try roundTrip(body, coding, Ting_V1_ChangeSet.self, ChangeSet.init, \.terseWire)
        case 7:
            let read = { (message: Ting_V1_Entry) in try Entry(wire: message) }
            try roundTrip(body, coding, Ting_V1_Entry.self, read, \.wire)
            try roundTrip(body, coding, Ting_V1_Entry.self, read, \.terseWire)
        case 11:
            guard let message = try? coding.decode(Ting_V1_SnapshotManifest.self, body),
                let manifest = try? SnapshotManifest(wire: message)
            else { return }
            try adds(manifest)
        default:
            guard coding == .protobuf, let kind = BundleFuzz.Kind(rawValue: kind) else { return }
            try BundleFuzz.run(kind, contents: body)
        }
    }

    /// Every block of a snapshot begins behind the one before, in either form.
    private static func adds(_ manifest: SnapshotManifest) throws {
        let starts = manifest.blockHashes.indices.map { Int64($0) * manifest.blockBytes }
        try FuzzFinding.check(
            starts.allSatisfy { $0 < manifest.bytes }, "a block begins behind the file")
        guard manifest.isCompressed else { return }
        let places = starts.prefix(64).map(manifest.gzipOffset)
        try FuzzFinding.check(
            zip(places, places.dropFirst()).allSatisfy(<), "a block begins before the last one")
    }

    /// Entries that leave out the change sets of one replica are completed from what it holds.
    private static func completes(_ bytes: [UInt8], _ coding: WireCoding) throws {
        guard
            let value = try? SyncResponse(
                wire: coding.decode(Ting_V1_SyncResponse.self, bytes)),
            let replica = value.entries.first?.replica
        else { return }
        // Change sets without values may differ in their seeds alone, which their hash doesn't tell.
        let hashes = value.entries.map(\.changeSet.hash)
        guard Set(hashes).count == hashes.count else { return }
        let message = try coding.decode(
            Ting_V1_SyncResponse.self, coding.encode(value.terseWire(to: replica)))
        let again = try SyncResponse(wire: message) { _, hash in
            value.entries.first { $0.changeSet.hash == hash }?.changeSet
        }
        try FuzzFinding.check(again == value, "an answer changes where it is completed")
        try FuzzFinding.check(
            (try? SyncResponse(wire: message)) == nil, "an answer is complete that lacks something")
    }

    private static func roundTrip<M: Message, V: Equatable>(
        _ bytes: [UInt8], _ coding: WireCoding, _ type: M.Type,
        _ read: (M) throws -> V, _ write: (V) -> M, as expected: (V) -> V = { $0 }
    ) throws {
        guard let value = (try? read(coding.decode(M.self, bytes))).map(expected) else { return }
        let again = try read(coding.decode(M.self, coding.encode(write(value))))
        try FuzzFinding.check(again == value, "\(M.protoMessageName) changes on its way")
    }
}
