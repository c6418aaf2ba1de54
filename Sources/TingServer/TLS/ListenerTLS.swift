// SPDX-License-Identifier: Apache-2.0

import NIOSSL
import Synchronization

/// The context of all handshakes under one certificate; made anew when that has changed.
///
/// A callback could give each handshake its certificate, but then each connection keeps a copy of the
/// chain as long as it is open.
final class ListenerTLS: Sendable {
    private struct Made {
        let number: Int
        let context: NIOSSLContext
    }

    private let certificate: ServerCertificate
    private let allowsTLS12: Bool
    private let made: Mutex<Made>

    init(_ certificate: ServerCertificate, allowsTLS12: Bool) throws {
        self.certificate = certificate
        self.allowsTLS12 = allowsTLS12
        made = Mutex(try Self.make(certificate, allowsTLS12))
    }

    var context: NIOSSLContext {
        made.withLock { made in
            // One that can't be used was refused when it was read.
            if made.number != certificate.number,
                let new = try? Self.make(certificate, allowsTLS12)
            {
                made = new
            }
            return made.context
        }
    }

    private static func make(_ certificate: ServerCertificate, _ allowsTLS12: Bool) throws -> Made {
        // The number first: a change in between is found by the next handshake.
        let number = certificate.number
        let configuration = certificate.listenerConfiguration(allowsTLS12: allowsTLS12)
        return Made(number: number, context: try NIOSSLContext(configuration: configuration))
    }
}
