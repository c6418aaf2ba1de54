// SPDX-License-Identifier: Apache-2.0

/// How many columns of a terminal text takes: East Asian wide characters two, combining marks none
/// (UAX #11).
package enum DisplayWidth {
    package static func of(_ text: some StringProtocol) -> Int {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return text.utf8.count }
        return plainWidth(of: text) ?? text.reduce(0) { $0 + of($1) }
    }

    /// The width of text without controls, marks and emoji, in which every scalar is a character of its
    /// own: most of Danish and Chinese. `nil` for any other.
    package static func plainWidth(of text: some StringProtocol) -> Int? {
        var width = 0
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x20..<0x7f, 0xa0..<0xad, 0xae..<0x300: width += 1
            case 0x3001...0x3029, 0x3400...0x4dbf, 0x4e00...0x9fff, 0xff01...0xff60: width += 2
            default: return nil
            }
        }
        return width
    }

    /// A character is as wide as its widest scalar, so that emoji of several count once. A flag is an
    /// emoji of two letters that are narrow by themselves.
    package static func of(_ character: Character) -> Int {
        let scalars = character.unicodeScalars
        let isFlag = scalars.count == 2 && scalars.allSatisfy { regional.contains($0.value) }
        return isFlag ? 2 : scalars.reduce(0) { max($0, of($1)) }
    }

    /// The letters that flags are made of.
    private static let regional: ClosedRange<UInt32> = 0x1f1e6...0x1f1ff

    private static func of(_ scalar: Unicode.Scalar) -> Int {
        let value = scalar.value
        if value < 0x20 || (0x7f..<0xa0).contains(value) { return 0 }
        if value < 0x300 { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return wide.contains { $0 <= value && value <= $1 } ? 2 : 1
        }
    }

    /// The ranges of EastAsianWidth.txt that are W or F, joined where only unassigned code points
    /// lie between.
    private static let wide: [(UInt32, UInt32)] = [
        (0x1100, 0x115f), (0x231a, 0x231b), (0x23e9, 0x23ec), (0x25fd, 0x25fe), (0x2614, 0x2615),
        (0x2648, 0x2653), (0x26a1, 0x26a1), (0x26ce, 0x26ce), (0x26d4, 0x26d4), (0x2705, 0x2705),
        (0x2728, 0x2728), (0x274c, 0x274c), (0x2795, 0x2797), (0x2b1b, 0x2b1c), (0x2b50, 0x2b50),
        (0x2e80, 0x303e), (0x3041, 0x4dbf), (0x4e00, 0xa4cf), (0xa960, 0xa97c), (0xac00, 0xd7a3),
        (0xf900, 0xfaff), (0xfe10, 0xfe19), (0xfe30, 0xfe6b), (0xff01, 0xff60), (0xffe0, 0xffe6),
        (0x16fe0, 0x18aff), (0x1b000, 0x1b2ff), (0x1f004, 0x1f004), (0x1f0cf, 0x1f0cf),
        (0x1f18e, 0x1f18e), (0x1f191, 0x1f19a), (0x1f200, 0x1f320), (0x1f32d, 0x1f335),
        (0x1f337, 0x1f37c), (0x1f37e, 0x1f393), (0x1f3a0, 0x1f3ca), (0x1f3e0, 0x1f3f0),
        (0x1f400, 0x1f43e), (0x1f440, 0x1f440), (0x1f442, 0x1f4fc), (0x1f4ff, 0x1f53d),
        (0x1f550, 0x1f567), (0x1f5fb, 0x1f64f), (0x1f680, 0x1f6c5), (0x1f6cc, 0x1f6cc),
        (0x1f6d0, 0x1f6d7), (0x1f6eb, 0x1f6ec), (0x1f6f4, 0x1f6fc), (0x1f7e0, 0x1f7eb),
        (0x1f90c, 0x1f9ff), (0x1fa70, 0x1faff), (0x20000, 0x3fffd),
    ]
}
