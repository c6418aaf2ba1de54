// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import NIOSSL
import SwiftASN1
import TingCore
import X509

/// A CA of the tests' own, and certificates of every kind, good and bad.
struct Authority {
    let certificate: Certificate
    private let key: Certificate.PrivateKey

    static let day: TimeInterval = 86_400

    init(_ name: String = "Test CA") throws {
        key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let subject = try DistinguishedName { CommonName(name) }
        certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey,
            notValidBefore: Date() - 3650 * Self.day, notValidAfter: Date() + 3650 * Self.day,
            issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true))
            }, issuerPrivateKey: key)
    }

    /// A certificate for a name or 127.0.0.1, with the key that belongs to it.
    func server(
        name: String? = nil, from: Date = Date() - day, to: Date = Date() + 30 * day
    ) throws -> (chain: [NIOSSLCertificate], key: NIOSSLPrivateKey) {
        let own = P256.Signing.PrivateKey()
        let alternative: GeneralName =
            name.map { .dnsName($0) }
            ?? .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1]))
        let leaf = try Certificate(
            version: .v3, serialNumber: .init(),
            publicKey: Certificate.PrivateKey(own).publicKey, notValidBefore: from,
            notValidAfter: to, issuer: certificate.subject,
            subject: try DistinguishedName { CommonName("server") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                SubjectAlternativeNames([alternative])
                try ExtendedKeyUsage([.serverAuth])
            }, issuerPrivateKey: key)
        let chain = try [leaf, certificate].map {
            try NIOSSLCertificate(bytes: Self.der($0), format: .der)
        }
        return (chain, try NIOSSLPrivateKey(bytes: Array(own.pemRepresentation.utf8), format: .pem))
    }

    var pem: String { (try? certificate.serializeAsPEM().pemString) ?? "" }

    /// What a join address would carry.
    func pin() throws -> Hash { Hash(of: try Self.der(certificate)) }

    private static func der(_ certificate: Certificate) throws -> [UInt8] {
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return serializer.serializedBytes
    }
}
