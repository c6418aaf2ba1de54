// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A network device whose packets this program reads and writes (Linux `tun`, without headers of its
/// own: `Documentation/networking/tuntap.rst`).
final class TunDevice: Sendable {
    let name: String
    let file: Int32

    /// - Parameter name: At most 15 bytes, not in use.
    init(_ name: String) throws {
        self.name = name
        file = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw LinkObstacle.failed("/dev/net/tun", errno) }
        // struct ifreq: 16 bytes of name, then the flags.
        var request = [UInt8](repeating: 0, count: 40)
        request.replaceSubrange(0..<name.utf8.count, with: name.utf8)
        let flags: UInt16 = 0x0001 | 0x1000  // IFF_TUN, IFF_NO_PI
        request[16] = UInt8(flags & 0xff)
        request[17] = UInt8(flags >> 8)
        let done = request.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { ioctl(file, 0x4004_54ca, $0) } ?? -1  // TUNSETIFF
        }
        guard done == 0 else {
            let code = errno
            _ = close(file)
            throw LinkObstacle.failed("the device \(name)", code)
        }
    }

    deinit { _ = close(file) }

    /// The next packet, if one is there.
    func read() -> [UInt8]? {
        let packet = [UInt8](unsafeUninitializedCapacity: 2_048) { buffer, count in
            count = max(0, Foundation.read(file, buffer.baseAddress, buffer.count))
        }
        return packet.isEmpty ? nil : packet
    }

    /// What the kernel does not take, it would drop anyway.
    func write(_ packet: [UInt8]) {
        _ = packet.withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
    }
}

/// Why there can be no emulated line here.
public enum LinkObstacle: Error, Equatable, Sendable, CustomStringConvertible {
    case notRoot
    case failed(String, Int32)
    case command(String, String)

    public var description: String {
        switch self {
        case .notRoot: "only root may make network namespaces"
        case .failed(let what, let code):
            "\(what) can't be opened: \(String(cString: strerror(code)).lowercased())"
        case .command(let words, let errors): "`\(words)` failed: \(errors)"
        }
    }
}
