// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// Measures one round trip through a proxy: a byte there and back.
final class Echo {
    private let listener: any Channel
    private let proxy: Proxy
    private let channel: any Channel
    private let answers: AsyncStream<Void>.AsyncIterator

    init(delay: TimeAmount) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        listener = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Mirror())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        proxy = try await Proxy(to: listener.localAddress?.port ?? 0, delay: delay)
        let (stream, feed) = AsyncStream<Void>.makeStream()
        answers = stream.makeAsyncIterator()
        channel = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Listener(feed))
                }
            }
            .connect(host: "127.0.0.1", port: proxy.port).get()
        _ = try await roundTrip()
    }

    /// Seconds of one round trip.
    func roundTrip() async throws -> Double {
        var answers = answers
        return try await secondsAwaiting {
            try await channel.writeAndFlush(ByteBuffer(string: "."))
            _ = await answers.next()
        }
    }

    func close() async {
        try? await channel.close()
        try? await listener.close()
        await proxy.close()
    }
}

private final class Mirror: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.writeAndFlush(data, promise: nil)
    }
}

private final class Listener: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let feed: AsyncStream<Void>.Continuation

    init(_ feed: AsyncStream<Void>.Continuation) { self.feed = feed }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { feed.yield() }
}
