// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// The limit of P7 and P8: TLS on NIO and nothing else, in a process of its own.
///
/// A connection that sends `F` listens; what another sends after `P`, up to a newline, is written
/// to all that listen.
enum BareServer {
    static func run(certificate: String, key: String) async throws {
        FileHandles.raise()
        let chain = try NIOSSLCertificate.fromPEMFile(certificate)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
        configuration.minimumTLSVersion = .tlsv13
        let context = try NIOSSLContext(configuration: configuration)
        let listeners = Listeners()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        NIOSSLServerHandler(context: context), BareHandler(listeners),
                    ])
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        print("ready on https://127.0.0.1:\(channel.localAddress?.port ?? 0)")
        fflush(nil)
        try await channel.closeFuture.get()
    }
}

private final class Listeners: Sendable {
    let channels = Mutex<[any Channel]>([])
}

private final class BareHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let listeners: Listeners
    private var message = ByteBuffer()

    init(_ listeners: Listeners) { self.listeners = listeners }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        message.writeBuffer(&bytes)
        let view = message.readableBytesView
        if view.first == UInt8(ascii: "F") {
            listeners.channels.withLock { $0.append(context.channel) }
            message.clear()
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "\n")), promise: nil)
        } else if view.last == UInt8(ascii: "\n") {
            let whole = message
            message = ByteBuffer()
            for channel in listeners.channels.withLock({ $0 }) {
                channel.writeAndFlush(whole, promise: nil)
            }
        }
    }
}

/// The limit on open files: thousands of connections need more than programs get by default.
enum FileHandles {
    static func raise() {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
