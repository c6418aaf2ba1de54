// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HummingbirdCore
import NIOCore
import SwiftProtobuf
import TingCore
import TingWire

/// One request on its way to an answer.
struct Call: Sendable {
    let request: Request
    let channel: any Channel
    let route: Route
    /// How long a client may take nothing of its answer.
    let patience: Duration
    let share: RequestShare
    let workers: Workers
    /// Where a stream goes on, for a request that follows.
    var line: FollowHub.Line?

    /// The token of `Authorization: Bearer TOKEN` (RFC 6750 § 2.1).
    var token: Hash? {
        guard let header = request.headers[.authorization] else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return Secret.hash(of: parts[1])
    }

    /// A non-negative integer of the query; `standard` when it is not there.
    func number(_ name: String, standard: Int64) throws -> Int64 {
        guard let text = request.uri.queryParameters[name[...]] else { return standard }
        guard let number = Int64(text), number >= 0 else {
            throw Refusal(.badRequest, "`\(name)` is not a number from 0 on.")
        }
        return number
    }

    /// The coding that the client accepts best. One that does not say is answered as it asked; JSON
    /// for one that sent nothing.
    var replyCoding: WireCoding {
        if let accept = request.headers[.accept] {
            return MediaRange.best(of: [.json, .protobuf], accept)
        }
        let hasBody = [.post, .patch].contains(request.method)
        return hasBody ? bodyCoding ?? .json : .json
    }

    /// The coding of the body: protobuf where nothing is said; `nil` for one that Ting does not speak.
    private var bodyCoding: WireCoding? {
        guard let media = request.headers[.contentType] else { return .protobuf }
        return WireCoding(mediaType: media)
    }

    /// Whether the client takes a body in gzip (RFC 9110 § 12.5.3).
    /// - Parameter standard: What holds where it does not say.
    func acceptsGzip(standard: Bool) -> Bool {
        guard let accept = request.headers[.acceptEncoding] else { return standard }
        return MediaRange.weight(of: Gzip.name, inCodings: accept) > 0
    }

    /// Refuses a protocol that the server does not speak.
    func checkProtocol(_ version: Int64) throws {
        guard version == protocolVersion else {
            throw Refusal(
                .protocolUnsupported,
                "The request speaks protocol \(version); the server speaks \(protocolVersion).",
                headers: [
                    HTTPField(name: .upgrade, value: "ting/\(protocolVersion)"),
                    HTTPField(name: .connection, value: "upgrade"),
                ])
        }
    }

    /// Refuses a request whose headers name another protocol, or a schema that is no number.
    func checkVersions() throws {
        if let text = request.headers[.tingProtocol] {
            guard let version = Int64(text) else {
                throw Refusal(.badRequest, "Ting-Protocol is not a number.")
            }
            try checkProtocol(version)
        }
        if let text = request.headers[.tingSchema], Int64(text) ?? -1 < 0 {
            throw Refusal(.badRequest, "Ting-Schema is not a number.")
        }
    }

    /// Reads the body whole. The time that it may take is `RequestWatch`'s matter. What it says that it has
    /// counts for nothing: it would keep others out before a byte has come.
    /// - Parameter device: Whose it is; `nil` for a stranger's, which is small.
    func body(limit: Int, of device: DeviceID?) async throws -> [UInt8] {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }) {
            guard length <= limit else { throw Refusal.tooLarge(limit) }
        }
        let isPacked = try isPacked
        var bytes: [UInt8] = []
        for try await buffer in request.body {
            guard bytes.count + buffer.readableBytes <= limit else {
                throw Refusal.tooLarge(limit)
            }
            if let device {
                try share.grow(to: bytes.count + buffer.readableBytes, for: device)
            }
            bytes.append(contentsOf: buffer.readableBytesView)
        }
        guard isPacked else { return bytes }
        let whole = try await away { [bytes] in try Self.unpacked(bytes, limit: limit) }
        if let device { try share.grow(to: whole.count, for: device) }
        return whole
    }

    /// Whether the body is in gzip, the one coding that is taken.
    private var isPacked: Bool {
        get throws {
            switch request.headers[.contentEncoding]?.lowercased() {
            case nil, "", "identity": return false
            case "gzip", "x-gzip": return true
            default:
                throw Refusal(
                    .unsupportedMediaType, "The Content-Encoding of a body is gzip, or none.",
                    headers: [HTTPField(name: .acceptEncoding, value: Gzip.name)])
            }
        }
    }

    private static func unpacked(_ bytes: [UInt8], limit: Int) throws -> [UInt8] {
        do {
            return try Gzip.unpack(bytes, limit: limit)
        } catch Gzip.Failure.tooLarge {
            throw Refusal(
                .requestTooLarge,
                "The body inflates to more than \(limit) bytes, or \(Limits.inflationRatio) times its size."
            )
        } catch {
            throw Refusal(.badRequest, "The body is not the gzip that its Content-Encoding says.")
        }
    }

    /// The body as a message, in the coding that its Content-Type says.
    func message<M: Message>(
        _ type: M.Type = M.self, limit: Int = Limits.smallRequestByteLimit,
        shape: BodyParts.Form? = nil, of device: DeviceID? = nil
    ) async throws -> M {
        guard let coding = bodyCoding else {
            let media = request.headers[.contentType] ?? ""
            throw Refusal(
                .unsupportedMediaType,
                "A body is application/json or application/x-protobuf, not \(media.prefix(100)).")
        }
        let bytes = try await body(limit: limit, of: device)
        return try await parse { [share] in
            let parts = try BodyParts.check(bytes, coding, of: shape)
            if let device { try share.grow(to: bytes.count, parts: parts, for: device) }
            return try coding.decode(M.self, bytes)
        }
    }

    /// Runs what reads a message, and says which field is wrong.
    func parse<T: Sendable>(_ read: @escaping @Sendable () throws -> T) async throws -> T {
        do {
            return try await away(read)
        } catch let error as WireError {
            throw Refusal(.badRequest, "\(error.field): \(error.problem).")
        } catch is BodyParts.TooMany {
            throw Refusal(
                .requestTooLarge, "The body has more than \(Limits.requestPartLimit) parts.")
        }
    }

    /// Works on a large body on a thread of the workers: every request waits for the few of the tasks.
    private func away<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        share.isLarge ? try await workers.run(work) : try work()
    }

    /// The address of the other end, without its port.
    var peer: String { channel.remoteAddress?.ipAddress ?? "unknown" }
}
