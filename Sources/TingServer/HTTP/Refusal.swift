// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HummingbirdCore
import TingCore
import TingWire

/// A request that is not done, and why: it becomes a problem document (RFC 9457).
struct Refusal: Error, Equatable {
    let code: ProblemCode
    let detail: String
    var headers: [HTTPField] = []

    init(_ code: ProblemCode, _ detail: String, headers: [HTTPField] = []) {
        self.code = code
        self.detail = detail
        self.headers = headers
    }

    static func tooLarge(_ limit: Int) -> Refusal {
        Refusal(
            .requestTooLarge, "The body has more than \(limit) bytes.",
            headers: [HTTPField(name: .connection, value: "close")])
    }

    static let unauthorized = Refusal(
        .unauthorized, "The token is missing, unknown, or was revoked.",
        headers: [HTTPField(name: .wwwAuthenticate, value: #"Bearer realm="ting""#)])

    /// One answer, to the byte, for a workspace that does not exist and for one of others.
    static let workspaceNotFound = Refusal(
        .workspaceNotFound, "There is no such workspace, or you are not a member of it.")

    static let notFound = Refusal(.notFound, "There is nothing at this address.")

    static let storageFull = Refusal(
        .storageFull, "The server's disk is full. Nothing was accepted.",
        headers: [HTTPField(name: .retryAfter, value: "30")])

    static let busy = Refusal(
        .unavailable, "Another program holds the server's files.",
        headers: [HTTPField(name: .retryAfter, value: "5")])

    static let workspaceUnreadable = Refusal(
        .internal,
        "The server can't read the file of this workspace. Nothing was accepted: edits stay in the outbox."
    )

    static let stopping = Refusal(
        .unavailable, "The server is stopping.",
        headers: [
            HTTPField(name: .retryAfter, value: "1"), HTTPField(name: .connection, value: "close"),
        ])

    static func methodNotAllowed(_ allowed: [HTTPRequest.Method]) -> Refusal {
        let methods = allowed.map(\.rawValue).joined(separator: ", ")
        return Refusal(
            .methodNotAllowed, "This address takes \(methods).",
            headers: [HTTPField(name: .allow, value: methods)])
    }

    static func tooLow(_ role: Role, needs least: Role) -> Refusal {
        Refusal(.forbidden, "This needs the role \(least.rawValue); yours is \(role.rawValue).")
    }
}
