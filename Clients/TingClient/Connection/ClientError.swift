// SPDX-License-Identifier: Apache-2.0

public import TingStore

/// Why a request to a server did not do what was asked.
public struct ClientError: ExplainedError, Equatable, CustomStringConvertible {
    /// Who has to act before it can work.
    public enum Scope: String, Sendable {
        /// The line or the server, for now: the same request may be sent again.
        case transient
        /// Somebody: every request like this one fails until something changes.
        case requestWide
    }

    public var scope: Scope
    /// Stable, for programs: a code of `Protocol/spec/errors.md`, or one of those below.
    public var code: String
    /// What happened, for people: one sentence.
    public var sentence: String
    /// What a person can do now: one sentence.
    public var remedy: String
    /// The HTTP status, where a server answered.
    public var status: Int?
    /// The server's clock when it answered, in milliseconds since 1970, where the error is about time.
    public var serverTime: Int64?
    /// How long the server asks to wait before the same request (`Retry-After`), where it says.
    public var retryAfter: Duration?

    public init(
        _ scope: Scope, code: String, _ sentence: String, remedy: String, status: Int? = nil,
        serverTime: Int64? = nil
    ) {
        self.scope = scope
        self.code = code
        self.sentence = sentence
        self.remedy = remedy
        self.status = status
        self.serverTime = serverTime
    }

    public var description: String { "\(sentence) (\(code))" }
}

extension ClientError {
    /// Whether no server of Ting was reached at all.
    public var isUnreached: Bool {
        [
            "server_not_reached", "connection_lost", "no_answer", "unavailable", "foreign_answer",
            "tls_failed",
        ].contains(code)
    }

    /// Whether the caller is not signed in, or may not do this.
    public var isRefusal: Bool {
        ["unauthorized", "forbidden", "invalid_code", "workspace_not_found", "not_signed_in"]
            .contains(code)
    }

    static func notReached(
        _ server: ServerAddress, through proxy: ProxySettings? = nil, because reason: String
    ) -> ClientError {
        let way = proxy.map { " through the proxy \($0.authority)" } ?? ""
        let check = proxy == nil ? "the network" : "HTTPS_PROXY and the network"
        return ClientError(
            .transient, code: "server_not_reached",
            "The server \(server) was not reached\(way): \(reason).",
            remedy:
                "Edits are kept and can go on offline; check \(check), then run the command again."
        )
    }

    static func lost(_ server: ServerAddress) -> ClientError {
        ClientError(
            .transient, code: "connection_lost",
            "The connection to \(server) was lost before its answer was complete.",
            remedy: "Run the command again: what arrived is not sent twice.")
    }

    /// What was asked of a connection after its end, or was under way then: to try again is no use.
    static func closed(_ server: ServerAddress) -> ClientError {
        ClientError(
            .requestWide, code: "connection_closed",
            "The connection to \(server) was closed by the program that made it.",
            remedy: "Make another one; what was not sent is kept.")
    }

    /// TLS failed, and no certificate is the reason.
    static func noAgreement(_ server: ServerAddress) -> ClientError {
        ClientError(
            .requestWide, code: "tls_failed", "No TLS connection to \(server) came about.",
            remedy:
                "Check that the address is that of `tingd`, and that nothing in between cuts TLS.")
    }

    static func silent(_ server: ServerAddress) -> ClientError {
        ClientError(
            .transient, code: "no_answer", "The server \(server) did not answer in time.",
            remedy: "Run the command again, on a slow line with a longer `--timeout`.")
    }

    static func foreignAnswer(_ server: ServerAddress, _ what: String) -> ClientError {
        ClientError(
            .transient, code: "foreign_answer",
            "Something else than Ting answered in place of \(server): \(what).",
            remedy:
                "A network that wants a sign-in page, or a proxy, may be in between: open a web page to sign in, or check HTTPS_PROXY."
        )
    }
}
