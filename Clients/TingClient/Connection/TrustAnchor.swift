// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOSSL
import SwiftASN1
import TingCore
import X509

/// Which certificates a client accepts as the root of a server's chain.
///
/// The host name is verified whatever the anchor.
public enum TrustAnchor: Equatable, Sendable {
    /// This CA and no other: its certificate in PEM, kept since the first contact.
    case authority(pem: String)
    /// The CAs in a PEM file.
    case file(String)
    /// The roots of the operating system (`SSL_CERT_FILE` where it is set).
    case system
}

extension TrustAnchor {
    func roots(environment: [String: String]) throws -> NIOSSLTrustRoots {
        switch self {
        case .authority(let pem): .certificates(try Self.certificates(pem: pem))
        case .file(let path): .certificates(try Self.certificates(file: path))
        case .system:
            if let file = environment["SSL_CERT_FILE"], !file.isEmpty {
                .certificates(try Self.certificates(file: file))
            } else {
                .default
            }
        }
    }

    /// The same roots for the verifier that explains failures.
    func store(environment: [String: String]) throws -> CertificateStore {
        switch self {
        case .authority(let pem): try Self.store(Self.certificates(pem: pem))
        case .file(let path): try Self.store(Self.certificates(file: path))
        case .system:
            if let file = environment["SSL_CERT_FILE"], !file.isEmpty {
                try Self.store(Self.certificates(file: file))
            } else {
                CertificateStore.systemTrustRoots
            }
        }
    }

    private static func store(_ certificates: [NIOSSLCertificate]) throws -> CertificateStore {
        CertificateStore(try certificates.map { try Certificate(derEncoded: $0.toDERBytes()) })
    }

    private static func certificates(file: String) throws -> [NIOSSLCertificate] {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw ClientError(
                .requestWide, code: "ca_not_read", "The CA file \(file) can't be read.",
                remedy: "Name a readable PEM file with `--tls-ca`.")
        }
        return try certificates(pem: String(decoding: data, as: UTF8.self))
    }

    private static func certificates(pem: String) throws -> [NIOSSLCertificate] {
        let found = (try? NIOSSLCertificate.fromPEMBytes(Array(pem.utf8))) ?? []
        guard !found.isEmpty else {
            throw ClientError(
                .requestWide, code: "ca_not_read", "The CA file holds no certificate in PEM.",
                remedy: "Name a PEM file with `--tls-ca`, or join again with a new address.")
        }
        return found
    }
}
