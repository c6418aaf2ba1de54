// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import SwiftProtobuf
import Testing
import TingCore
import TingWire

/// Bundles that another implementation sealed: `Protocol/spec/bundle.md`.
enum BundleVectors {
    static func toServer(_ input: JSONNode, _ expect: JSONNode) throws {
        let key = try SealedBundle.PrivateKey(rawRepresentation: input.bytes("server_key"))
        let contents = try SealedBundle.open(input.bytes("file"), as: .toServer, with: key)
        let signer = try input.bytes("device_key")
        let request = try BundleRequest(contents: contents) { _ in signer }
        let expected: Ting_V1_BundleRequest = try expect.node("request").message()
        #expect(request.workspace == expected.workspace)
        #expect(request.device.description == expected.device)
        #expect(request.serverKey == Array(key.publicKey.rawRepresentation))
        #expect(request.serverKey == Array(expected.serverKey))
        #expect(request.replyKey == Array(expected.replyKey))
        #expect(request.requests == (try expected.requests.map { try SyncRequest(wire: $0) }))
    }

    static func reply(_ input: JSONNode, _ expect: JSONNode) throws {
        let key = try SealedBundle.PrivateKey(rawRepresentation: input.bytes("reply_key"))
        let server = try SealedBundle.PublicKey(
            rawRepresentation: input.bytes("server_public_key"))
        let contents = try SealedBundle.open(
            input.bytes("file"), as: .reply, with: key, from: server)
        let expected: Ting_V1_BundleReply = try expect.node("reply").message()
        let sent: [UInt8] = try expected.serializedBytes()
        #expect(try BundleReply(contents: contents) == BundleReply(contents: sent))
    }
}
