// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A real HTTPS server on loopback that answers as a test says: cuts, wrong bodies, odd certificates.
final class LittleServer: Sendable {
    struct Asked: Sendable {
        var method: String
        var path: String
        var headers: [String: String]
        var body: [UInt8]
    }

    struct Answer: Sendable {
        var status = 200
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        /// Bytes of the body after which the connection is cut.
        var cutAfter: Int?
        /// Whether the connection stays open, for more to be said later.
        var staysOpen = false
    }

    let port: Int
    private let channel: any Channel
    private let log: Mutex<[Asked]>

    /// What was asked so far.
    var asked: [Asked] { log.withLock { $0 } }

    init(
        chain: [NIOSSLCertificate], key: NIOSSLPrivateKey,
        answer: @escaping @Sendable (Asked) -> Answer
    ) async throws {
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        tls.applicationProtocols = ["http/1.1"]
        let context = try NIOSSLContext(configuration: tls)
        let noted = LogBox()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLServerHandler(context: context))
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(Responder(log: noted, answer: answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        log = Mutex([])
        noted.sink = { [weak self] asked in self?.log.withLock { $0.append(asked) } }
    }

    func stop() async { try? await channel.close() }
}

/// Where a responder's requests go; set once, before the first connection.
private final class LogBox: @unchecked Sendable {
    // Written before the port is known to anybody, read afterwards only.
    var sink: (@Sendable (LittleServer.Asked) -> Void)?
}

private final class Responder: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let log: LogBox
    private let answer: @Sendable (LittleServer.Asked) -> LittleServer.Answer
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(log: LogBox, answer: @escaping @Sendable (LittleServer.Asked) -> LittleServer.Answer) {
        self.log = log
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, [])
        case .body(let part): body += Array(part.readableBytesView)
        case .end: respond(context)
        }
    }

    private func respond(_ context: ChannelHandlerContext) {
        guard let head else { return }
        let asked = LittleServer.Asked(
            method: head.method.rawValue, path: head.uri,
            headers: Dictionary(
                head.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { $1 }),
            body: body)
        log.sink?(asked)
        let answer = answer(asked)
        var headers = HTTPHeaders(answer.headers.map { ($0.key, $0.value) })
        if !answer.staysOpen {
            headers.replaceOrAdd(name: "Content-Length", value: "\(answer.body.count)")
        }
        let status = HTTPResponseStatus(statusCode: answer.status)
        context.write(
            wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))),
            promise: nil)
        let sent = answer.cutAfter.map { Array(answer.body.prefix($0)) } ?? answer.body
        let buffer = ByteBuffer(bytes: sent)
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
        if answer.cutAfter != nil {
            context.close(promise: nil)
        } else if !answer.staysOpen {
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
