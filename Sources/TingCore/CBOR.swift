// SPDX-License-Identifier: Apache-2.0

/// Writes the deterministic CBOR of RFC 8949 § 4.2: shortest heads, definite lengths, no floats.
///
/// The caller writes map keys in the order of § 4.2.1 (bytewise order of their encodings);
/// `encodeMap` does that for text keys.
package struct CBOREncoder {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func encode(_ integer: Int64) {
        if integer >= 0 {
            head(0, UInt64(integer))
        } else {
            head(1, UInt64(-1 - integer))
        }
    }

    package mutating func encode(bytes data: some Collection<UInt8>) {
        head(2, UInt64(data.count))
        bytes.append(contentsOf: data)
    }

    package mutating func encode(_ text: String) {
        head(3, UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    /// Bytes as they are: what is hashed together with CBOR.
    mutating func append(raw data: some Collection<UInt8>) { bytes.append(contentsOf: data) }

    /// Empties it, and keeps the room.
    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    package mutating func encodeArray(count: Int) { head(4, UInt64(count)) }

    package mutating func encodeMapHead(count: Int) { head(5, UInt64(count)) }

    package mutating func encodeNull() { bytes.append(0xf6) }

    package mutating func encode(_ value: Value) {
        switch value {
        case .null: encodeNull()
        case .integer(let integer): encode(integer)
        case .text(let text): encode(text)
        case .set(let elements):
            encodeArray(count: elements.count)
            for element in elements { encode(element) }
        }
    }

    /// Values by name.
    package mutating func encode(map values: [String: Value]) {
        encodeMapHead(count: values.count)
        for (name, value) in values.sorted(by: { Self.precedes($0.key, $1.key) }) {
            encode(name)
            encode(value)
        }
    }

    /// A map with text keys, put in canonical order: shorter keys first, then by bytes.
    package mutating func encodeMap(_ entries: [(key: String, encode: (inout CBOREncoder) -> Void)])
    {
        encodeMapHead(count: entries.count)
        for entry in entries.inMapOrder(by: \.key) {
            encode(entry.key)
            entry.encode(&self)
        }
    }

    /// The order of § 4.2.1 among text keys: the length stands in the head, so shorter comes first.
    package static func precedes(_ a: String, _ b: String) -> Bool {
        a.utf8.count != b.utf8.count
            ? a.utf8.count < b.utf8.count : a.utf8.lexicographicallyPrecedes(b.utf8)
    }

    private mutating func head(_ major: UInt8, _ argument: UInt64) {
        let type = major << 5
        switch argument {
        case 0..<24: bytes.append(type | UInt8(argument))
        case 24...0xff: append(type | 24, argument, 1)
        case 0x100...0xffff: append(type | 25, argument, 2)
        case 0x1_0000...0xffff_ffff: append(type | 26, argument, 4)
        default: append(type | 27, argument, 8)
        }
    }

    private mutating func append(_ first: UInt8, _ argument: UInt64, _ count: Int) {
        bytes.append(first)
        for shift in stride(from: (count - 1) * 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: argument >> UInt64(shift)))
        }
    }
}

extension Array {
    /// The elements in the order that their names have as keys of a map.
    func inMapOrder(by name: (Element) -> String) -> [Element] {
        sorted { CBOREncoder.precedes(name($0), name($1)) }
    }
}

/// One item of CBOR, as read.
package indirect enum CBORItem: Equatable {
    case integer(Int64)
    case bytes([UInt8])
    case text(String)
    case array([CBORItem])
    case map([(key: String, value: CBORItem)])
    case null

    package static func == (a: CBORItem, b: CBORItem) -> Bool {
        switch (a, b) {
        case (.integer(let x), .integer(let y)): x == y
        case (.bytes(let x), .bytes(let y)): x == y
        case (.text(let x), .text(let y)): x == y
        case (.array(let x), .array(let y)): x == y
        case (.map(let x), .map(let y)):
            x.count == y.count && zip(x, y).allSatisfy { $0.key == $1.key && $0.value == $1.value }
        case (.null, .null): true
        default: false
        }
    }

    package subscript(_ key: String) -> CBORItem? {
        guard case .map(let entries) = self else { return nil }
        return entries.first { $0.key == key }?.value
    }

    package var integer: Int64? { if case .integer(let x) = self { x } else { nil } }
    package var text: String? { if case .text(let x) = self { x } else { nil } }
    package var bytes: [UInt8]? { if case .bytes(let x) = self { x } else { nil } }
    package var array: [CBORItem]? { if case .array(let x) = self { x } else { nil } }
    package var map: [(key: String, value: CBORItem)]? {
        if case .map(let x) = self { x } else { nil }
    }
}

