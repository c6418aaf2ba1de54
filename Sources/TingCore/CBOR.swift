// SPDX-License-Identifier: Apache-2.0

/// Writes the deterministic CBOR of RFC 8949 § 4.2: shortest heads, definite lengths, no floats.
///
/// The caller writes map keys in the order of § 4.2.1 (bytewise order of their encodings).
package struct CBOREncoder {
    package private(set) var bytes: [UInt8] = []

    /// - Parameter capacity: The bytes that it will come to, about.
    package init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

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

    package mutating func encode(bytes hash: Hash) {
        head(2, 32)
        hash.withBytes { bytes.append(contentsOf: $0) }
    }

    package mutating func encode(bytes id: ID<some Any>) {
        head(2, 16)
        id.withBytes { bytes.append(contentsOf: $0) }
    }

    package mutating func encode(_ text: String) {
        head(3, UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    /// Bytes of UTF-8 as a text.
    package mutating func encode(text: ArraySlice<UInt8>) {
        head(3, UInt64(text.count))
        bytes.append(contentsOf: text)
    }

    /// Bytes as they are: what is hashed together with CBOR.
    package mutating func append(raw data: some Collection<UInt8>) {
        bytes.append(contentsOf: data)
    }

    /// The hash of what was written.
    package var hash: Hash { bytes.withUnsafeBytes { Hash(of: $0) } }

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

    /// The order of § 4.2.1 among text keys: the length stands in the head, so shorter comes first.
    package static func precedes(_ a: String, _ b: String) -> Bool {
        a.utf8.count != b.utf8.count ? a.utf8.count < b.utf8.count : a.precedesInBytes(b)
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

/// What stands under its name in a map.
protocol MapEntry {
    var field: String { get }
}

extension FieldEdit: MapEntry {}
extension FieldValue: MapEntry {}

/// Visits the entries of a map in the order of their keys, by position.
///
/// They come ascending by name, as field edits and values do, so that each finds its place among those
/// of its length at once; no element is copied.
@inline(__always)
func forEachInMapOrder<Entry: MapEntry>(
    _ entries: UnsafeBufferPointer<Entry>, _ body: (Int) -> Void
) {
    let count = entries.count
    guard count <= 64 else {
        return entries.indices.sorted {
            CBOREncoder.precedes(entries[$0].field, entries[$1].field)
        }.forEach(body)
    }
    withUnsafeTemporaryAllocation(of: (position: Int, length: Int).self, capacity: count) {
        order in
        for position in 0..<count {
            let length = entries[position].field.utf8.count
            var place = position
            while place > 0 {
                let before = order[place - 1]
                guard
                    length < before.length
                        || length == before.length
                            && entries[position].field.precedesInBytes(
                                entries[before.position].field)
                else { break }
                order.initializeElement(at: place, to: before)
                place -= 1
            }
            order.initializeElement(at: place, to: (position, length))
        }
        for place in 0..<count { body(order[place].position) }
    }
}
