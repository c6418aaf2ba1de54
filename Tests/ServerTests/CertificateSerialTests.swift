// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import X509

@testable import TingServer

extension ServerTests {
    @Suite("The server's own certificates")
    struct CertificateSerialTests {
        @Test("serial numbers are positive, within 20 octets, and never the same")
        func serials() throws {
            let serials = try (0..<40).map { _ in
                Array(try CertificateAuthority(now: Date()).certificate.serialNumber.bytes)
            }
            #expect(serials.allSatisfy { $0.count == 16 && $0[0] < 0x80 })
            #expect(Set(serials).count == 40)
        }
    }
}
