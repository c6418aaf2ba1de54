// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import TingClient

@Suite("Proxies from the environment")
struct ProxySettingsTests {
    private let server = ServerAddress(host: "ting.example.dk", port: 8443)

    @Test("HTTPS_PROXY comes before ALL_PROXY, lower case before upper case")
    func order() throws {
        let all = [
            "ALL_PROXY": "http://all:1", "HTTPS_PROXY": "http://upper:2", "https_proxy": "lower:3",
        ]
        func found(_ names: [String]) throws -> ProxySettings? {
            try .forServer(server, environment: all.filter { names.contains($0.key) })
        }
        #expect(try found(["ALL_PROXY"]) == ProxySettings(host: "all", port: 1))
        #expect(try found(["ALL_PROXY", "HTTPS_PROXY"]) == ProxySettings(host: "upper", port: 2))
        #expect(try found(["HTTPS_PROXY", "https_proxy"]) == ProxySettings(host: "lower", port: 3))
        #expect(try found([]) == nil)
    }

    @Test("a user name and password go along")
    func credentials() throws {
        let proxy = try #require(ProxySettings("http://me:p%40ss@proxy.example:3128/"))
        #expect(proxy == ProxySettings(host: "proxy.example", port: 3128, credentials: "me:p@ss"))
        #expect(
            proxy.connectRequest(to: server).contains("Proxy-Authorization: Basic bWU6cEBzcw==\r\n")
        )
    }

    @Test(
        "NO_PROXY covers hosts, domains, ports and everything",
        arguments: [
            ("*", true), ("ting.example.dk", true), ("example.dk", true), (".example.dk", true),
            ("other, example.dk:8443", true), ("example.dk:443", false), ("ample.dk", false),
            ("", false),
        ])
    func exempt(_ list: String, _ expected: Bool) throws {
        let environment = ["HTTPS_PROXY": "http://proxy:1", "NO_PROXY": list]
        #expect((try ProxySettings.forServer(server, environment: environment) == nil) == expected)
    }

    @Test("an address of another kind is refused, and its password not repeated")
    func unusable() {
        let error = #expect(throws: ClientError.self) {
            try ProxySettings.forServer(server, environment: ["ALL_PROXY": "socks5://u:secret@p:1"])
        }
        #expect(error?.code == "proxy_unusable")
        #expect(error?.sentence.contains("secret") == false)
    }
}
