// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingCore

/// Addresses of the internet protocol, as text and as bytes in network order.
enum IPAddress {
    /// Four or sixteen bytes, or `nil` for what is no address.
    static func bytes(_ text: String) -> [UInt8]? {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &bytes) == 1 { return bytes }
        }
        return nil
    }

    static func text(_ bytes: [UInt8]) -> String? {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        var buffer = [CChar](repeating: 0, count: 64)
        guard
            inet_ntop(
                bytes.count == 4 ? AF_INET : AF_INET6, bytes, &buffer, socklen_t(buffer.count))
                != nil
        else { return nil }
        return String(
            decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Who has one address of IPv6 has 2⁶⁴ of them: the network counts (RFC 6177).
    static func network(of peer: String) -> String {
        guard let bytes = bytes(peer), bytes.count == 16 else { return peer }
        // An address of IPv4 in the form of IPv6.
        let isMapped = bytes.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
        return Hexadecimal.encode(isMapped ? bytes : Array(bytes.prefix(8)))
    }

    /// Whether an address is this machine's own, in either form.
    static func isLoopback(_ text: String) -> Bool {
        guard let bytes = bytes(text) else { return false }
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127]
        return bytes.count == 4
            ? bytes[0] == 127
            : bytes.starts(with: mapped) || bytes == [UInt8](repeating: 0, count: 15) + [1]
    }

    /// Letters, digits, hyphens and dots, and no empty label.
    static func isHostName(_ text: String) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return text.utf8.count <= 253
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count)
                    && label.utf8.allSatisfy {
                        (0x30...0x39).contains($0) || (0x61...0x7a).contains($0 | 0x20)
                            || $0 == 0x2d || $0 == 0x2a
                    }
            }
    }
}
