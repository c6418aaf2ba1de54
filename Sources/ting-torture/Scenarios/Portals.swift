// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix

extension Scenario {
    static let portal = Scenario(
        name: "portal", about: "a sign-in page answers every connection with 200 and HTML"
    ) { stage in
        try besiege(&stage, codes: ["foreign_answer"], exit: 3) { world, body in
            let portal = try blockingThrowing { [port = world.server.port] in
                try await Portal(port: port)
            }
            try body()
            blocking { await portal.stop() }
        }
    }

    static let portalWithTLS = Scenario(
        name: "portal-tls", about: "the same over TLS, with a certificate of its own"
    ) { stage in
        try besiege(&stage, codes: ["certificate_unknown_ca"], exit: 1) { world, body in
            let other = try Server(
                world.programs, data: world.folder + "/other/data", host: world.server.host)
            let words = [
                "s_server", "-www", "-quiet", "-accept", "127.0.0.1:\(world.server.port)", "-cert",
                other.data + "/tls/server.pem", "-key", other.data + "/tls/server.key",
            ]
            let portal = try Child(
                "openssl", words, environment: Programs.environment(home: "/nonexistent"),
                output: world.folder + "/portal.out", errors: world.folder + "/portal.err")
            defer {
                portal.signal(SIGKILL)
                _ = portal.wait()
            }
            try awaitListener(port: world.server.port)
            guard portal.isRunning else {
                throw Skipped(
                    reason: "openssl s_server: \(Programs.text(world.folder + "/portal.err"))")
            }
            try body()
        }
    }

    /// Something else answers in place of the server; people edit on, and say nothing secret.
    private static func besiege(
        _ stage: inout Stage, codes: [String], exit: Int32,
        _ portal: (World, () throws -> Void) throws -> Void
    ) throws {
        let world = try World(stage.programs, members: ["anna", "bo"])
        defer { world.close() }
        let anna = world.members[0]
        _ = world.server.stop()
        var results: [Programs.Result] = []
        var status: [String: Any] = [:]
        try portal(world) {
            for _ in 0..<3 {
                stage.expectSuccess(try stage.edit(anna, world), of: "ting set, offline")
                results.append(try anna.ting(["sync", "--timeout", "3"]))
            }
            status = try anna.status()
        }
        for result in results {
            stage.expectFailure(result, of: "ting sync", exit: exit, codes: codes)
        }
        stage.expect(status["outbox"] as? Int == 3, "the outbox holds \(status["outbox"] ?? "?")")
        stage.expect(status["last_error"] is String, "ting status tells of no error")
        try world.server.start()
        try stage.judge(world)
    }

    private static func awaitListener(port: Int) throws {
        for _ in 0..<400 {
            let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(file) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            let done = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(file, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if done == 0 { return }
            Thread.sleep(forTimeInterval: 0.01)
        }
    }
}

/// Answers whatever comes with a web page, as the network of a hotel does.
private final class Portal: Sendable {
    private let channel: any Channel

    init(port: Int) async throws {
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Page())
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
    }

    func stop() async { try? await channel.close() }

    private final class Page: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let page = "<html><title>Welcome</title>Please sign in.</html>"
            let answer =
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: \(page.utf8.count)\r\n\r\n"
            context.writeAndFlush(
                wrapOutboundOut(ByteBuffer(string: answer + page)), promise: nil)
        }
    }
}
