// SPDX-License-Identifier: Apache-2.0

@_spi(_Unicode) import Swift

/// What one field of a record holds. A value describes its own type.
public enum Value: Hashable, Sendable {
    case null
    case integer(Int64)
    /// Unicode text in Normalization Form C (UAX #15).
    case text(String)
    /// Elements in ascending order of their UTF-8 bytes, none twice: make one with `set(of:)`.
    case set([String])

    /// A set value from elements in any order.
    public static func set(of elements: some Sequence<String>) -> Value {
        let given = Array(elements)
        let isOrdered = zip(given, given.dropFirst()).allSatisfy {
            $0.precedesInBytes($1)
        }
        if isOrdered, given.allSatisfy(\.isNormalized) { return .set(given) }
        return .set(
            Set(given.map(\.normalized)).sorted { $0.precedesInBytes($1) })
    }

    public var isNull: Bool { if case .null = self { true } else { false } }

    /// The elements of a set; none for every other value.
    public var elements: [String] {
        if case .set(let elements) = self { elements } else { [] }
    }

    public var text: String? {
        if case .text(let text) = self { text } else { nil }
    }

    public var integer: Int64? {
        if case .integer(let integer) = self { integer } else { nil }
    }
}

extension Value {
    /// The canonical bytes of the value: deterministic CBOR (RFC 8949 § 4.2).
    public var canonicalBytes: [UInt8] {
        var encoder = CBOREncoder()
        encoder.encode(self)
        return encoder.bytes
    }
}

extension String {
    /// Whether its UTF-8 bytes come before the other's: the order of names, ids and elements.
    package func precedesInBytes(_ other: String) -> Bool {
        // Views of UTF-8 go byte by byte through their string; memory is as fast as it can be.
        let quick = utf8.withContiguousStorageIfAvailable { own in
            other.utf8.withContiguousStorageIfAvailable { own.lexicographicallyPrecedes($0) }
        }
        return (quick ?? nil) ?? utf8.lexicographicallyPrecedes(other.utf8)
    }

    /// The text in Normalization Form C.
    ///
    /// SQLite compares bytes, so one form must stand everywhere. Text of ASCII alone is left as it is.
    public var normalized: String {
        if isPlainlyNormalized { return self }
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: withSpelledVowels._nfc)
        return String(scalars)
    }

    /// Three vowels of Tibetan that are no marks, and made of two. Swift takes apart what it thinks is not a
    /// mark without putting the parts in order among those before them.
    private static let spelledVowels: [Unicode.Scalar: [Unicode.Scalar]] = [
        "\u{f73}": ["\u{f71}", "\u{f72}"], "\u{f75}": ["\u{f71}", "\u{f74}"],
        "\u{f81}": ["\u{f71}", "\u{f80}"],
    ]

    private var withSpelledVowels: String {
        guard unicodeScalars.contains(where: { Self.spelledVowels[$0] != nil }) else {
            return self
        }
        var scalars = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            scalars.append(contentsOf: Self.spelledVowels[scalar] ?? [scalar])
        }
        return String(scalars)
    }

    /// Whether the text is in Normalization Form C.
    public var isNormalized: Bool {
        isPlainlyNormalized || unicodeScalars.elementsEqual(_nfc)
    }

    /// Whether the combining marks of each character stand in the order of NFC.
    ///
    /// Swift puts marks in order by exchanging neighbours, also where it compares two texts: of a text of a
    /// million that are not, that takes minutes. Here it takes one look at each.
    public var hasOrderedMarks: Bool {
        if isPlainlyNormalized { return true }
        var last: Unicode.CanonicalCombiningClass = .notReordered
        for scalar in unicodeScalars {
            if Self.spelledVowels[scalar] != nil { return false }
            let own =
                scalar.value < 0x300 ? .notReordered : scalar.properties.canonicalCombiningClass
            if own != .notReordered, own < last { return false }
            last = own
        }
        return true
    }

    /// Its beginning, for a sentence: cut by scalars, since one character may be all of it.
    var shortened: String {
        var start = String.UnicodeScalarView()
        start.append(contentsOf: unicodeScalars.prefix(60))
        return String(start)
    }

    /// Whether no character of the text composes, decomposes or moves under any normalization to NFC:
    /// what lies below U+0300, dashes and quotes, Chinese characters and their punctuation.
    private var isPlainlyNormalized: Bool {
        var text = self
        return text.withUTF8 { bytes in
            var at = 0
            while at < bytes.count {
                let byte = bytes[at]
                if byte < 0x80 {
                    at += 1
                } else if byte < 0xcc {
                    at += 2
                } else {
                    guard at + 2 < bytes.count, Self.isStable(byte, bytes[at + 1], bytes[at + 2])
                    else { return false }
                    at += 3
                }
            }
            return true
        }
    }

    /// Whether three bytes are of U+2010…2027, U+3000…3029, U+4E00…9FFF or U+FF00…FF7F.
    private static func isStable(_ first: UInt8, _ second: UInt8, _ third: UInt8) -> Bool {
        switch first {
        case 0xe2: second == 0x80 && (0x90...0xa7).contains(third)
        case 0xe3: second == 0x80 && third < 0xaa
        case 0xe4: second >= 0xb8
        case 0xe5...0xe9: true
        case 0xef: second == 0xbc || second == 0xbd
        default: false
        }
    }
}
