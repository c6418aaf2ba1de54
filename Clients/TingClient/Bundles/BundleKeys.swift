// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import TingCore
import TingWire

/// What a device seals and opens bundles with.
package struct BundleKeys: Sendable {
    let device: DeviceID
    /// Signs: the key that the device joined with.
    let signing: P256.Signing.PrivateKey
    /// Opens replies; made on this device, and never leaves it.
    let reply: SealedBundle.PrivateKey
    /// The server's, kept since it was first heard over TLS.
    let server: SealedBundle.PublicKey
}

extension ClientHome {
    /// The keys for bundles to the server at `url`.
    /// - Throws: `ClientError` where this device has not joined, or never heard the server's key.
    package func bundleKeys(_ url: String) throws -> BundleKeys {
        let (known, folder) = try bundleFolder(url)
        guard let device = DeviceID(known.device), let pem = readConfigurationFile(known.keyFile),
            let signing = try? P256.Signing.PrivateKey(pemRepresentation: pem)
        else { throw HomeError.damaged(configurationFolder + "/" + known.keyFile) }
        guard let text = readConfigurationFile(folder + Self.serverKeyName),
            let server = try? SealedBundle.PublicKey(rawRepresentation: Self.bytes(text))
        else {
            throw ClientError(
                .requestWide, code: "no_bundle_key",
                "This device does not know the server's key for bundles yet.",
                remedy: "Reach the server once, with `ting bundle create` or `ting sync`.")
        }
        return BundleKeys(
            device: device, signing: signing, reply: try replyKey(folder), server: server)
    }

    /// Whether the server's key for bundles is known here.
    package func hasBundleKey(_ url: String) -> Bool { serverBundleKey(url) != nil }

    /// The server's key for bundles as it is kept here; `nil` where none is.
    package func serverBundleKey(_ url: String) -> [UInt8]? {
        guard let (_, folder) = try? bundleFolder(url) else { return nil }
        return readConfigurationFile(folder + Self.serverKeyName).map(Self.bytes)
    }

    /// Keeps the server's key, the first since this device joined. Joining anew forgets it.
    /// - Throws: `ClientError` for another key than the one that is kept: a sign of a new server.
    package func pin(bundleKey: [UInt8], of url: String) throws {
        let (_, folder) = try bundleFolder(url)
        if let kept = serverBundleKey(url) {
            guard kept != bundleKey else { return }
            throw ClientError(
                .requestWide, code: "bundle_key_changed",
                "The server has another key for bundles than it had when this device joined.",
                remedy:
                    "If it was set up anew, ask for an invitation and run `ting join ADDRESS`: that takes the new key."
            )
        }
        try writeConfigurationFile(
            Hexadecimal.encode(bundleKey) + "\n", to: folder + Self.serverKeyName)
    }

    private func bundleFolder(_ url: String) throws -> (ClientConfiguration.Server, String) {
        guard let known = try configuration().server(url) else {
            throw ClientError.notSignedIn(url)
        }
        return (known, Self.folder(of: known))
    }

    private func replyKey(_ folder: String) throws -> SealedBundle.PrivateKey {
        if let text = readConfigurationFile(folder + Self.replyKeyName),
            let key = try? SealedBundle.PrivateKey(rawRepresentation: Self.bytes(text))
        {
            return key
        }
        let key = SealedBundle.PrivateKey()
        try writeConfigurationFile(
            Hexadecimal.encode(Array(key.rawRepresentation)) + "\n",
            to: folder + Self.replyKeyName)
        return key
    }

    /// The files beside the token: they go with it at a logout.
    static let serverKeyName = "bundle-server.pub"
    static let replyKeyName = "bundle-reply.key"

    private static func bytes(_ text: String) -> [UInt8] {
        Hash(text.filter { !$0.isWhitespace })?.bytes ?? []
    }
}
