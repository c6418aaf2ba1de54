// SPDX-License-Identifier: Apache-2.0

import NIOSSL
public import TingCore

/// Turns the pin of a join address into the CA that it means.
///
/// A bare connection shows the chain; the certificate whose SHA-256 is the pin becomes the only
/// root of every later connection, which then checks chain, dates and name as usual.
/// - SeeAlso: `Protocol/spec/transport.md#joining`.
public enum FirstContact {
    /// - Throws: `ClientError`, or `CancellationError`.
    public static func authority(
        pinned pin: Hash, at server: ServerAddress, proxy: ProxySettings?, timeout: Duration
    ) async throws -> TrustAnchor {
        let probe = ServerProbe(server: server, proxy: proxy, timeout: timeout)
        let finding = try await probe.run { _ in false }
        guard !finding.chain.isEmpty else { throw probe.explained(finding) }
        for certificate in finding.chain {
            let der = try certificate.toDERBytes()
            if Hash(of: der) == pin { return .authority(pem: PEMText.certificate(der)) }
        }
        throw ClientError(
            .requestWide, code: "pin_mismatch",
            "The server at \(server) is not the one that the join address names.",
            remedy: "Ask for a new join address; if it fails again, somebody may be listening in.")
    }
}
