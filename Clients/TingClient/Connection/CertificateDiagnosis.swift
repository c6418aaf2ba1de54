// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOSSL
import SwiftASN1
import Synchronization
@_spi(FixedExpiryValidationTime) import X509

/// Finds out why a server's certificate was refused: an unknown CA, its dates, or its name.
///
/// BoringSSL tells an expired certificate and an unknown CA apart in its error stack alone, so
/// the chain is looked at again, over a probe that checks everything but the dates.
struct CertificateDiagnosis {
    let probe: ServerProbe
    let anchor: TrustAnchor
    let environment: [String: String]
    /// The local clock.
    let now: Date

    /// The error to show instead of TLS's own; never an acceptance.
    /// - Parameter nameFailed: whether TLS itself said that the name was what it missed.
    func explain(nameFailed: Bool) async throws -> ClientError {
        let roots = try anchor.store(environment: environment)
        let finding = try await probe.run { await Self.isTrusted($0, by: roots) }
        guard !finding.chain.isEmpty else { return probe.explained(finding) }
        guard await Self.isTrusted(finding.chain, by: roots) else { return unknownAuthority }
        let start = Date(
            timeIntervalSince1970: Double(finding.chain.map(\.notValidBefore).max() ?? 0))
        let end = Date(timeIntervalSince1970: Double(finding.chain.map(\.notValidAfter).min() ?? 0))
        guard now < start || now > end else {
            return nameFailed ? wrongName : .noAgreement(probe.server)
        }
        let serverTime = (try? finding.answer.get()).flatMap(HTTPDate.field)
        // A server whose own clock finds its certificate valid shows that ours is wrong.
        if let serverTime, serverTime >= start, serverTime <= end {
            return wrongClock(serverTime)
        }
        return now > end ? expired(end) : notYetValid(start)
    }

    /// Whether the chain leads to a root, at a date at which all of it is valid.
    private static func isTrusted(
        _ chain: [NIOSSLCertificate], by roots: CertificateStore
    ) async -> Bool {
        let parsed = chain.compactMap { try? Certificate(derEncoded: $0.toDERBytes()) }
        guard parsed.count == chain.count, let leaf = parsed.first else { return false }
        let date = parsed.map(\.notValidBefore).max() ?? .distantPast
        var verifier = Verifier(rootCertificates: roots) {
            RFC5280Policy(fixedExpiryValidationTime: date)
        }
        let result = await verifier.validate(
            leaf: leaf, intermediates: CertificateStore(parsed.dropFirst()))
        if case .validCertificate = result { return true }
        return false
    }

    private var unknownAuthority: ClientError {
        ClientError(
            .requestWide, code: "certificate_unknown_ca",
            "The certificate of \(probe.server) is signed by a CA that this device does not trust.",
            remedy:
                "Another server, or somebody in between, may be answering; if the server was set up anew, join again with a new address."
        )
    }

    private var wrongName: ClientError {
        ClientError(
            .requestWide, code: "certificate_wrong_name",
            "The certificate of \(probe.server) is for another name.",
            remedy:
                "Use a name that the certificate has; the operator adds one with `tingd certificate --host \(probe.server.host)`."
        )
    }

    private func expired(_ end: Date) -> ClientError {
        ClientError(
            .requestWide, code: "certificate_expired",
            "The certificate of \(probe.server) ended on \(HTTPDate.text(end)).",
            remedy: "Ask the operator to renew it; edits are kept meanwhile.")
    }

    private func notYetValid(_ start: Date) -> ClientError {
        ClientError(
            .requestWide, code: "certificate_not_yet_valid",
            "The certificate of \(probe.server) is valid only from \(HTTPDate.text(start)).",
            remedy: "Check this computer's clock, and ask the operator to check the server's.")
    }

    private func wrongClock(_ serverTime: Date) -> ClientError {
        ClientError(
            .requestWide, code: "clock_wrong",
            "This computer's clock says \(HTTPDate.text(now)), the server's \(HTTPDate.text(serverTime)): its certificate is not valid at your date.",
            remedy: "Set this computer's clock, then run the command again; edits are kept.",
            serverTime: Int64(serverTime.timeIntervalSince1970 * 1000))
    }
}
