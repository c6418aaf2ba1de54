// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Testing
import TingWire

@testable import TingServer

extension ServerTests {
    @Suite("Ranges of a file")
    struct ByteRangeTests {
        @Test(
            "a range header names a part, the whole, or nothing",
            arguments: [
                (nil, ByteRange.whole), ("bytes=0-9", .part(0..<10)),
                ("bytes=90-", .part(90..<100)),
                ("bytes=90-200", .part(90..<100)), ("bytes=-10", .part(90..<100)),
                ("bytes=-200", .part(0..<100)), ("bytes=100-", .unsatisfiable),
                ("bytes=-0", .unsatisfiable),
                ("bytes=9-0", .whole), ("bytes=x-y", .whole), ("items=0-9", .whole),
                ("bytes=", .whole),
                ("bytes=0-9,5-19", .part(0..<20)), ("bytes=10-19, 0-9", .part(0..<20)),
                ("bytes=0-9,50-59", .whole), ("bytes=0-9,200-", .part(0..<10)),
                ("bytes=0-99999999999999999999", .part(0..<100)),
                ("bytes=99999999999999999999-", .unsatisfiable),
            ] as [(String?, ByteRange)])
        func table(_ header: String?, _ expected: ByteRange) {
            #expect(ByteRange(header, size: 100) == expected)
        }

        @Test("an empty file has no satisfiable range")
        func empty() {
            #expect(ByteRange("bytes=0-", size: 0) == .unsatisfiable)
            #expect(ByteRange("bytes=-5", size: 0) == .unsatisfiable)
        }
    }
}
