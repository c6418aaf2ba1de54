// SPDX-License-Identifier: Apache-2.0

/// A problem document (RFC 9457): what went wrong with a request, and what to do.
package struct Problem: Codable, Equatable, Sendable, Error {
    package var type: String
    package var title: String
    package var status: Int
    package var detail: String
    package var code: String
    package var remedy: String

    package init(_ code: ProblemCode, detail: String = "") {
        type = "urn:ting:error:\(code.rawValue)"
        title = code.title
        status = code.status
        self.detail = detail.isEmpty ? code.title + "." : detail
        self.code = code.rawValue
        remedy = code.remedy
    }

    package static let mediaType = "application/problem+json"
}

/// Every code of a problem document. The list is closed and stands in `Protocol/spec/errors.md`.
package enum ProblemCode: String, CaseIterable, Sendable {
    case badRequest = "bad_request"
    case invalidCode = "invalid_code"
    case unauthorized
    case forbidden
    case workspaceNotFound = "workspace_not_found"
    case notFound = "not_found"
    case bundleRefused = "bundle_refused"
    case methodNotAllowed = "method_not_allowed"
    case conflict
    case requestTooLarge = "request_too_large"
    case unsupportedMediaType = "unsupported_media_type"
    case rangeNotSatisfiable = "range_not_satisfiable"
    case protocolUnsupported = "protocol_unsupported"
    case tooManyRequests = "too_many_requests"
    case `internal`
    case storageFull = "storage_full"
    case unavailable

    package var status: Int {
        switch self {
        case .badRequest: 400
        case .invalidCode, .unauthorized: 401
        case .forbidden: 403
        case .workspaceNotFound, .notFound: 404
        case .methodNotAllowed: 405
        case .conflict: 409
        case .requestTooLarge: 413
        case .bundleRefused: 422
        case .unsupportedMediaType: 415
        case .rangeNotSatisfiable: 416
        case .protocolUnsupported: 426
        case .tooManyRequests: 429
        case .internal: 500
        case .unavailable: 503
        case .storageFull: 507
        }
    }

    package var title: String {
        switch self {
        case .badRequest: "The request is not well-formed"
        case .invalidCode: "The join code is wrong, used or expired"
        case .unauthorized: "The request carries no valid token"
        case .forbidden: "Your role doesn't allow this"
        case .workspaceNotFound: "There is no such workspace for you"
        case .notFound: "There is nothing here"
        case .bundleRefused: "The bundle is not taken"
        case .methodNotAllowed: "The method is not allowed here"
        case .conflict: "It clashes with what is there"
        case .requestTooLarge: "The request is too large"
        case .unsupportedMediaType: "The body has an unknown type"
        case .rangeNotSatisfiable: "The range lies outside the file"
        case .protocolUnsupported: "The server speaks another version of the protocol"
        case .tooManyRequests: "Too many requests"
        case .internal: "The server failed"
        case .unavailable: "The server can't answer now"
        case .storageFull: "The server's disk is full"
        }
    }

    package var remedy: String {
        switch self {
        case .badRequest: "Send what Protocol/spec describes for this endpoint."
        case .invalidCode: "Ask an owner or the administrator for a new join address."
        case .unauthorized: "Join the server again with a new join address."
        case .forbidden: "Ask an owner of the workspace for a higher role."
        case .workspaceNotFound:
            "Check the name with `ting workspaces`, or ask an owner to invite you."
        case .notFound: "Check the address against Protocol/openapi.yaml."
        case .bundleRefused:
            "Have its sender make a new one, after `ting join` where the server has a new key since; nothing was taken, nothing is lost."
        case .methodNotAllowed: "Use the method that Protocol/openapi.yaml names."
        case .conflict: "Read the present state, then try again."
        case .requestTooLarge: "Send less at a time: Protocol/spec/limits.md."
        case .unsupportedMediaType: "Use application/x-protobuf or application/json."
        case .rangeNotSatisfiable: "Ask for a range within the file, or for the whole."
        case .protocolUnsupported: "Upgrade this program, or ask for the server's upgrade."
        case .tooManyRequests: "Wait a minute, then try again."
        case .internal:
            "Try again; if it stays, tell the administrator the time."
        case .unavailable: "Try again in a little while; nothing is lost."
        case .storageFull:
            "Ask the administrator to free space; edits stay in the outbox and are sent again."
        }
    }
}
