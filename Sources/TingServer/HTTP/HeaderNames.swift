// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

extension HTTPField.Name {
    static let tingProtocol = Self.own("Ting-Protocol")
    static let tingSchema = Self.own("Ting-Schema")
    static let tingVersion = Self.own("Ting-Version")
    static let tingEpoch = Self.own("Ting-Epoch")
    static let tingHash = Self.own("Ting-Hash")
    static let requestID = Self.own("Request-Id")

    /// Those of a request that the server reads.
    static let read: [Self] = [
        .authorization, .contentType, .contentLength, .contentEncoding, .accept, .acceptEncoding,
        .range, .ifRange, .ifNoneMatch, .tingProtocol, .tingSchema,
    ]

    /// A name of our own: letters and hyphens only, so it is valid.
    private static func own(_ name: String) -> Self { Self(name) ?? .server }
}

extension String {
    var isASCII: Bool { utf8.allSatisfy { $0 < 0x80 } }
}
