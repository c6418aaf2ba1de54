// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
package import TingCore

/// Tokens and join codes: made once, given to one person, kept by the server as hashes only.
package enum Secret {
    /// A device token: 256 bits in base64url (RFC 4648 § 5), 43 characters.
    ///
    /// The same for the same join. Who knows the code lacks the salt, and who reads the server's files
    /// lacks the code, of which they hold a hash.
    package static func token(code: String, publicKey: [UInt8], salt: [UInt8]) -> String {
        let joined = Array("ting join token".utf8) + Array(code.utf8) + publicKey
        let bytes = HMAC<SHA256>.authenticationCode(for: joined, using: SymmetricKey(data: salt))
        return encode(Array(bytes), Array(base64url), bitsEach: 6)
    }

    /// A join code: 130 random bits in lower-case base32 (RFC 4648 § 6), 26 characters.
    package static func joinCode() -> String {
        String(encode(randomBytes(17), Array(base32), bitsEach: 5).prefix(26))
    }

    /// A key for receipts, or another secret of `count` bytes.
    package static func randomBytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in generator.next() }
    }

    /// What the server keeps of a secret. The secrets are long and random: no salt is needed.
    package static func hash(of secret: some StringProtocol) -> Hash {
        Hash(of: Array(secret.utf8))
    }

    private static let base32 = "abcdefghijklmnopqrstuvwxyz234567".utf8
    private static let base64url =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8

    private static func encode(_ bytes: [UInt8], _ alphabet: [UInt8], bitsEach: Int) -> String {
        var text: [UInt8] = []
        var pending = 0
        var bits = 0
        for byte in bytes {
            pending = (pending << 8 | Int(byte)) & 0xffff
            bits += 8
            while bits >= bitsEach {
                bits -= bitsEach
                text.append(alphabet[pending >> bits & (1 << bitsEach - 1)])
            }
        }
        if bits > 0 { text.append(alphabet[pending << (bitsEach - bits) & (1 << bitsEach - 1)]) }
        return String(decoding: text, as: UTF8.self)
    }
}
