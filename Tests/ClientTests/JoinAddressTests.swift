// SPDX-License-Identifier: Apache-2.0

import Testing
import TingClient
import TingCore

@Suite("Join addresses")
struct JoinAddressTests {
    static let code = "abcdefghijklmnopqrstuvwxyz"
    static let pin = String(repeating: "0f", count: 32)

    @Test(
        "are read and printed alike",
        arguments: [
            "ting://127.0.0.1:8443/join?code=\(code)&pin=\(pin)",
            "ting://[::1]:8443/join?code=\(code)&pin=\(pin)",
            "ting://server.example:443/join?code=\(code)&trust=system",
        ])
    func roundTrip(_ text: String) {
        #expect(JoinAddress(text)?.description == text)
    }

    @Test("keep host, port, code and pin apart")
    func parts() throws {
        let address = try #require(
            JoinAddress(" ting://[::1]:8443/join?pin=\(Self.pin)&code=\(Self.code)&later=x\n"))
        #expect(address.server == ServerAddress(host: "::1", port: 8443))
        #expect(address.server.url == "https://[::1]:8443")
        #expect(address.code == Self.code)
        #expect(address.trust == .pin(try #require(Hash(Self.pin))))
    }

    @Test(
        "are refused when anything is missing, doubled or not of its form",
        arguments: [
            "", "https://a:1/join?code=\(code)&pin=\(pin)", "ting://a/join?code=\(code)&pin=\(pin)",
            "ting://a:0/join?code=\(code)&pin=\(pin)",
            "ting://a:70000/join?code=\(code)&pin=\(pin)",
            "ting://a:1/join?code=\(code)", "ting://a:1/join?pin=\(pin)",
            "ting://a:1/join?code=\(code)&pin=\(pin)&trust=system",
            "ting://a:1/join?code=\(code)&trust=none", "ting://a:1/join?code=short&pin=\(pin)",
            "ting://a:1/join?code=\(code)&code=\(code)&pin=\(pin)",
            "ting://a:1/leave?code=\(code)&pin=\(pin)",
            "ting://user@a:1/join?code=\(code)&pin=\(pin)",
            "ting://a:1/join?code=\(code)&pin=\(pin.uppercased())",
        ])
    func refused(_ text: String) {
        #expect(JoinAddress(text) == nil)
    }
}
