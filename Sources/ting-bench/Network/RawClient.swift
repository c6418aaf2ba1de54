// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// Many TLS connections that cost next to nothing: bytes go out as they are given, and a handler
/// looks at what comes. What is measured is the server's end.
struct RawClient {
    let port: Int
    private let context: NIOSSLContext
    private let group: any EventLoopGroup

    init(port: Int, authority: String, group: any EventLoopGroup) throws {
        self.port = port
        self.group = group
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(authority))
        configuration.applicationProtocols = ["http/1.1"]
        context = try NIOSSLContext(configuration: configuration)
    }

    /// Connects; `handler` is made on the connection's event loop.
    func connect<Handler: ChannelInboundHandler & SendableMetatype>(
        _ handler: @escaping @Sendable () -> Handler
    ) async throws -> any Channel where Handler.InboundIn == ByteBuffer {
        try await ClientBootstrap(group: group)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { [context] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        NIOSSLClientHandler(context: context, serverHostname: nil), handler(),
                    ])
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
    }

    /// Many connections, a few at a time: a server has a queue of so many.
    func connect<Handler: ChannelInboundHandler & SendableMetatype>(
        _ count: Int, _ handler: @escaping @Sendable (Int) -> Handler
    ) async throws -> [any Channel] where Handler.InboundIn == ByteBuffer {
        var channels: [any Channel] = []
        for number in 0..<count { channels.append(try await connect { handler(number) }) }
        return channels
    }
}

/// Sends requests one after another, each as soon as the last is answered.
final class RequestChain: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var requests: ArraySlice<ByteBuffer>
    private var answer = ByteBuffer()
    private let done: EventLoopPromise<Void>

    /// - Parameter done: succeeds when the last answer is whole; fails at any but a 200.
    init(_ requests: [ByteBuffer], done: EventLoopPromise<Void>) {
        self.requests = requests[...]
        self.done = done
    }

    /// Any event starts the chain: all of them start together.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is Start { next(context) } else { context.fireUserInboundEventTriggered(event) }
    }

    struct Start {}

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        answer.writeBuffer(&bytes)
        guard let isOK = Self.isWhole(answer) else { return }
        guard isOK else {
            let text = String(buffer: answer).prefix(300)
            return done.fail(BenchError("a push was answered: \(text)"))
        }
        answer.clear()
        next(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        done.fail(BenchError("the server closed a connection"))
    }

    private func next(_ context: ChannelHandlerContext) {
        guard let request = requests.popFirst() else { return done.succeed() }
        context.writeAndFlush(wrapOutboundOut(request), promise: nil)
    }

    /// Whether a whole answer is there, and whether it says 200; `nil` while it is not whole.
    private static func isWhole(_ buffer: ByteBuffer) -> Bool? {
        let view = buffer.readableBytesView
        guard let end = view.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let head = String(decoding: view[..<end.lowerBound], as: UTF8.self).lowercased()
        guard let field = head.range(of: "content-length: ") else { return false }
        let length = Int(head[field.upperBound...].prefix { $0.isNumber }) ?? 0
        guard view.endIndex - end.upperBound >= length else { return nil }
        return head.hasPrefix("http/1.1 200")
    }
}
