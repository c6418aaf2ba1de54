// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import TingClient

/// What a person sees at the terminal when a server's certificate is not to be trusted.
@Suite("Certificates that `ting` itself refuses")
struct ProgramTrustTests {
    private struct Result { var status: Int32, errors: String }

    /// Runs the built `ting` with no home of its own.
    private func ting(_ arguments: [String]) throws -> Result {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "ting-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let errors = folder.appending(path: "errors")
        try Data().write(to: errors)
        let process = Process()
        process.executableURL = URL(filePath: CommandLine.arguments[0])
            .deletingLastPathComponent().appending(path: "ting")
        process.arguments = arguments
        process.environment = ["TING_HOME": folder.path, "LANG": "C.UTF-8"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: errors)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus,
            errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        /// Days from now at which the certificate begins and ends.
        var days: ClosedRange<Double> = -1...30
        var certificateName: String?
        /// Whether the pin is that of another CA.
        var isWrongPin = false
        /// Days by which the server's clock is ahead.
        var serverClock: Double = 0
        var code: String
        var says: String

        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "a pin of another CA", isWrongPin: true, code: "pin_mismatch",
            says: "is not the one that the join address names"),
        Case(
            name: "an ended certificate", days: -40...(-10), code: "certificate_expired",
            says: "Ask the operator to renew it"),
        Case(
            name: "a certificate of the future", days: 10...40, code: "certificate_not_yet_valid",
            says: "Check this computer's clock"),
        Case(
            name: "a certificate for another host", certificateName: "other.example",
            code: "certificate_wrong_name", says: "is for another name"),
        Case(
            name: "a local clock that is years behind", days: 1999...2001, serverClock: 2000,
            code: "clock_wrong", says: "Set this computer's clock"),
        Case(
            name: "a local clock that is years ahead", days: -2001...(-1999), serverClock: -2000,
            code: "clock_wrong", says: "Set this computer's clock"),
    ]

    @Test("are named, with the remedy, before the code leaves", .tags(.promise9), arguments: cases)
    func refused(_ row: Case) async throws {
        let authority = try Authority()
        let now = Date()
        let identity = try authority.server(
            name: row.certificateName, from: now + row.days.lowerBound * Authority.day,
            to: now + row.days.upperBound * Authority.day)
        let serverTime = now + row.serverClock * Authority.day
        let server = try await LittleServer(chain: identity.chain, key: identity.key) { _ in
            var answer = LittleServer.Answer()
            answer.headers = ["Date": CertificateTests.httpDate(serverTime)]
            return answer
        }
        let pin = row.isWrongPin ? try Authority().pin() : try authority.pin()
        let code = String(repeating: "a", count: 26)
        let result = try ting([
            "join", "ting://127.0.0.1:\(server.port)/join?code=\(code)&pin=\(pin)", "--timeout",
            "5",
        ])
        #expect(result.status == 1)
        #expect(result.errors.contains("(\(row.code))"), "\(result.errors)")
        #expect(result.errors.contains(row.says), "\(result.errors)")
        if row.serverClock != 0 { #expect(result.errors.contains(HTTPDate.text(serverTime))) }
        // At most the probe's question for the time: no code, no token.
        #expect(server.asked.allSatisfy { $0.path == "/healthz" && $0.body.isEmpty })
    }
}
