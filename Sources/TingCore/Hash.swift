// SPDX-License-Identifier: Apache-2.0

import CSHA256
import Crypto

/// A SHA-256 hash (FIPS 180-4), written as 64 lower-case hexadecimal digits.
public struct Hash: Hashable, Sendable, CustomStringConvertible {
    // Four big-endian words, not an array: hashes are made by the dozen for each record.
    let first: UInt64
    let second: UInt64
    let third: UInt64
    let fourth: UInt64

    /// 32 zero bytes: where a chain of hashes begins.
    public static let zero = Hash(0, 0, 0, 0)

    /// The hash of `data`.
    public init(of data: [UInt8]) {
        self = data.withUnsafeBytes { Hash(of: $0) }
    }

    /// The hash of bytes in memory.
    package init(of data: UnsafeRawBufferPointer) {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let isDone = withUnsafeMutableBytes(of: &words) { words in
            ting_sha256(
                data.baseAddress, data.count, words.assumingMemoryBound(to: UInt64.self).baseAddress
            )
        }
        if isDone != 0 {
            self.init(words.0, words.1, words.2, words.3)
        } else {
            self.init(byCrypto: data)
        }
    }

    /// The same on any processor. It makes objects for each hash, which cost more than a short one.
    init(byCrypto data: UnsafeRawBufferPointer) {
        var function = SHA256()
        function.update(bufferPointer: data)
        self = function.finalize().withUnsafeBytes { Hash($0) }
    }

    public init?(bytes: some Collection<UInt8>) {
        let found = Array(bytes).withUnsafeBytes { Hash(bytes: $0) }
        guard let found else { return nil }
        self = found
    }

    /// Takes 32 bytes in memory.
    package init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 32 else { return nil }
        self.init(bytes)
    }

    /// Reads 64 lower-case hexadecimal digits.
    public init?(_ text: some StringProtocol) {
        guard let bytes = Hexadecimal.decode(text.utf8) else { return nil }
        self.init(bytes: bytes)
    }

    /// Takes the first 32 bytes of at least as many.
    private init(_ bytes: UnsafeRawBufferPointer) {
        func word(_ at: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: at * 8, as: UInt64.self))
        }
        self.init(word(0), word(1), word(2), word(3))
    }

    private init(_ first: UInt64, _ second: UInt64, _ third: UInt64, _ fourth: UInt64) {
        (self.first, self.second, self.third, self.fourth) = (first, second, third, fourth)
    }

    /// 32 bytes.
    public var bytes: [UInt8] { withBytes { Array($0) } }

    /// Lends the 32 bytes.
    package func withBytes<T>(_ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
        let words = (first.bigEndian, second.bigEndian, third.bigEndian, fourth.bigEndian)
        return try withUnsafeBytes(of: words) { try body($0) }
    }

    public var description: String { withBytes { Hexadecimal.encode($0) } }
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
