// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import TingClient
import TingCore

/// The devices whose streams make a crowd of followers: a server gives each so many.
struct FollowerCrowd {
    private let tokens: [String]

    init(_ count: Int, _ server: Server) async throws {
        var tokens: [String] = []
        for _ in 0..<(count + Limits.followLimit - 1) / Limits.followLimit {
            let address = try server.invite(
                "crowd@example.org", to: ServedWorkspace.slug, role: .viewer)
            tokens.append(try await Seat(address).token)
        }
        self.tokens = tokens
    }

    /// Connects them to the server; returns when every stream stands.
    func follow(_ count: Int, _ server: Server) async throws -> Followers {
        let client = try RawClient(
            port: server.address.port, authority: server.authority,
            group: MultiThreadedEventLoopGroup.singleton)
        let path = "/v1/workspaces/\(ServedWorkspace.slug)/follow"
        return try await Followers(count, client, end: "}\n\n") { [tokens] number in
            ByteBuffer(
                string: """
                    GET \(path) HTTP/1.1\r
                    Host: 127.0.0.1\r
                    Authorization: Bearer \(tokens[number / Limits.followLimit])\r
                    Accept: text/event-stream\r
                    \r

                    """)
        }
    }

    /// As many connections to the bare server.
    static func listen(_ count: Int, _ bare: BareProcess, _ server: Server) async throws
        -> Followers
    {
        let client = try RawClient(
            port: bare.port, authority: server.authority,
            group: MultiThreadedEventLoopGroup.singleton)
        return try await Followers(count, client, end: "\n") { _ in ByteBuffer(string: "F") }
    }
}
