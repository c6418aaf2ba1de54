// SPDX-License-Identifier: Apache-2.0

package import TingCore

/// The one line that a person joins with: where the server is, the code, and whom to trust.
package struct JoinAddress: Equatable, Sendable, CustomStringConvertible {
    package let server: HostPort
    package let code: String
    /// The SHA-256 of the server's CA; `nil` where the system's roots vouch for it.
    package let pin: Hash?

    package init(server: HostPort, code: String, pin: Hash?) {
        self.server = server
        self.code = code
        self.pin = pin
    }

    package var description: String {
        let trust = pin.map { "pin=\($0)" } ?? "trust=system"
        return "ting://\(server)/join?code=\(code)&\(trust)"
    }
}

extension ServerSettings {
    /// Where members reach the server: what the operator said, or else where it listens.
    ///
    /// A server that listens on every interface is named by its certificate, if that has a whole name.
    package func publicAddress(names: [String]) -> HostPort {
        if let url, let address = HostPort(url: url) { return address }
        var address = listen.flatMap { HostPort($0) } ?? HostPort.standard
        if listensEverywhere {
            address.host =
                names.first {
                    !["localhost", "127.0.0.1", "::1"].contains($0) && !$0.contains("*")
                } ?? "localhost"
        }
        return address
    }

    /// Whether it listens on every interface.
    package var listensEverywhere: Bool {
        ["0.0.0.0", "::"].contains(listen.flatMap { HostPort($0) }?.host)
    }
}

extension HostPort {
    /// Where a server listens unless told otherwise.
    package static let standard = HostPort(host: "127.0.0.1", port: 8443)
}
