// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import HummingbirdCore
import NIOCore
import SwiftProtobuf
import Synchronization
import TingCore
import TingWire

/// The forms of a response.
enum Answer {
    static func text(_ text: String, type: String = "text/plain; charset=utf-8") -> Response {
        whole(Data(text.utf8), type: type)
    }

    static let nothing = Response(status: .noContent, headers: [.cacheControl: "no-store"])

    /// What a replica hears that has everything: an answer to a POST is kept by nobody unless it says
    /// so (RFC 9110 § 9.3.3), so it says no more than that.
    static let nothingNew = Response(status: .noContent)

    static func problem(_ refusal: Refusal) -> Response {
        let problem = Problem(refusal.code, detail: refusal.detail)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // A struct of texts and a number: there is no value that JSON can't hold.
        let body = (try? encoder.encode(problem)) ?? Data("{}".utf8)
        var response = whole(
            Data(body), type: Problem.mediaType, status: .init(code: refusal.code.status))
        for field in refusal.headers { response.headers.append(field) }
        return response
    }

    /// What a body writes, as a whole.
    static func bytes(of body: ResponseBody) async -> ByteBuffer {
        let written = WrittenBytes()
        try? await body.write(written)
        return written.bytes.withLock { $0 }
    }

    private final class WrittenBytes: ResponseBodyWriter, Sendable {
        let bytes = Mutex(ByteBuffer())

        func write(_ buffer: ByteBuffer) {
            bytes.withLock { _ = $0.writeImmutableBuffer(buffer) }
        }

        func finish(_ trailingHeaders: HTTPFields?) {}
    }

    private static func whole(
        _ bytes: Data, type: String, status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

extension Call {
    /// A message in the coding that the client wants.
    func answer(_ message: some Message, status: HTTPResponse.Status = .ok) throws -> Response {
        let coding = replyCoding
        return try answer(try coding.encode(message), coding, status: status)
    }

    /// The same in gzip, where the client takes that: for what is long, and holds no secret that a
    /// length could tell.
    /// - Parameter standard: Whether a client takes it that does not say.
    func packedAnswer(_ message: some Message, standard: Bool = false) throws -> Response {
        let coding = replyCoding
        let bytes = try coding.encode(message)
        guard acceptsGzip(standard: standard), let packed = Gzip.pack(bytes) else {
            return try answer(bytes, coding)
        }
        var response = try answer(packed, coding)
        response.headers[.contentEncoding] = Gzip.name
        return response
    }

    private func answer(
        _ bytes: [UInt8], _ coding: WireCoding, status: HTTPResponse.Status = .ok
    ) throws -> Response {
        Response(
            status: status,
            headers: [.contentType: coding.mediaType, .cacheControl: "no-store"],
            body: try body(bytes))
    }

    /// What is not small counts as held until it has left.
    func body(_ bytes: [UInt8]) throws -> ResponseBody {
        try share.hold(bytes.count)
        let bytes = ByteBuffer(bytes: bytes)
        guard bytes.readableBytes > Limits.responseChunkBytes else {
            return ResponseBody(byteBuffer: bytes)
        }
        return Outgoing(self).inPieces(bytes)
    }
}
