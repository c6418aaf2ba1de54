// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A proxy on loopback that knows CONNECT and nothing else.
final class LittleProxy: Sendable {
    let port: Int
    private let channel: any Channel
    private let heads: HeadLog

    /// The requests that opened tunnels.
    var requests: [String] { heads.all }

    init(to server: Int) async throws {
        let heads = HeadLog()
        self.heads = heads
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Connector(server, heads))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    func stop() async { try? await channel.close() }
}

private final class HeadLog: Sendable {
    private let heads = Mutex<[String]>([])
    var all: [String] { heads.withLock { $0 } }
    func add(_ head: String) { heads.withLock { $0.append(head) } }
}

private final class Connector: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let server: Int
    private let heads: HeadLog
    private var head = ""

    init(_ server: Int, _ heads: HeadLog) {
        self.server = server
        self.heads = heads
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        head += String(buffer: unwrapInboundIn(data))
        guard head.hasSuffix("\r\n\r\n") else { return }
        heads.add(head)
        guard head.hasPrefix("CONNECT ") else { return context.close(promise: nil) }
        let near = context.channel
        let loop = context.eventLoop
        let bound = NIOLoopBound((context: context, handler: self), eventLoop: loop)
        ClientBootstrap(group: loop)
            .channelInitializer { far in
                far.eventLoop.makeCompletedFuture {
                    try far.pipeline.syncOperations.addHandler(Relay(to: near))
                }
            }
            .connect(host: "127.0.0.1", port: server).hop(to: loop).whenComplete { result in
                let (context, handler) = bound.value
                guard case .success(let far) = result else { return context.close(promise: nil) }
                try? context.pipeline.syncOperations.addHandler(Relay(to: far))
                let reply = ByteBuffer(string: "HTTP/1.1 200 Connected\r\n\r\n")
                context.writeAndFlush(handler.wrapOutboundOut(reply), promise: nil)
                context.pipeline.syncOperations.removeHandler(handler, promise: nil)
            }
    }
}

private final class Relay: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let other: any Channel

    init(to other: any Channel) { self.other = other }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        other.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
}
