// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
import NIOHTTPTypes
import NIOSSL
import NIOTLS
import TingCore

/// One port for HTTP/1.1 and HTTP/2 over TLS, chosen by ALPN.
enum Listener {
    static func builder(_ certificate: ServerCertificate, allowsTLS12: Bool) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            Guarded(
                base: try HTTP2UpgradeChannel(
                    tlsConfiguration: certificate.listenerConfiguration(allowsTLS12: allowsTLS12),
                    configuration: .init(
                        idleTimeout: .seconds(Limits.idleSeconds),
                        gracefulCloseTimeout: .seconds(Limits.shutdownSeconds),
                        streamConfiguration: .init(
                            additionalChannelHandlers: [ContinueHandler()],
                            idleTimeout: .seconds(Limits.idleSeconds))),
                    responder: responder))
        }
    }
}

/// Closes a connection that does not finish its TLS handshake in time.
///
/// No idle time-out of HTTP covers it: HTTP begins after the handshake.
private struct Guarded<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        base.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let tls = try pipeline.handler(type: NIOSSLServerHandler.self)
            try pipeline.addHandler(
                HandshakeDeadline(.seconds(Limits.handshakeSeconds)), position: .after(tls))
            return value
        }
    }

    func handle(value: Base.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}

private final class HandshakeDeadline: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let limit: TimeAmount
    private var deadline: Scheduled<Void>?

    init(_ limit: TimeAmount) { self.limit = limit }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        if case .handshakeCompleted = event as? TLSUserEvent {
            deadline?.cancel()
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
    }
}

/// Answers `Expect: 100-continue` (RFC 9110 § 10.1.1), which `curl` sends before a large body,
/// unless the body is known to be too large.
private final class ContinueHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundOut = HTTPResponsePart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data),
            head.headerFields[.expect]?.lowercased() == "100-continue",
            head.headerFields[.contentLength].flatMap({ Int($0) }) ?? 0 <= Limits.requestByteLimit
        {
            context.writeAndFlush(
                wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
        }
        context.fireChannelRead(data)
    }
}
