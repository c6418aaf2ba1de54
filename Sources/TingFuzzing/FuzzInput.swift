// SPDX-License-Identifier: Apache-2.0

/// Reads choices, numbers and texts from hostile bytes. After the last byte everything is 0.
struct FuzzInput {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isEmpty: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    mutating func flag() -> Bool { byte() & 1 == 1 }

    /// 0 up to `bound`, without it.
    mutating func below(_ bound: Int) -> Int { bound > 0 ? Int(byte()) % bound : 0 }

    mutating func choose<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

    /// Mostly small numbers, and at times those at the ends, where sums overflow.
    mutating func number() -> Int64 {
        switch byte() {
        case 0..<128: Int64(byte())
        case 128..<160: -Int64(byte())
        case 160..<176: .max
        case 176..<192: .min
        case 192..<200: 1 << 53
        default: (0..<8).reduce(Int64(0)) { number, _ in number << 8 | Int64(byte()) }
        }
    }

    mutating func bytes() -> [UInt8] {
        let count = min(below(256) | below(4) << 8, rest.count)
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func text() -> String { String(decoding: bytes(), as: UTF8.self) }

    mutating func all() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }
}
