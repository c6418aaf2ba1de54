// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization

/// A TCP proxy in this process that counts what passes, and delays it each way.
///
/// It has no limit of bandwidth and loses nothing. The system accepts connections at once, so the
/// round trip of TCP's own handshake is added to the first bytes of a connection.
final class Proxy: Sendable {
    private let listener: any Channel
    private let group: MultiThreadedEventLoopGroup
    private let bytes: Tally

    /// - Parameter delay: how long bytes take in each direction.
    init(to port: Int, delay: TimeAmount = .zero) async throws {
        let bytes = Tally()
        self.bytes = bytes
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                ClientBootstrap(group: channel.eventLoop)
                    .channelOption(.socketOption(.tcp_nodelay), value: 1)
                    .connect(host: "127.0.0.1", port: port)
                    .flatMapThrowing { server in
                        let late = channel.eventLoop.now + delay * 2
                        try channel.pipeline.syncOperations.addHandler(
                            Relay(to: server, delay, notBefore: late + delay, bytes))
                        try server.pipeline.syncOperations.addHandler(
                            Relay(to: channel, delay, notBefore: late, bytes))
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    var port: Int { listener.localAddress?.port ?? 0 }

    /// Bytes that have passed, both directions together.
    var count: Int { bytes.sum.withLock { $0 } }

    func close() async {
        try? await listener.close()
        try? await group.shutdownGracefully()
    }
}

private final class Tally: Sendable {
    let sum = Mutex(0)
}

/// Hands what one side says to the other, in order, after the delay.
private final class Relay: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let peer: any Channel
    private let delay: TimeAmount
    private let notBefore: NIODeadline
    private let bytes: Tally

    init(to peer: any Channel, _ delay: TimeAmount, notBefore: NIODeadline, _ bytes: Tally) {
        self.peer = peer
        self.delay = delay
        self.notBefore = notBefore
        self.bytes = bytes
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        bytes.sum.withLock { $0 += buffer.readableBytes }
        later(context) { $0.writeAndFlush(buffer, promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        later(context) { $0.close(promise: nil) }
    }

    private func later(
        _ context: ChannelHandlerContext, _ body: @escaping @Sendable (any Channel) -> Void
    ) {
        guard delay > .zero else { return body(peer) }
        let time = max(context.eventLoop.now + delay, notBefore)
        context.eventLoop.scheduleTask(deadline: time) { [peer] in body(peer) }
    }
}
