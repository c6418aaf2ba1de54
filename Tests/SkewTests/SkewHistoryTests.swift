// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingTesting

@Suite("Histories of different versions")
struct SkewHistoryTests {
    /// In a process of its own, in which every database is on the simulated disk.
    ///
    /// `TING_SKEW_HISTORIES` says how many of each pair; `ting-sim skew` plays more, and says which fail.
    @Test(
        "ends of any two versions hold the same, and lose nothing over an upgrade",
        .tags(.promise2, .promise3, .promise4))
    func play() async {
        await #expect(processExitsWith: .success) {
            let failures = try Self.failures()
            #expect(failures == [])
        }
    }

    private static func failures() throws -> [String] {
        let asked = ProcessInfo.processInfo.environment["TING_SKEW_HISTORIES"]
        return try SkewHistory.playAll(asked.flatMap { UInt64($0) } ?? 24)
    }
}
