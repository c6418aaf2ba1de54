// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import X509

@testable import TingServer

extension ServerTests {
    @Suite("The server's own certificates")
    struct CertificateSerialTests {
        @Test("one made by a clock that was ahead is made anew when the clock is right again")
        func notYetValid() throws {
            let (files, folder) = try Self.files()
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let today = Date()
            let inTwoYears = today + 730 * 86_400
            #expect(try ServerCertificate(reading: files).renewIfDue(now: inTwoYears))
            let certificate = try ServerCertificate(files, now: today)
            #expect(certificate.end < today + 398 * 86_400)
            #expect(try !certificate.renewIfDue(now: today))
        }

        @Test(
            "a clock at which the CA itself is not valid changes nothing", arguments: [-60.0, 70])
        func astray(years: Double) throws {
            let (files, folder) = try Self.files()
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let before = try ServerCertificate(reading: files).end
            let astray = Date() + years * 365 * 86_400
            #expect(throws: ServerError.self) {
                try ServerCertificate(reading: files).renewIfDue(now: astray)
            }
            #expect(try ServerCertificate(files, now: astray).end == before)
        }

        /// The files of a new server.
        private static func files() throws -> (TLSFiles, folder: String) {
            let path = TestFolder.new()
            let files = TLSFiles(try DataFolder(creating: path), ServerSettings())
            try files.create(names: ["localhost"], now: Date())
            return (files, path)
        }

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
