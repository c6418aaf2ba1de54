// SPDX-License-Identifier: Apache-2.0

/// Where a server listens: a host name or an IP address, and a port.
public struct ServerAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name, an IPv4 address, or an IPv6 address without brackets, in lower case.
    public let host: String
    public let port: Int

    public init(host: String, port: Int) {
        self.host = host.lowercased()
        self.port = port
    }

    /// Whether it leads to the machine itself.
    public var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }

    /// Reads `HOST`, `HOST:PORT`, `[::1]:PORT`, with or without `https://` and a last slash.
    public init?(_ text: some StringProtocol) {
        var rest = Substring(text)
        if rest.hasPrefix("https://") { rest = rest.dropFirst(8) }
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        self.init(authority: rest, defaultPort: 443)
    }

    /// Reads an authority of RFC 3986; user names are refused.
    init?(authority: Substring, defaultPort: Int?) {
        var host = authority
        var port = defaultPort
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[authority.index(after: authority.startIndex)..<end]
            let tail = authority[authority.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":"), Self.isIPv6(host) else { return nil }
            if !tail.isEmpty { port = Int(tail.dropFirst()) }
        } else if let colon = authority.lastIndex(of: ":") {
            host = authority[..<colon]
            port = Int(authority[authority.index(after: colon)...])
        }
        guard let port, (1...65535).contains(port), !host.isEmpty,
            authority.hasPrefix("[") || host.allSatisfy(Self.isNameCharacter)
        else { return nil }
        self.init(host: String(host), port: port)
    }

    private static func isNameCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "-._".contains(character))
    }

    private static func isIPv6(_ text: Substring) -> Bool {
        text.contains(":") && text.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
    }

    /// Whether the host is an address rather than a name.
    public var isIPAddress: Bool {
        if host.contains(":") { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    /// `HOST:PORT`, with brackets around an IPv6 address.
    public var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    public var url: String { "https://\(authority)" }

    public var description: String { authority }

    /// A name for files and folders about this server.
    package var fileName: String {
        authority.replacing(":", with: "_").replacing("[", with: "").replacing("]", with: "")
    }
}
