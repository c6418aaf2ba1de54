// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import SwiftProtobuf
import TingCore
import TingWire

/// Bundles: files as a courier brings them, and what somebody sealed into one.
enum BundleFuzz {
    /// A file that was altered does not open.
    static func run(file bytes: [UInt8]) throws {
        guard let file = try? SealedBundle.dearmored(Data(bytes)) else { return }
        try FuzzFinding.check(
            SealedBundle.dearmored(Data(SealedBundle.armored(file).utf8)) == file,
            "a bundle changes as text")
        let key = try keys.get().server
        guard let opened = try? SealedBundle.open(file, as: .toServer, with: key) else { return }
        try FuzzFinding.check(opened == sealed, "an altered bundle opens")
    }

    /// What a bundle holds, by the first byte of `WireFuzz`'s input.
    enum Kind: Int {
        /// A request that its device did sign, a reply, and a request that nobody signed.
        case signed = 8
        case reply, unsigned
    }

    static func run(_ kind: Kind, contents: [UInt8]) throws {
        switch kind {
        case .signed: try signed(contents)
        case .reply:
            guard let reply = try? BundleReply(contents: contents) else { return }
            try FuzzFinding.check(
                BundleReply(contents: reply.contents()) == reply, "a reply changes on its way")
        case .unsigned:
            try FuzzFinding.check(
                (try? read(contents)) == nil, "a bundle is taken that nobody signed")
        }
    }

    private static func signed(_ request: [UInt8]) throws {
        let key = try keys.get().device
        var bundle = Ting_V1_SignedBundle()
        bundle.request = Data(request)
        bundle.signature =
            try key.signature(for: BundleRequest.signedPrefix + bundle.request).rawRepresentation
        guard var first = try? read(bundle.serializedBytes()) else { return }
        _ = first.whole
        // The plain form has no role.
        for place in first.requests.indices { first.requests[place].role = nil }
        try FuzzFinding.check(
            read(first.signed(by: key)) == first, "a bundle's request changes on its way")
    }

    private static func read(_ contents: [UInt8]) throws -> BundleRequest {
        try BundleRequest(contents: contents) { _ in
            Array(try keys.get().device.publicKey.x963Representation)
        }
    }

    // MARK: What is the same in every run

    /// A server's key and a device's: what was sealed once opens again.
    private static let keys = Result {
        let bytes = [UInt8](repeating: 7, count: 32)
        return (
            server: try SealedBundle.PrivateKey(rawRepresentation: bytes),
            device: try P256.Signing.PrivateKey(rawRepresentation: bytes)
        )
    }

    /// What every bundle holds that was sealed to the server's key.
    private static let sealed = Array("Skals vand, 水".utf8)

    /// A file that opens, as it is and as text.
    static func files() throws -> [[UInt8]] {
        let file = try SealedBundle.seal(
            sealed, as: .toServer, to: keys.get().server.publicKey)
        return [file, Array(SealedBundle.armored(file).utf8)]
    }

    /// Contents of each kind, the kind first.
    static func contents(
        asking request: SyncRequest, answered response: SyncResponse
    ) throws -> [[UInt8]] {
        let keys = try keys.get()
        let bundle = BundleRequest(
            workspace: "team", device: DeviceID.named([1]),
            serverKey: Array(keys.server.publicKey.rawRepresentation),
            replyKey: Array(keys.server.publicKey.rawRepresentation), requests: [request])
        var signed = try Ting_V1_SignedBundle(serializedBytes: bundle.signed(by: keys.device))
        let reply = BundleReply(
            workspace: "team",
            answers: [.init(replica: request.replica, base: request.base, response: response)])
        let inner = [UInt8](signed.request)
        signed.signature = Data(count: 64)
        let contents: [(Kind, [UInt8])] = try [
            (.signed, inner), (.reply, reply.contents()), (.unsigned, signed.serializedBytes()),
        ]
        return contents.map { kind, bytes in [UInt8(kind.rawValue)] + bytes }
    }
}
