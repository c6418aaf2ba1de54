// SPDX-License-Identifier: Apache-2.0

import Crypto
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import TingCore
import TingStore
import TingWire

/// Bundles: the key that members seal them to, and those that another member carries.
extension API {
    /// `GET /v1/bundle-key`
    func bundleKey(_ call: Call) async throws -> Response {
        _ = try await caller(call)
        var message = Ting_V1_BundleKey()
        message.publicKey = desk.key.publicKey.rawRepresentation
        return try call.answer(message)
    }

    /// `POST /v1/bundles`: judges a sealed bundle, whoever brings it, and gives the sealed reply.
    func bundles(_ call: Call) async throws -> Response {
        let carrier = try await caller(call)
        let file = try await call.body(
            limit: SealedBundle.fileByteLimit, of: carrier.device)
        // The body may take minutes: a device that was revoked meanwhile carries nothing.
        _ = try await caller(call)
        do {
            let opened = try await workers.run { [desk] in try desk.open(file) }
            let reply = try await with(opened.access.workspace) { workspace in
                let judgement = try await workspace.acceptWhole(
                    .init(
                        request: opened.request, member: opened.caller.member,
                        role: opened.access.role, quota: opened.access.quota))
                return try await workspace.read { [desk, now] file in
                    try desk.reply(opened, judgement, from: file, now: now())
                }
            }
            logger.info(
                "bundle.applied", metadata: ["device": "\(opened.caller.device)"])
            return Response(
                status: .ok,
                headers: [.contentType: "application/octet-stream", .cacheControl: "no-store"],
                body: try call.body(reply))
        } catch let refused as BundleDesk.Refused {
            logger.info("bundle.refused")
            throw Refusal(.bundleRefused, refused.sentence)
        }
    }
}
