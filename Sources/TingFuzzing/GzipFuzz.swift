// SPDX-License-Identifier: Apache-2.0

import TingCore
import TingWire

/// Bodies that say they are gzip: they inflate within their bounds, or are refused.
enum GzipFuzz {
    private static let limit = 64 << 10

    static func run(_ bytes: [UInt8]) throws {
        if let whole = try? Gzip.unpack(bytes, limit: limit) {
            try FuzzFinding.check(whole.count <= limit, "it inflates beyond its limit")
            try FuzzFinding.check(
                whole.count <= bytes.count * Limits.inflationRatio, "it is a bomb")
        }
        guard let packed = Gzip.pack(bytes) else { return }
        try FuzzFinding.check(
            try Gzip.unpack(packed, limit: bytes.count) == bytes, "a body changes in gzip")
    }
}
