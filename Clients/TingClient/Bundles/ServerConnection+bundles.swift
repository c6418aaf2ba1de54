// SPDX-License-Identifier: Apache-2.0

import NIOHTTP1
import TingCore
import TingWire

extension ServerConnection {
    /// The server's key for bundles.
    package func bundleKey() async throws -> [UInt8] {
        let answer = try await call(
            Request(.GET, "/v1/bundle-key", headers: Self.versions()), as: Ting_V1_BundleKey.self)
        return Array(answer.publicKey)
    }

    /// Hands in a bundle, of any member; gives the sealed reply.
    package func carry(bundle: [UInt8]) async throws -> [UInt8] {
        var request = Request(
            .POST, "/v1/bundles", accepts: Self.bundleType, body: bundle,
            headers: Self.versions())
        request.headers.append(("Content-Type", Self.bundleType))
        return try await body(request, byteLimit: SealedBundle.fileByteLimit) ?? []
    }

    private static let bundleType = "application/octet-stream"
}
