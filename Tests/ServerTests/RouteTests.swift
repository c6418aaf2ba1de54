// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Testing
import TingWire

@testable import TingServer

extension ServerTests {
    @Suite("Addresses of the API")
    struct RouteTests {
        @Test(
            "a method and a path name one route",
            arguments: [
                (.post, "/v1/join", .route(.join)), (.get, "/v1/workspaces", .route(.workspaces)),
                (.head, "/v1/workspaces/a", .route(.workspace("a"))),
                (.post, "/v1/workspaces/a/sync", .route(.sync("a"))),
                (.get, "/v1/workspaces/a/snapshot/manifest", .route(.manifest("a"))),
                (.patch, "/v1/workspaces/a/members/m", .route(.changeRole("a", member: "m"))),
                (.delete, "/v1/devices/d", .route(.revokeDevice("d"))),
                (.get, "/v1/workspaces/a/sync", .otherMethods([.post])),
                (.put, "/v1/workspaces/a/members", .otherMethods([.get, .head])),
                (.put, "/v1/workspaces/a/members/m", .otherMethods([.patch, .delete])),
                (.get, "/", .nothing), (.get, "/v2/workspaces", .nothing), (.get, "/v1", .nothing),
                (.get, "/v1/workspaces/a/b/c/d", .nothing), (.get, "v1", .nothing),
            ] as [(HTTPRequest.Method, String, Route.Match)])
        func table(_ method: HTTPRequest.Method, _ path: String, _ expected: Route.Match) {
            #expect(Route.match(method, path: path) == expected)
        }

        @Test("wrong join codes are counted by network: one of IPv6 has too many addresses")
        func networks() {
            let network = IPAddress.network
            #expect(network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9"))
            #expect(network("2001:db8:1:2::1") != network("2001:db8:1:3::1"))
            #expect(network("192.0.2.1") != network("192.0.2.2"))
            #expect(network("::ffff:192.0.2.1") != network("::ffff:192.0.2.2"))
            #expect(network("unknown") == "unknown")
        }

        @Test(
            "the media type that a client accepts best is taken, and JSON if it accepts none",
            arguments: [
                ("*/*", "json"), ("application/json", "json"),
                ("application/x-protobuf", "protobuf"),
                ("application/json;q=0.5, application/x-protobuf", "protobuf"),
                ("application/*;q=0.9, application/x-protobuf;q=0.1", "json"),
                ("application/x-protobuf;q=0, */*;q=0.1", "json"), ("text/html", "json"),
                ("", "json"),
            ])
        func accept(_ header: String, _ expected: String) {
            #expect("\(MediaRange.best(of: [.json, .protobuf], header))" == expected)
        }
    }
}
