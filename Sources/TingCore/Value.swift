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
        .set(Set(elements.map(\.normalized)).sorted { $0.precedesInBytes($1) })
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
        if utf8.allSatisfy({ $0 < 0x80 }) { return self }
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: _nfc)
        return String(scalars)
    }

    /// Whether the text is in Normalization Form C.
    public var isNormalized: Bool {
        utf8.allSatisfy { $0 < 0x80 } || unicodeScalars.elementsEqual(_nfc)
    }
}
