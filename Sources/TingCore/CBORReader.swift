// SPDX-License-Identifier: Apache-2.0

/// Reads deterministic CBOR, and nothing else: every accepted input has exactly one encoding.
///
/// Goes through bytes that the caller lends, item by item, so that what is read a thousand times a
/// sync makes no tree of items first.
package struct CBORReader {
    private let bytes: UnsafeRawBufferPointer
    /// Where it stands, in bytes from the start.
    private(set) var at = 0
    private static let depthLimit = 16

    /// - Parameter bytes: Must stay while the reader is used.
    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    package func finish() throws(CBORError) {
        guard at == bytes.count else { throw CBORError(offset: at) }
    }

    // MARK: Items of a known kind

    package mutating func integer() throws(CBORError) -> Int64 {
        let start = at
        let (major, argument) = try head()
        guard major < 2, let integer = Int64(exactly: argument) else {
            throw CBORError(offset: start)
        }
        return major == 0 ? integer : -1 - integer
    }

    /// Bytes, lent like those that it reads.
    package mutating func data() throws(CBORError) -> UnsafeRawBufferPointer {
        try take(argument(of: 2))
    }

    package mutating func text() throws(CBORError) -> String {
        let start = at
        guard let text = Self.string(try utf8()) else {
            throw CBORError(offset: start)
        }
        return text
    }

    /// `nil` for what is no UTF-8: it is repaired then, and so has other bytes. `String(validating:)`
    /// says the same, and takes four times as long for a short text.
    private static func string(_ bytes: UnsafeRawBufferPointer) -> String? {
        let bytes = bytes.assumingMemoryBound(to: UInt8.self)
        let text = String(decoding: bytes, as: UTF8.self)
        let isSame = text.utf8.withContiguousStorageIfAvailable { $0.elementsEqual(bytes) }
        return isSame ?? text.utf8.elementsEqual(bytes) ? text : nil
    }

    /// A text's bytes, which may be no UTF-8.
    private mutating func utf8() throws(CBORError) -> UnsafeRawBufferPointer {
        try take(argument(of: 3))
    }

    /// The head of an array: how many items follow, never more than bytes are left.
    package mutating func array() throws(CBORError) -> Int { try length(of: 4) }

    /// Reads a map. `body` is given each key, in order, and reads the value.
    package mutating func map(
        _ body: (inout CBORReader, _ key: String) throws -> Void
    ) throws {
        let count = try length(of: 5)
        var last: UnsafeRawBufferPointer?
        for _ in 0..<count {
            let start = at
            let key = try utf8()
            guard last.map({ Self.precedes($0, key) }) ?? true,
                let name = Self.string(key)
            else { throw CBORError(offset: start) }
            last = key
            try body(&self, name)
        }
    }

    private static func precedes(
        _ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer
    ) -> Bool {
        a.count != b.count ? a.count < b.count : a.lexicographicallyPrecedes(b)
    }

    // MARK: Items of any kind

    /// Whether a null is next; it is passed then.
    package mutating func null() -> Bool {
        guard at < bytes.count, bytes[at] == 0xf6 else { return false }
        at += 1
        return true
    }

    /// What kind of item is next: 0 and 1 integers, 2 bytes, 3 text, 4 array, 5 map, 7 null; `nil`
    /// at the end.
    package var kind: UInt8? { at < bytes.count ? bytes[at] >> 5 : nil }

    mutating func item(depth: Int = 0) throws(CBORError) -> CBORItem {
        guard depth < Self.depthLimit else { throw CBORError(offset: at) }
        switch kind {
        case 0, 1: return .integer(try integer())
        case 2: return .bytes(Array(try data()))
        case 3: return .text(try text())
        case 4: return .array(try items(depth: depth + 1))
        case 5: return .map(try entries(depth: depth + 1))
        default:
            guard null() else { throw CBORError(offset: at) }
            return .null
        }
    }

    private mutating func items(depth: Int) throws(CBORError) -> [CBORItem] {
        let count = try array()
        var items: [CBORItem] = []
        for _ in 0..<count { items.append(try item(depth: depth)) }
        return items
    }

    private mutating func entries(
        depth: Int
    ) throws(CBORError) -> [(key: String, value: CBORItem)] {
        let count = try length(of: 5)
        var entries: [(key: String, value: CBORItem)] = []
        for _ in 0..<count {
            let start = at
            let key = try text()
            if let last = entries.last, !CBOREncoder.precedes(last.key, key) {
                throw CBORError(offset: start)
            }
            entries.append((key, try item(depth: depth)))
        }
        return entries
    }

    // MARK: Heads

    private mutating func length(of major: UInt8) throws(CBORError) -> Int {
        let start = at
        let argument = try self.argument(of: major)
        guard argument <= UInt64(bytes.count - at) else { throw CBORError(offset: start) }
        return Int(argument)
    }

    private mutating func argument(of major: UInt8) throws(CBORError) -> UInt64 {
        let start = at
        let (found, argument) = try head()
        guard found == major else { throw CBORError(offset: start) }
        return argument
    }

    private mutating func take(_ count: UInt64) throws(CBORError) -> UnsafeRawBufferPointer {
        guard count <= UInt64(bytes.count - at) else { throw CBORError(offset: at) }
        defer { at += Int(count) }
        return UnsafeRawBufferPointer(rebasing: bytes[at..<at + Int(count)])
    }

    private mutating func head() throws(CBORError) -> (major: UInt8, argument: UInt64) {
        let start = at
        guard at < bytes.count else { throw CBORError(offset: start) }
        let first = bytes[at]
        at += 1
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

/// Reads one item, as a tree: for what is read seldom.
package enum CBORDecoder {
    package static func decode(_ bytes: [UInt8]) throws(CBORError) -> CBORItem {
        let result = bytes.withUnsafeBytes { bytes -> Result<CBORItem, CBORError> in
            var reader = CBORReader(bytes)
            do throws(CBORError) {
                let item = try reader.item()
                try reader.finish()
                return .success(item)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
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
