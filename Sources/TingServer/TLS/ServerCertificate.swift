// SPDX-License-Identifier: Apache-2.0

package import Foundation
import NIOCore
import NIOHTTP2
package import NIOSSL
import SwiftASN1
import Synchronization
package import TingCore
import TingStore
import X509

/// The certificate that the server shows: read from its files, changed without a restart.
///
/// Each handshake takes what is current; open connections go on.
package final class ServerCertificate: Sendable {
    private struct Current {
        var chain: [NIOSSLCertificate]
        var key: NIOSSLPrivateKey
        var leaf: Certificate
        /// How often it was read.
        var number = 0
    }

    private let files: TLSFiles
    private let current: Mutex<Current>

    /// Reads the files as they are.
    package init(reading files: TLSFiles) throws {
        self.files = files
        current = Mutex(try Self.read(files))
    }

    /// Reads the files, and mends them if they are the server's own.
    package init(_ files: TLSFiles, now: Date) throws {
        self.files = files
        do {
            current = Mutex(try Self.read(files))
        } catch {
            // A kill in the middle of a renewal leaves a key and a chain that do not match.
            guard files.isOwn, let names = files.names else { throw error }
            try files.issue(names: names, now: now)
            current = Mutex(try Self.read(files))
        }
        // Before the first handshake; what can't be renewed now is tried again, and logged, later.
        _ = try? renewIfDue(now: now)
    }

    /// Reads the files anew. If they are not right, the certificate in use stays.
    package func reload() throws {
        let read = try Self.read(files)
        current.withLock { current in
            let number = current.number + 1
            current = read
            current.number = number
        }
    }

    /// Another number after each change.
    var number: Int { current.withLock { $0.number } }

    package var end: Date { current.withLock { $0.leaf.notValidAfter } }

    package var names: [String] { (try? current.withLock { $0.leaf }.names) ?? [] }

    /// Renews the server's own certificate when its end is near, or its beginning still to come: it was
    /// made by a clock that was ahead. `true` if another one is in use now.
    ///
    /// `tingd certificate` may have written one meanwhile, and nobody told this process: where that is
    /// good for long it is taken as it is, and a new one gets the names of both.
    package func renewIfDue(now: Date) throws -> Bool {
        guard files.isOwn, isDue(now) else { return false }
        let before = names
        try? reload()
        if isDue(now) {
            let written = files.names ?? []
            try files.issue(names: written + before.filter { !written.contains($0) }, now: now)
            try reload()
        }
        return true
    }

    private func isDue(_ now: Date) -> Bool {
        let leaf = current.withLock { $0.leaf }
        let margin = Double(Limits.certificateRenewalDays) * 86_400
        return leaf.notValidAfter < now.addingTimeInterval(margin) || leaf.notValidBefore > now
    }

    /// What a listener needs: TLS 1.3, or 1.2 as well when the operator asks for it.
    package func listenerConfiguration(allowsTLS12: Bool) -> TLSConfiguration {
        let now = current.withLock { $0 }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: now.chain.map { .certificate($0) }, privateKey: .privateKey(now.key))
        configuration.minimumTLSVersion = allowsTLS12 ? .tlsv12 : .tlsv13
        // A peer that does not answer our goodbye holds up nobody's shutdown.
        configuration.shutdownTimeout = .seconds(1)
        configuration.applicationProtocols = NIOHTTP2SupportedALPNProtocols
        return configuration
    }

    private static func read(_ files: TLSFiles) throws -> Current {
        do {
            let chainPEM = Array(try Data(contentsOf: URL(fileURLWithPath: files.chain)))
            let keyPEM = Array(try Data(contentsOf: URL(fileURLWithPath: files.key)))
            let chain = try NIOSSLCertificate.fromPEMBytes(chainPEM)
            guard let first = chain.first else { throw NIOSSLError.failedToLoadCertificate }
            let key = try NIOSSLPrivateKey(bytes: keyPEM, format: .pem)
            var check = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            check.minimumTLSVersion = .tlsv13
            _ = try NIOSSLContext(configuration: check)  // Refuses a key of another certificate.
            return Current(
                chain: chain, key: key, leaf: try Certificate(derEncoded: try first.toDERBytes()))
        } catch {
            throw ServerError(
                "The TLS certificate in \(files.chain) and the key in \(files.key) can't be used.",
                hint:
                    "Both are PEM files; the chain begins with the server's certificate, and the key belongs to it."
            )
        }
    }
}

/// Where the certificate lies, and the CA that made it if it is the server's own.
package struct TLSFiles: Sendable {
    package let chain: String
    package let key: String
    private let ca: (certificate: String, key: String)?

    /// The server's own CA and certificate, unless the operator named files of theirs.
    package init(_ folder: DataFolder, _ configuration: ServerSettings) {
        if let chain = configuration.tlsCertificate, let key = configuration.tlsKey {
            self.chain = chain
            self.key = key
            ca = nil
        } else {
            chain = "\(folder.tls)/server.pem"
            key = "\(folder.tls)/server.key"
            ca = ("\(folder.tls)/ca.pem", "\(folder.tls)/ca.key")
        }
    }

    package var isOwn: Bool { ca != nil }

    /// The SHA-256 of the server's own CA; `nil` where a public CA vouches.
    package var pin: Hash? {
        get throws {
            guard let ca else { return nil }
            return try Certificate(
                pemEncoded: String(contentsOfFile: ca.certificate, encoding: .utf8)
            )
            .pin
        }
    }

    /// The names in the certificate file, whether or not its key is there.
    var names: [String]? {
        guard let text = try? String(contentsOfFile: chain, encoding: .utf8),
            let document = try? PEMDocument.parseMultiple(pemString: text).first
        else { return nil }
        return try? Certificate(pemDocument: document).names
    }

    /// Makes the CA, once, and a first certificate.
    package func create(names: [String], now: Date) throws {
        guard let ca else { return }
        let authority = try CertificateAuthority(now: now)
        try WholeFile.write(Data(try authority.keyPEM.utf8), to: ca.key)
        try WholeFile.write(
            Data(try authority.certificate.serializeAsPEM().pemString.utf8 + [0x0a]),
            to: ca.certificate)
        try issue(names: names, now: now)
    }

    /// Writes a new certificate and key. The key goes first: until the chain follows, the pair does
    /// not match, and a reload in between keeps what is in use.
    func issue(names: [String], now: Date) throws {
        guard let ca else { return }
        let authority = try CertificateAuthority(
            certificatePEM: String(contentsOfFile: ca.certificate, encoding: .utf8),
            keyPEM: String(contentsOfFile: ca.key, encoding: .utf8))
        let validity = authority.certificate.notValidBefore...authority.certificate.notValidAfter
        guard validity.contains(now) else {
            // A clock that is decades ahead or behind must not replace what is good today.
            throw ServerError(
                "The CA in \(ca.certificate) is not valid at this computer's date.",
                hint: "Check this computer's clock.")
        }
        let issued = try authority.issue(names: names, now: now)
        try WholeFile.write(Data(issued.keyPEM.utf8), to: key)
        try WholeFile.write(Data(issued.chainPEM.utf8), to: chain)
    }
}
