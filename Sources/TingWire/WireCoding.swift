// SPDX-License-Identifier: Apache-2.0

package import SwiftProtobuf

/// The two forms of a body: protobuf, or its JSON mapping for `curl` and `jq`.
package enum WireCoding: Equatable, Sendable {
    case protobuf, json

    /// The coding of a media type; `nil` for any other.
    package init?(mediaType: String) {
        let name = mediaType.prefix { $0 != ";" }.lowercased()
            .trimmingPrefix(while: { $0 == " " })
        switch name.split(separator: " ").first {
        case "application/x-protobuf", "application/protobuf": self = .protobuf
        case "application/json": self = .json
        default: return nil
        }
    }

    package var mediaType: String {
        switch self {
        case .protobuf: "application/x-protobuf"
        case .json: "application/json"
        }
    }

    package func encode(_ message: some Message) throws -> [UInt8] {
        switch self {
        case .protobuf:
            try message.serializedBytes()
        case .json:
            try message.jsonUTF8Bytes(options: Self.encodingOptions)
        }
    }

    package func decode<M: Message>(_ type: M.Type, _ bytes: [UInt8]) throws -> M {
        do {
            switch self {
            case .protobuf:
                return try M(serializedBytes: bytes)
            case .json:
                return try M(jsonUTF8Bytes: bytes, options: Self.decodingOptions)
            }
        } catch {
            throw WireError("body", "it is not a \(M.protoMessageName) in \(mediaType)")
        }
    }

    /// Names as in the .proto file. Fields that hold 0, false or nothing are left out.
    private static var encodingOptions: JSONEncodingOptions {
        var options = JSONEncodingOptions()
        options.preserveProtoFieldNames = true
        options.alwaysPrintInt64sAsNumbers = false
        return options
    }

    private static var decodingOptions: JSONDecodingOptions {
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        options.messageDepthLimit = 20
        return options
    }
}
