// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HummingbirdCore
import NIOCore
import TingCore
import TingWire

/// One request on its way to an answer.
struct Call: Sendable {
    let request: Request
    let channel: any Channel
    let route: Route

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

    /// The format the client wants: what it accepts best, or else what it sent.
    var replyFormat: WireFormat {
        get throws {
            guard let accept = request.headers[.accept] else { return .json }
            return try MediaRange.best(of: [.json, .protobuf], accept)
        }
    }

    /// Reads the body whole, within its limits of size and time.
    func body() async throws -> [UInt8] {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }),
            length > Limits.requestByteLimit
        {
            throw Refusal.tooLarge
        }
        if let coding = request.headers[.contentEncoding], coding.lowercased() != "identity" {
            throw Refusal(.unsupportedMediaType, "Send the body without Content-Encoding.")
        }
        // A client that sends a byte now and then is never silent: the whole has a limit too.
        let deadline = channel.eventLoop.scheduleTask(in: .seconds(Limits.requestSeconds)) {
            [channel] in channel.close(promise: nil)
        }
        defer { deadline.cancel() }
        var bytes: [UInt8] = []
        for try await buffer in request.body {
            guard bytes.count + buffer.readableBytes <= Limits.requestByteLimit else {
                throw Refusal.tooLarge
            }
            bytes.append(contentsOf: buffer.readableBytesView)
        }
        return bytes
    }

    /// The body as a message, in the format that its Content-Type says.
    func message<Message: WireMessage>(_ type: Message.Type = Message.self) async throws -> Message {
        let media = request.headers[.contentType].map(MediaRange.type) ?? ""
        let format: WireFormat
        switch media {
        case "application/json": format = .json
        case "application/x-protobuf", "application/protobuf": format = .protobuf
        default:
            throw Refusal(
                .unsupportedMediaType,
                "A body is application/json or application/x-protobuf, not “\(media)”.")
        }
        let bytes = try await body()
        do {
            return try Message(bytes: bytes, format: format)
        } catch {
            throw Refusal(.badRequest, "The body is not the message that this endpoint takes.")
        }
    }

    /// The address of the other end, without its port.
    var peer: String { channel.remoteAddress?.ipAddress ?? "unknown" }
}

/// `Accept` as RFC 9110 § 12.5.1 has it, for the few types that the server speaks.
enum MediaRange {
    static func type(_ field: String) -> String {
        (field.split(separator: ";").first ?? "").lowercased().filter { !$0.isWhitespace }
    }

    /// The offer with the highest weight; of equals the first.
    static func best(of offers: [WireFormat], _ accept: String) throws -> WireFormat {
        var best: (offer: WireFormat, weight: Double)?
        for offer in offers {
            let weight = weight(of: offer.contentType, accept)
            if weight > best?.weight ?? 0 { best = (offer, weight) }
        }
        // Who accepts neither gets JSON: an answer that can be read beats a refusal.
        return best?.offer ?? .json
    }

    private static func weight(of media: String, _ accept: String) -> Double {
        let kind = media.split(separator: "/").first.map { "\($0)/*" }
        var found: (specificity: Int, weight: Double) = (0, 0)
        for range in accept.split(separator: ",") {
            let name = type(String(range))
            let specificity = name == media ? 3 : name == kind ? 2 : name == "*/*" ? 1 : 0
            if specificity > found.specificity { found = (specificity, quality(range)) }
        }
        return found.weight
    }

    private static func quality(_ range: Substring) -> Double {
        for parameter in range.split(separator: ";").dropFirst() {
            let pair = parameter.filter { !$0.isWhitespace }.lowercased()
            if pair.hasPrefix("q=") { return Double(pair.dropFirst(2)) ?? 0 }
        }
        return 1
    }
}
