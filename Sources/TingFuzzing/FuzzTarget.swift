// SPDX-License-Identifier: Apache-2.0

import TingWire

/// What hostile bytes are thrown at: one case a decoder, two whole exchanges, and a server.
///
/// A run returns for bytes that were refused or understood, and throws `FuzzFinding` where a
/// property does not hold. A trap or a hang shows itself.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// Messages in protobuf, to values and back; those of bundles too, signed and not.
    case wire
    /// The same in JSON.
    case json
    /// What files hold: change sets and effects in canonical form, schemas, sealed bundles.
    case stored
    /// Values in JSON, and their check against each kind of field.
    case value
    /// The three-way merge of texts.
    case merge
    /// Paths, ranges, media types, addresses, join lines, dates and events.
    case head
    /// Programme and partnership files.
    case imports
    /// Bodies in gzip.
    case gzip
    /// A server that gets hostile requests between honest ones.
    case exchange
    /// A replica that gets hostile answers.
    case answer
    /// A whole server over TLS: requests of members and strangers, and bytes that are none.
    case request

    /// - Throws: `FuzzFinding`.
    public func run(_ bytes: [UInt8]) async throws {
        switch self {
        case .request: try await RequestFuzz.run(bytes)
        default: try runAtOnce(bytes)
        }
    }

    /// Whether a run waits for nobody: `request` asks a server.
    public var isAtOnce: Bool { self != .request }

    /// The same for a target that waits for nobody.
    public func runAtOnce(_ bytes: [UInt8]) throws {
        switch self {
        case .wire: try WireFuzz.run(bytes, coding: .protobuf)
        case .json: try WireFuzz.run(bytes, coding: .json)
        case .stored: try StoredFuzz.run(bytes)
        case .value: try ValueFuzz.run(bytes)
        case .merge: try MergeFuzz.run(bytes)
        case .head: try HeadFuzz.run(bytes)
        case .imports: try ImportFuzz.run(bytes)
        case .gzip: try GzipFuzz.run(bytes)
        case .exchange: try ExchangeFuzz.run(bytes)
        case .answer: try AnswerFuzz.run(bytes)
        case .request: throw FuzzFinding("a server answers in its own time: `run` waits for it")
        }
    }
}

/// A property that hostile bytes have broken.
public struct FuzzFinding: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }

    static func check(_ holds: Bool, _ property: String) throws(FuzzFinding) {
        guard holds else { throw FuzzFinding(property) }
    }
}
