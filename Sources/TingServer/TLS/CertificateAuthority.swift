// SPDX-License-Identifier: Apache-2.0

import Crypto
package import Foundation
import SwiftASN1
package import TingCore
package import X509

/// The server's own CA: the one root that members who join by a pin trust from then on.
package struct CertificateAuthority: Sendable {
    package let certificate: Certificate
    private let key: Certificate.PrivateKey

    /// Ten years: a pin is given out once, and members keep the CA.
    private static let years = 10
    /// 397 days: the longest that common TLS clients accept for a server.
    private static let leafDays = 397

    /// A random number that is positive in DER, so that it fits into 20 octets (RFC 5280 § 4.1.2.2).
    private static func serialNumber() -> Certificate.SerialNumber {
        var bytes = Secret.randomBytes(16)
        bytes[0] = bytes[0] & 0x7f | 0x40
        return Certificate.SerialNumber(bytes: bytes)
    }

    /// Makes a new CA.
    package init(now: Date) throws {
        let secret = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let name = try DistinguishedName {
            OrganizationName("Ting")
            // Two CAs never share a name, so that a chain is built from the right one.
            CommonName("Ting CA \(Hexadecimal.encode(Secret.randomBytes(4)))")
        }
        key = secret
        certificate = try Certificate(
            version: .v3, serialNumber: Self.serialNumber(), publicKey: secret.publicKey,
            notValidBefore: Self.start(now), notValidAfter: now.addingDays(365 * Self.years + 3),
            issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: secret.publicKey)
            }, issuerPrivateKey: secret)
    }

    /// Reads a CA that `write` wrote.
    package init(certificatePEM: String, keyPEM: String) throws {
        certificate = try Certificate(pemEncoded: certificatePEM)
        key = try Certificate.PrivateKey(pemEncoded: keyPEM)
    }

    package var keyPEM: String {
        get throws { try key.serializeAsPEM().pemString }
    }

    /// A new certificate and key for a server with these names (DNS names and IP addresses).
    package func issue(names: [String], now: Date) throws -> (chainPEM: String, keyPEM: String) {
        let secret = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let alternatives = try names.map(GeneralName.init(host:))
        let leaf = try Certificate(
            version: .v3, serialNumber: Self.serialNumber(), publicKey: secret.publicKey,
            notValidBefore: Self.start(now),
            notValidAfter: min(now.addingDays(Self.leafDays), certificate.notValidAfter),
            issuer: certificate.subject,
            subject: try DistinguishedName { CommonName(names.first ?? "tingd") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(alternatives)
                SubjectKeyIdentifier(hash: secret.publicKey)
                AuthorityKeyIdentifier(keyIdentifier: try authorityKeyIdentifier)
            }, issuerPrivateKey: key)
        let chain = try [leaf, certificate].map { try $0.serializeAsPEM().pemString }
        return (chain.joined(separator: "\n") + "\n", try secret.serializeAsPEM().pemString)
    }

    private var authorityKeyIdentifier: ArraySlice<UInt8>? {
        get throws { try certificate.extensions.subjectKeyIdentifier?.keyIdentifier }
    }

    /// An hour ago: a client's clock may be a little late.
    private static func start(_ now: Date) -> Date { now.addingTimeInterval(-3_600) }
}

extension Certificate {
    /// The SHA-256 of the certificate's DER: what a join address pins.
    package var pin: Hash {
        get throws {
            var serializer = DER.Serializer()
            try serializer.serialize(self)
            return Hash(of: serializer.serializedBytes)
        }
    }

    /// The DNS names and IP addresses that the certificate is for, as text.
    package var names: [String] {
        get throws {
            try extensions.subjectAlternativeNames?.compactMap { name in
                switch name {
                case .dnsName(let name): name
                case .ipAddress(let bytes): IPAddress.text(Array(bytes.bytes))
                default: nil
                }
            } ?? []
        }
    }
}

extension Date {
    fileprivate func addingDays(_ days: Int) -> Date { addingTimeInterval(Double(days) * 86_400) }
}

extension GeneralName {
    fileprivate init(host: String) throws {
        if let bytes = IPAddress.bytes(host) {
            self = .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
        } else if IPAddress.isHostName(host) {
            self = .dnsName(host.lowercased())
        } else {
            throw ServerError(
                "\(host) is neither a host name nor an IP address.",
                hint: "Give names like ting.example.org or 192.0.2.1, without port or scheme.")
        }
    }
}
