// SPDX-License-Identifier: Apache-2.0

import SwiftProtobuf
import TingCore
import TingWire

/// Bytes to messages to values, and back: what is understood once is understood the same again.
enum WireFuzz {
    static func run(_ bytes: [UInt8], coding: WireCoding) throws {
        var input = FuzzInput(bytes)
        let kind = input.below(8)
        let body = input.all()
        switch kind {
        case 0:
            try roundTrip(body, coding, Ting_V1_SyncRequest.self, SyncRequest.init, \.wire)
        case 1:
            try roundTrip(body, coding, Ting_V1_SyncResponse.self, SyncResponse.init, \.wire)
        case 2:
            try roundTrip(body, coding, Ting_V1_MendRequest.self, MendRequest.init, \.wire)
        case 3:
            try roundTrip(body, coding, Ting_V1_MendResponse.self, MendResponse.init, \.wire)
        case 4:
            try roundTrip(body, coding, Ting_V1_GiveBackRequest.self, GiveBackRequest.init, \.wire)
        case 5:
            try roundTrip(
                body, coding, Ting_V1_GiveBackResponse.self, GiveBackResponse.init, \.wire)
        case 6: try roundTrip(body, coding, Ting_V1_ChangeSet.self, ChangeSet.init, \.wire)
        default: try roundTrip(body, coding, Ting_V1_Entry.self, Entry.init, \.wire)
        }
    }

    private static func roundTrip<M: Message, V: Equatable>(
        _ bytes: [UInt8], _ coding: WireCoding, _ type: M.Type,
        _ read: (M) throws -> V, _ write: (V) -> M
    ) throws {
        guard let value = try? read(coding.decode(M.self, bytes)) else { return }
        let again = try read(coding.decode(M.self, coding.encode(write(value))))
        try FuzzFinding.check(again == value, "\(M.protoMessageName) changes on its way")
    }
}
