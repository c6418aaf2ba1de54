// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore
import TingWire

@testable import TingServer

extension ServerTests {
    /// What bounds bodies, answers and downloads.
    @Suite("What devices hold at a time")
    struct DeviceTallyTests {
        @Test("so much each, so much in all, and given back when nobody holds it")
        func shares() throws {
            let (full, own) = (Refusal(.unavailable, "all"), Refusal(.tooManyRequests, "own"))
            let tally = DeviceTally(10, each: 6, full: full, deviceFull: own)
            var random = SystemRandomNumberGenerator()
            let (anna, li) = (
                DeviceID.random(using: &random), DeviceID.random(using: &random)
            )
            var shares = [try tally.share(4, for: anna), try tally.share(2, for: anna)]
            #expect(throws: own) { try tally.share(1, for: anna) }
            shares.append(try tally.share(4, for: li))
            #expect(throws: full) { try tally.share(1, for: li) }
            shares.removeFirst()
            _ = try tally.share(2, for: li)
            shares.removeAll()
            _ = try tally.share(6, for: anna)
            _ = try tally.share(6, for: li)
        }
    }
}
