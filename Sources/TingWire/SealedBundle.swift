// SPDX-License-Identifier: Apache-2.0

package import Crypto
import Foundation
import TingCore

/// Bytes that travel by hand: sealed by HPKE (RFC 9180), so that a courier can neither read nor
/// alter them.
///
/// A header says what it is and to whose key it is sealed; then come chunks, each authenticated with
/// the header, its place, and whether it is the last.
/// - SeeAlso: `Protocol/spec/bundle.md#the-file`.
package enum SealedBundle {
    /// Which way it travels.
    package enum Kind: UInt8, Sendable {
        case toServer = 1
        case reply = 2
    }

    package typealias PrivateKey = Curve25519.KeyAgreement.PrivateKey
    package typealias PublicKey = Curve25519.KeyAgreement.PublicKey

    private static let magic = Array("tingbndl".utf8) + [1]
    private static let headerByteCount = 9 + 1 + 32 + 32
    private static let tagByteCount = 16
    private static let suite = HPKE.Ciphersuite.Curve25519_SHA256_ChachaPoly

    private static func info(_ kind: Kind) -> Data {
        Data("ting bundle 1 \(kind == .toServer ? "to the server" : "reply")".utf8)
    }

    /// The most bytes of a file: contents within the limit, and what sealing adds.
    package static var fileByteLimit: Int {
        let chunks = Limits.bundleByteLimit / Limits.bundleChunkBytes + 1
        return headerByteCount + Limits.bundleByteLimit + chunks * tagByteCount
    }

    // MARK: Sealing

    /// Seals contents to a key.
    /// - Parameter sender: The key that proves who made it: a server's, for a reply.
    /// - Throws: `BundleError.tooLarge`.
    package static func seal(
        _ contents: [UInt8], as kind: Kind, to recipient: PublicKey, by sender: PrivateKey? = nil
    ) throws -> [UInt8] {
        guard contents.count <= Limits.bundleByteLimit else { throw BundleError.tooLarge }
        var context =
            if let sender {
                try HPKE.Sender(
                    recipientKey: recipient, ciphersuite: suite, info: info(kind),
                    authenticatedBy: sender)
            } else {
                try HPKE.Sender(recipientKey: recipient, ciphersuite: suite, info: info(kind))
            }
        let header =
            magic + [kind.rawValue] + recipient.rawRepresentation + context.encapsulatedKey
        var file = header
        var position = 0
        repeat {
            let end = min(position + Limits.bundleChunkBytes, contents.count)
            // A chunk that is full is never the last: the end shows by itself.
            let isLast = end - position < Limits.bundleChunkBytes
            file += try context.seal(
                contents[position..<end], authenticating: header + [isLast ? 1 : 0])
            position = end
            if isLast { return file }
        } while true
    }

    // MARK: Opening

    /// What a file says of itself, before anything is opened.
    package static func kind(of file: [UInt8]) throws -> Kind {
        guard file.starts(with: magic), file.count > magic.count,
            let kind = Kind(rawValue: file[magic.count])
        else { throw BundleError.notABundle }
        return kind
    }

    /// Opens a file that was sealed to this key.
    /// - Parameter sender: Who must have made it; `nil` where a signature inside says so.
    package static func open(
        _ file: [UInt8], as kind: Kind, with key: PrivateKey, from sender: PublicKey? = nil
    ) throws -> [UInt8] {
        guard try self.kind(of: file) == kind else { throw BundleError.wrongWay }
        guard file.count <= fileByteLimit else { throw BundleError.tooLarge }
        guard file.count >= headerByteCount + tagByteCount else { throw BundleError.damaged }
        let header = Array(file[..<headerByteCount])
        guard Array(header[10..<42]) == Array(key.publicKey.rawRepresentation) else {
            throw BundleError.otherRecipient
        }
        do {
            guard try PublicKey(rawRepresentation: header[42...]).givesSecret(to: key) else {
                throw BundleError.damaged
            }
            return try chunks(file[headerByteCount...], header, kind, key, sender)
        } catch {
            // Whatever was altered, the sums don't add up: there is no more to tell.
            throw BundleError.damaged
        }
    }

    private static func chunks(
        _ sealed: ArraySlice<UInt8>, _ header: [UInt8], _ kind: Kind, _ key: PrivateKey,
        _ sender: PublicKey?
    ) throws -> [UInt8] {
        let encapsulated = Data(header[42...])
        var context =
            if let sender {
                try HPKE.Recipient(
                    privateKey: key, ciphersuite: suite, info: info(kind),
                    encapsulatedKey: encapsulated, authenticatedBy: sender)
            } else {
                try HPKE.Recipient(
                    privateKey: key, ciphersuite: suite, info: info(kind),
                    encapsulatedKey: encapsulated)
            }
        let whole = Limits.bundleChunkBytes + tagByteCount
        var contents: [UInt8] = []
        contents.reserveCapacity(sealed.count)
        var rest = sealed
        while true {
            let isLast = rest.count < whole
            contents += try context.open(
                rest.prefix(whole), authenticating: header + [isLast ? 1 : 0])
            rest = rest.dropFirst(whole)
            if isLast { return contents }
        }
    }
}

/// Why a bundle is not taken.
package enum BundleError: Error, Equatable, Sendable, CaseIterable {
    case notABundle
    /// A reply where one to the server is due, or the reverse.
    case wrongWay
    /// Sealed to another key: another server's, or another device's.
    case otherRecipient
    /// Altered, cut, or sealed by somebody else.
    case damaged
    case tooLarge
}

extension SealedBundle.PublicKey {
    /// Whether agreeing on a secret with a key gives one: of a point of small order everybody knows the
    /// outcome, zeros, which no recipient may take (RFC 9180 § 7.1.4, RFC 7748 § 6.1).
    package func givesSecret(to key: SealedBundle.PrivateKey = .init()) -> Bool {
        guard let secret = try? key.sharedSecretFromKeyAgreement(with: self) else { return false }
        return secret.withUnsafeBytes { $0.contains { $0 != 0 } }
    }
}
