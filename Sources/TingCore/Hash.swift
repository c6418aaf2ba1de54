// SPDX-License-Identifier: Apache-2.0

import Crypto

/// A SHA-256 hash (FIPS 180-4), written as 64 lower-case hexadecimal digits.
public struct Hash: Hashable, Sendable, CustomStringConvertible {
    /// 32 bytes.
    public let bytes: [UInt8]

    /// 32 zero bytes: where a chain of hashes begins.
    public static let zero = Hash(unchecked: [UInt8](repeating: 0, count: 32))

    /// The hash of `data`.
    public init(of data: [UInt8]) {
        var function = SHA256()
        data.withUnsafeBytes { function.update(bufferPointer: $0) }
        bytes = Array(function.finalize())
    }

    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        self.bytes = Array(bytes)
    }

    /// Reads 64 lower-case hexadecimal digits.
    public init?(_ text: some StringProtocol) {
        guard let bytes = Hexadecimal.decode(text.utf8), bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    public var description: String { Hexadecimal.encode(bytes) }
}

/// HMAC-SHA-256 (RFC 2104) of `data` under `key`: 32 bytes.
package func authenticationCode(_ data: [UInt8], key: [UInt8]) -> [UInt8] {
    var function = HMAC<SHA256>(key: SymmetricKey(data: key))
    data.withUnsafeBytes { function.update(data: $0) }
    return Array(function.finalize())
}

/// Lower-case hexadecimal digits.
package enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        String(unsafeUninitializedCapacity: bytes.count * 2) { buffer in
            var at = 0
            for byte in bytes {
                buffer[at] = digits[Int(byte >> 4)]
                buffer[at + 1] = digits[Int(byte & 15)]
                at += 2
            }
            return at
        }
    }

    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        var pending: UInt8?
        for character in text {
            let digit: UInt8
            switch character {
            case 0x30...0x39: digit = character - 0x30
            case 0x61...0x66: digit = character - 0x61 + 10
            default: return nil
            }
            if let high = pending {
                bytes.append(high << 4 | digit)
                pending = nil
            } else {
                pending = digit
            }
        }
        return bytes
    }
}
