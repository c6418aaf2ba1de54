// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A host and a port as people write them: `localhost:8443`, `[::1]:0`.
package struct HostPort: Equatable, Sendable, CustomStringConvertible {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"),
            let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port)
        else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        guard IPAddress.bytes(host) != nil || IPAddress.isHostName(host) else { return nil }
        self.init(host: host, port: port)
    }

    /// The host and port of `https://HOST[:PORT][/]`.
    package init?(url: String) {
        guard let parts = URLComponents(string: url), parts.scheme == "https",
            var host = parts.host, !host.isEmpty, parts.path.isEmpty || parts.path == "/",
            parts.query == nil, parts.user == nil
        else { return nil }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        let port = parts.port ?? 443
        guard IPAddress.bytes(host) != nil || IPAddress.isHostName(host),
            (1...65_535).contains(port)
        else { return nil }
        self.init(host: host, port: port)
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
