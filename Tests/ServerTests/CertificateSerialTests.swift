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

        @Test("a renewal keeps the names that the file was given while the server ran")
        func laterNames() throws {
            let (files, folder) = try Self.files()
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let now = Date()
            let running = try ServerCertificate(files, now: now)
            // `tingd certificate` beside it, and no SIGHUP.
            try files.issue(names: ["ting.example.org", "10.0.0.7"], now: now)
            #expect(try running.renewIfDue(now: now + 390 * 86_400))
            let names = ["10.0.0.7", "localhost", "ting.example.org"]
            #expect(try #require(files.names).sorted() == names)
            #expect(running.names.sorted() == names)
            #expect(running.end > now + 700 * 86_400)
        }

        @Test("a renewal beside a chain that can't be read keeps the names in use")
        func unreadableChain() throws {
            let (files, folder) = try Self.files()
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let running = try ServerCertificate(files, now: Date())
            try Data("nothing\n".utf8).write(to: URL(filePath: files.chain))
            #expect(try running.renewIfDue(now: Date() + 390 * 86_400))
            #expect(files.names == ["localhost"])
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
