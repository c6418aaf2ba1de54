// SPDX-License-Identifier: Apache-2.0

public import TingCore

/// What an invitation says in one line: where the server is, a one-time code, and what to trust.
///
/// `ting://HOST:PORT/join?code=CODE&pin=HEX64`, or `&trust=system` for a public CA.
/// - SeeAlso: `Protocol/spec/transport.md#joining`.
public struct JoinAddress: Equatable, Sendable, CustomStringConvertible {
    /// How a device knows the server it meets for the first time.
    public enum Trust: Equatable, Sendable {
        /// SHA-256 of the DER of the CA that the server sends in its chain.
        case pin(Hash)
        /// The roots of the operating system.
        case system
    }

    public var server: ServerAddress
    /// 26 characters of lower-case base32: 130 random bits.
    public var code: String
    public var trust: Trust

    public init(server: ServerAddress, code: String, trust: Trust) {
        self.server = server
        self.code = code
        self.trust = trust
    }

    /// Reads an address; spaces and line ends around it are ignored, as mail programs add them.
    public init?(_ text: some StringProtocol) {
        var rest = Substring(text)
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        guard rest.hasPrefix("ting://"), let query = rest.firstIndex(of: "?") else { return nil }
        let place = rest[rest.index(rest.startIndex, offsetBy: 7)..<query]
        guard let slash = place.firstIndex(of: "/"), place[slash...] == "/join",
            let server = ServerAddress(authority: place[..<slash], defaultPort: nil),
            let items = Self.items(rest[rest.index(after: query)...]),
            let code = items["code"], Self.isCode(code)
        else { return nil }
        switch (items["pin"], items["trust"]) {
        case (let pin?, nil):
            guard let hash = Hash(pin) else { return nil }
            self.init(server: server, code: String(code), trust: .pin(hash))
        case (nil, "system"): self.init(server: server, code: String(code), trust: .system)
        default: return nil
        }
    }

    /// Names and values of a query; `nil` when one is named twice. Unknown names are ignored.
    private static func items(_ query: Substring) -> [Substring: Substring]? {
        var items: [Substring: Substring] = [:]
        for item in query.split(separator: "&") {
            guard let equals = item.firstIndex(of: "=") else { return nil }
            let name = item[..<equals]
            guard items[name] == nil else { return nil }
            items[name] = item[item.index(after: equals)...]
        }
        return items
    }

    private static func isCode(_ text: Substring) -> Bool {
        text.utf8.count == 26
            && text.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x32...0x37).contains($0) }
    }

    public var description: String {
        let trust =
            switch trust {
            case .pin(let hash): "pin=\(hash)"
            case .system: "trust=system"
            }
        return "ting://\(server.authority)/join?code=\(code)&\(trust)"
    }
}
