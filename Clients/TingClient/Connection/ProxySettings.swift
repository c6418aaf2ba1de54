// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation

/// The proxy that the environment names: `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case.
///
/// Only CONNECT is used, so that a proxy sees neither contents nor the token.
public struct ProxySettings: Equatable, Sendable {
    public var host: String
    public var port: Int
    /// `user:password`, as the address has it.
    public var credentials: String?

    public init(host: String, port: Int, credentials: String? = nil) {
        self.host = host
        self.port = port
        self.credentials = credentials
    }

    /// The proxy to use for `server`, if any.
    public static func forServer(
        _ server: ServerAddress, environment: [String: String]
    ) throws -> ProxySettings? {
        func named(_ name: String) -> String? {
            // Lower case first, as curl does.
            [environment[name.lowercased()], environment[name]].lazy.compactMap { $0 }
                .first { !$0.isEmpty }
        }
        guard let text = named("HTTPS_PROXY") ?? named("ALL_PROXY"),
            !isExempt(server, in: named("NO_PROXY") ?? "")
        else { return nil }
        guard let proxy = ProxySettings(text) else {
            throw ClientError(
                .requestWide, code: "proxy_unusable",
                "The proxy address `\(redacted(text))` can't be used.",
                remedy: "Set HTTPS_PROXY to http://HOST:PORT, or NO_PROXY to \(server.host).")
        }
        return proxy
    }

    /// Reads `http://[user:password@]HOST[:PORT]`; the scheme may be left out.
    init?(_ text: String) {
        var rest = Substring(text)
        if let scheme = rest.range(of: "://") {
            guard rest[..<scheme.lowerBound].lowercased() == "http" else { return nil }
            rest = rest[scheme.upperBound...]
        }
        if let slash = rest.firstIndex(of: "/") { rest = rest[..<slash] }
        var credentials: String?
        if let at = rest.lastIndex(of: "@") {
            credentials = rest[..<at].removingPercentEncoding ?? String(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        guard let address = ServerAddress(authority: rest, defaultPort: 80) else { return nil }
        self.init(host: address.host, port: address.port, credentials: credentials)
    }

    /// Whether `NO_PROXY` covers the server: `*`, a host, a domain with or without a leading dot,
    /// any of them with a port.
    static func isExempt(_ server: ServerAddress, in list: String) -> Bool {
        list.split(whereSeparator: { $0 == "," || $0 == " " }).contains { item in
            if item == "*" { return true }
            var name = item.lowercased()
            if name == server.host || name == server.authority { return true }
            if let colon = name.lastIndex(of: ":"), !name.hasPrefix("[") {
                guard Int(name[name.index(after: colon)...]) == server.port else { return false }
                name = String(name[..<colon])
            }
            let domain = name.hasPrefix(".") ? String(name.dropFirst()) : name
            return server.host == domain
                || !server.isIPAddress && server.host.hasSuffix("." + domain)
                || name == "[\(server.host)]"
        }
    }

    /// The proxy without its password.
    var authority: String { ServerAddress(host: host, port: port).authority }

    private static func redacted(_ text: String) -> String {
        text.lastIndex(of: "@").map { "…" + text[$0...] } ?? text
    }

    var configuration: HTTPClient.Configuration.Proxy {
        .server(
            host: host, port: port,
            authorization: credentials.map {
                .basic(credentials: Data($0.utf8).base64EncodedString())
            })
    }

    /// The request that opens a tunnel to the server.
    func connectRequest(to server: ServerAddress) -> String {
        var request = "CONNECT \(server.authority) HTTP/1.1\r\nHost: \(server.authority)\r\n"
        if let credentials {
            request +=
                "Proxy-Authorization: Basic \(Data(credentials.utf8).base64EncodedString())\r\n"
        }
        return request + "\r\n"
    }
}
