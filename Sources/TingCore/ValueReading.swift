// SPDX-License-Identifier: Apache-2.0

extension Value {
    /// Reads the JSON of `json`: null, an integer, a text or an array of texts. `nil` for anything else.
    public init?(json: String) {
        var reader = JSONReader(bytes: Array(json.utf8))
        guard let value = reader.value(), reader.isAtEnd else { return nil }
        self = value
    }
}

extension [String] {
    /// Whether they are a set's elements as they stand: ascending, none twice, normalised.
    fileprivate var isSet: Bool {
        allSatisfy(\.isNormalized) && zip(self, dropFirst()).allSatisfy { $0.precedesInBytes($1) }
    }
}

private struct JSONReader {
    let bytes: [UInt8]
    var at = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return at == bytes.count
        }
    }

    mutating func value() -> Value? {
        skipSpace()
        guard at < bytes.count else { return nil }
        switch bytes[at] {
        case UInt8(ascii: "\""): return text().map { .text($0) }
        case UInt8(ascii: "["): return array()
        case UInt8(ascii: "n"):
            guard bytes[at...].starts(with: "null".utf8) else { return nil }
            at += 4
            return .null
        default:
            let start = at
            while at < bytes.count, bytes[at] == UInt8(ascii: "-") || (48...57).contains(bytes[at])
            {
                at += 1
            }
            let digits = String(decoding: bytes[start..<at], as: UTF8.self)
            // JSON has one form of each integer, and -0 beside it.
            guard let number = Int64(digits), digits == String(number) || digits == "-0" else {
                return nil
            }
            return .integer(number)
        }
    }

    private mutating func array() -> Value? {
        at += 1
        var elements: [String] = []
        skipSpace()
        if take("]") { return .set([]) }
        while true {
            skipSpace()
            guard let text = text() else { return nil }
            elements.append(text)
            skipSpace()
            if take("]") { return elements.isSet ? .set(elements) : .set(of: elements) }
            guard take(",") else { return nil }
        }
    }

    private mutating func text() -> String? {
        guard take("\"") else { return nil }
        var scalars = String.UnicodeScalarView()
        let start = at
        var run = at
        func flush(_ end: Int) -> Bool {
            guard let part = String(validating: bytes[run..<end], as: UTF8.self) else {
                return false
            }
            scalars.append(contentsOf: part.unicodeScalars)
            return true
        }
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "\"") where run == start:
                at += 1
                return String(validating: bytes[start..<at - 1], as: UTF8.self)
            case UInt8(ascii: "\""):
                guard flush(at) else { return nil }
                at += 1
                return String(scalars)
            case UInt8(ascii: "\\"):
                guard flush(at), let scalar = escape() else { return nil }
                scalars.append(scalar)
                run = at
            case 0..<0x20: return nil
            default: at += 1
            }
        }
        return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
        guard at + 1 < bytes.count else { return nil }
        at += 2
        switch bytes[at - 1] {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "u"):
            guard let unit = unit() else { return nil }
            guard UTF16.isLeadSurrogate(unit) else { return Unicode.Scalar(unit) }
            guard take("\\"), take("u"), let trail = self.unit(), UTF16.isTrailSurrogate(trail)
            else { return nil }
            return Unicode.Scalar(
                0x10000 + (UInt32(unit) - 0xd800) << 10 + (UInt32(trail) - 0xdc00))
        case let byte:
            return ["\"", "\\", "/"].contains(Unicode.Scalar(byte)) ? Unicode.Scalar(byte) : nil
        }
    }

    private mutating func unit() -> UInt16? {
        guard at + 4 <= bytes.count else { return nil }
        defer { at += 4 }
        let digits = String(decoding: bytes[at..<at + 4], as: UTF8.self)
        // A sign is none, though a number may have one.
        return digits.allSatisfy(\.isHexDigit) ? UInt16(digits, radix: 16) : nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard at < bytes.count, bytes[at] == UInt8(ascii: character) else { return false }
        at += 1
        return true
    }

    private mutating func skipSpace() {
        while at < bytes.count, [0x20, 0x0a, 0x0d, 0x09].contains(bytes[at]) { at += 1 }
    }
}