/// Bytes that are not what this format allows.
package struct CBORError: Error, Equatable {
    /// Where reading stopped, in bytes from the start.
    package let offset: Int
}

/// Reads deterministic CBOR, and nothing else: every accepted input has exactly one encoding.
package struct CBORDecoder {
    private let bytes: [UInt8]
    private var at = 0
    private static let depthLimit = 16

    package static func decode(_ bytes: [UInt8]) throws(CBORError) -> CBORItem {
        var decoder = CBORDecoder(bytes: bytes)
        let item = try decoder.item(depth: 0)
        guard decoder.at == bytes.count else { throw CBORError(offset: decoder.at) }
        return item
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func item(depth: Int) throws(CBORError) -> CBORItem {
        guard depth < Self.depthLimit else { throw CBORError(offset: at) }
        let start = at
        let (major, argument) = try head()
        switch major {
        case 0:
            guard let integer = Int64(exactly: argument) else { throw CBORError(offset: start) }
            return .integer(integer)
        case 1:
            guard let integer = Int64(exactly: argument) else { throw CBORError(offset: start) }
            return .integer(-1 - integer)
        case 2: return .bytes(Array(try take(argument)))
        case 3: return .text(try text(argument))
        case 4:
            guard argument <= UInt64(bytes.count - at) else { throw CBORError(offset: start) }
            var items: [CBORItem] = []
            for _ in 0..<argument { items.append(try item(depth: depth + 1)) }
            return .array(items)
        case 5: return .map(try map(argument, depth: depth))
        case 7 where argument == 22: return .null
        default: throw CBORError(offset: start)
        }
    }

    private mutating func map(
        _ count: UInt64, depth: Int
    ) throws(CBORError) -> [(key: String, value: CBORItem)] {
        guard count <= UInt64(bytes.count - at) else { throw CBORError(offset: at) }
        var entries: [(key: String, value: CBORItem)] = []
        for _ in 0..<count {
            let start = at
            guard case .text(let key) = try item(depth: depth + 1) else {
                throw CBORError(offset: start)
            }
            if let last = entries.last, !CBOREncoder.precedes(last.key, key) {
                throw CBORError(offset: start)
            }
            entries.append((key, try item(depth: depth + 1)))
        }
        return entries
    }

    private mutating func text(_ count: UInt64) throws(CBORError) -> String {
        let start = at
        guard let text = String(validating: try take(count), as: UTF8.self) else {
            throw CBORError(offset: start)
        }
        return text
    }

    private mutating func take(_ count: UInt64) throws(CBORError) -> ArraySlice<UInt8> {
        guard count <= UInt64(bytes.count - at) else { throw CBORError(offset: at) }
        defer { at += Int(count) }
        return bytes[at..<at + Int(count)]
    }

    private mutating func head() throws(CBORError) -> (UInt8, UInt64) {
        let start = at
        guard let first = try take(1).first else { throw CBORError(offset: start) }
        let major = first >> 5
        switch first & 31 {
        case let small where small < 24: return (major, UInt64(small))
        case 24: return (major, try argument(1, least: 24, start))
        case 25: return (major, try argument(2, least: 0x100, start))
        case 26: return (major, try argument(4, least: 0x1_0000, start))
        case 27: return (major, try argument(8, least: 0x1_0000_0000, start))
        default: throw CBORError(offset: start)
        }
    }

    private mutating func argument(
        _ count: UInt64, least: UInt64, _ start: Int
    ) throws(CBORError) -> UInt64 {
        let value = try take(count).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard value >= least else { throw CBORError(offset: start) }
        return value
    }
}
