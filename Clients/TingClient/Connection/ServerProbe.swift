// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

/// Looks at a server over a bare TLS connection: which certificates it sends, and what time it has.
///
/// Used where the ordinary checks can't be: at the first contact, before there is a root to check
/// against, and after a failed handshake, to say why it failed. Nothing secret travels over it.
struct ServerProbe {
    let server: ServerAddress
    let proxy: ProxySettings?
    let timeout: Duration

    struct Finding: Sendable {
        /// The certificates as sent, the server's own first.
        var chain: [NIOSSLCertificate]
        /// The head of the answer to a request, when the chain was accepted; why there is none.
        var answer: Result<String, any Error>
    }

    /// Why a look at the server found no certificate.
    func explained(_ finding: Finding) -> ClientError {
        guard case .failure(let error) = finding.answer else { return .noAgreement(server) }
        return ClientError(error, at: server, through: proxy) ?? .noAgreement(server)
    }

    /// Connects, shows the chain to `accept`, and asks for `/healthz` where it agrees.
    /// - Throws: `ClientError`, or `CancellationError`.
    func run(
        accepting accept: @escaping @Sendable ([NIOSSLCertificate]) async -> Bool
    ) async throws -> Finding {
        let seen = Mutex<[NIOSSLCertificate]>([])
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["http/1.1"]
        let tls = try NIOSSLContext(configuration: configuration)
        let request =
            "GET /healthz HTTP/1.1\r\nHost: \(server.authority)\r\nConnection: close\r\n\r\n"
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let answer = loop.makePromise(of: String.self)
        let verify:
            @Sendable ([NIOSSLCertificate], EventLoopPromise<NIOSSLVerificationResult>) -> Void = {
                chain, verdict in
                seen.withLock { $0 = chain }
                verdict.completeWithTask { await accept(chain) ? .certificateVerified : .failed }
            }
        let end = try await withTaskCancellationHandler {
            let channel: any Channel
            do {
                channel = try await connect(on: loop, answer: answer) { [server] pipeline in
                    let handler = try NIOSSLClientHandler(
                        context: tls, serverHostname: server.isIPAddress ? nil : server.host,
                        customVerificationCallback: verify)
                    try pipeline.addHandlers([
                        handler, AnswerHead(request: request, answer: answer),
                    ])
                }
            } catch {
                answer.fail(error)
                try Task.checkCancellation()
                throw error
            }
            let end: Result<String, any Error>
            do { end = .success(try await answer.futureResult.get()) } catch {
                end = .failure(error)
            }
            try? await channel.close()
            try Task.checkCancellation()
            return end
        } onCancel: {
            answer.fail(CancellationError())
        }
        return Finding(chain: seen.withLock { $0 }, answer: end)
    }

    private func connect(
        on loop: any EventLoop, answer: EventLoopPromise<String>,
        secure: @escaping @Sendable (ChannelPipeline.SynchronousOperations) throws -> Void
    ) async throws -> any Channel {
        let deadline = TimeAmount.nanoseconds(timeout.nanoseconds)
        let end = loop.scheduleTask(in: deadline) {
            answer.fail(ChannelError.connectTimeout(deadline))
        }
        answer.futureResult.whenComplete { _ in end.cancel() }
        let bootstrap = ClientBootstrap(group: loop).connectTimeout(deadline)
            .channelInitializer { [proxy, server] channel in
                // Whatever ends the wait for an answer ends a connection that is still being made.
                answer.futureResult.whenFailure { _ in channel.close(promise: nil) }
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let proxy {
                        let request = proxy.connectRequest(to: server)
                        try pipeline.addHandler(
                            Tunnel(request: request, answer: answer, secure: secure))
                    } else {
                        try secure(pipeline)
                    }
                }
            }
        do {
            return try await bootstrap.connect(
                host: proxy?.host ?? server.host, port: proxy?.port ?? server.port
            ).get()
        } catch {
            throw ClientError.notReached(
                server, through: proxy, because: FailureText.connecting(error))
        }
    }
}

/// Opens a tunnel through a proxy, then makes way for TLS.
private final class Tunnel: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let request: String
    private let answer: EventLoopPromise<String>
    private let secure: @Sendable (ChannelPipeline.SynchronousOperations) throws -> Void
    private var head = ""

    init(
        request: String, answer: EventLoopPromise<String>,
        secure: @escaping @Sendable (ChannelPipeline.SynchronousOperations) throws -> Void
    ) {
        self.request = request
        self.answer = answer
        self.secure = secure
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        head += String(buffer: unwrapInboundIn(data))
        guard head.contains("\r\n\r\n") else {
            if head.utf8.count > 16_384 { close(context, HTTPClientError.invalidProxyResponse) }
            return
        }
        let status = head.hasPrefix("HTTP/1.") ? head.dropFirst(8).prefix(4) : ""
        guard status == " 200" else {
            let wantsPassword = status == " 407"
            return close(
                context,
                wantsPassword
                    ? HTTPClientError.proxyAuthenticationRequired
                    : HTTPClientError.invalidProxyResponse)
        }
        do {
            // The server speaks only after the client in TLS: nothing can have come behind the head.
            try secure(context.pipeline.syncOperations)
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        } catch { close(context, error) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    private func close(_ context: ChannelHandlerContext, _ reason: any Error) {
        answer.fail(reason)
        context.close(promise: nil)
    }
}

/// Sends a request when TLS stands, and keeps the head of the answer.
private final class AnswerHead: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let request: String
    private let answer: EventLoopPromise<String>
    private var head = ""

    init(request: String, answer: EventLoopPromise<String>) {
        self.request = request
        self.answer = answer
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(_)? = event as? TLSUserEvent {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        head += String(buffer: unwrapInboundIn(data))
        guard head.contains("\r\n\r\n") || head.utf8.count > 16_384 else { return }
        answer.succeed(head)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(ChannelError.eof)
        context.fireChannelInactive()
    }
}

extension Duration {
    /// For NIO, whose sums of times end the process where they overflow: at most a year.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = min(max(self, .zero), .seconds(365 * 86_400)).components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
