// SPDX-License-Identifier: Apache-2.0

package import Crypto
package import Foundation
import SwiftProtobuf
package import TingCore

/// What a replica says by a bundle: a sync's request, for one that can't reach its server.
package struct BundleRequest: Equatable, Sendable {
    package var workspace: String
    package var device: DeviceID
    /// The key that the bundle is sealed to: signed, so that no server can pass it on to another.
    package var serverKey: [UInt8]
    /// The key that the reply is sealed to.
    package var replyKey: [UInt8]
    /// Where the replica stands, with the outbox in pages.
    package var requests: [SyncRequest]

    package init(
        workspace: String, device: DeviceID, serverKey: [UInt8], replyKey: [UInt8],
        requests: [SyncRequest]
    ) {
        self.workspace = workspace
        self.device = device
        self.serverKey = serverKey
        self.replyKey = replyKey
        self.requests = requests
    }

    /// What a device's signature is over, before the request's bytes.
    package static let signedPrefix = Data("ting bundle 1\n".utf8)

    /// The contents of a bundle, signed.
    package func signed(by key: P256.Signing.PrivateKey) throws -> [UInt8] {
        var message = Ting_V1_BundleRequest()
        message.`protocol` = protocolVersion
        message.workspace = workspace
        message.device = device.description
        message.serverKey = Data(serverKey)
        message.replyKey = Data(replyKey)
        message.requests = requests.map(\.wire)
        var signed = Ting_V1_SignedBundle()
        signed.request = try message.serializedBytes()
        signed.signature =
            try key.signature(for: Self.signedPrefix + signed.request).rawRepresentation
        return try signed.serializedBytes()
    }

    /// Reads contents, and checks that the device it names signed them.
    /// - Parameter publicKey: The device's key in X9.63 form; `nil` for a device that may not send.
    /// - Throws: `WireError`, or `BundleRequest.NotSigned`.
    package init(
        contents: [UInt8], publicKey: (DeviceID) throws -> [UInt8]?
    ) throws {
        let signed = try WireCoding.protobuf.decode(Ting_V1_SignedBundle.self, contents)
        let request = Array(signed.request)
        do {
            try BodyParts.check(request, .protobuf, of: .bundle)
        } catch is BodyParts.TooMany {
            throw WireError("requests", "more than \(Limits.requestPartLimit) parts")
        }
        let message = try WireCoding.protobuf.decode(Ting_V1_BundleRequest.self, request)
        let device: DeviceID = try Wire.id(message.device, "device")
        guard let bytes = try publicKey(device),
            let key = try? P256.Signing.PublicKey(x963Representation: bytes),
            let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signed.signature),
            key.isValidSignature(signature, for: Self.signedPrefix + signed.request)
        else { throw NotSigned() }
        guard message.protocol == protocolVersion else {
            throw WireError("protocol", "it is \(message.protocol), not \(protocolVersion)")
        }
        guard !message.requests.isEmpty else { throw WireError("requests", "none") }
        self.init(
            workspace: message.workspace, device: device, serverKey: Array(message.serverKey),
            replyKey: Array(message.replyKey),
            requests: try message.requests.map { request in try SyncRequest(wire: request) })
        let numbers = whole.deliveries.map(\.number)
        guard requests.dropFirst().allSatisfy({ $0.goesOn(from: requests[0]) }),
            zip(numbers, numbers.dropFirst()).allSatisfy({ $0 < $1 })
        else { throw WireError("requests", "they are not pages of one outbox") }
    }

    /// The device is unknown, was revoked, or did not sign this.
    package struct NotSigned: Error {}

    /// All pages as one request: judged together, a change set knows what became of those before.
    package var whole: SyncRequest {
        var whole = requests[0]
        whole.deliveries = requests.flatMap(\.deliveries)
        return whole
    }
}

extension SyncRequest {
    /// Whether it is a later page of the same outbox, at the same place.
    fileprivate func goesOn(from first: SyncRequest) -> Bool {
        replica == first.replica && base == first.base && links == first.links
    }
}

/// What the server says to a bundle: the answers of a sync.
package struct BundleReply: Equatable, Sendable {
    package struct Answer: Equatable, Sendable {
        package var replica: ReplicaID
        package var base: Base
        package var response: SyncResponse

        package init(replica: ReplicaID, base: Base, response: SyncResponse) {
            self.replica = replica
            self.base = base
            self.response = response
        }
    }

    package var workspace: String
    package var answers: [Answer]

    package init(workspace: String, answers: [Answer]) {
        self.workspace = workspace
        self.answers = answers
    }

    package func contents() throws -> [UInt8] {
        var message = Ting_V1_BundleReply()
        message.`protocol` = protocolVersion
        message.workspace = workspace
        message.answers = answers.map { answer in
            var one = Ting_V1_BundleReply.Answer()
            one.replica = answer.replica.description
            one.base = answer.base.wire
            one.response = answer.response.wire
            return one
        }
        return try message.serializedBytes()
    }

    package init(contents: [UInt8]) throws {
        let message = try WireCoding.protobuf.decode(Ting_V1_BundleReply.self, contents)
        guard message.protocol == protocolVersion else {
            throw WireError("protocol", "it is \(message.protocol), not \(protocolVersion)")
        }
        self.init(
            workspace: message.workspace,
            answers: try message.answers.map { answer in
                Answer(
                    replica: try Wire.id(answer.replica, "answers.replica"),
                    base: try Base(wire: answer.base),
                    response: try SyncResponse(wire: answer.response))
            })
    }
}
