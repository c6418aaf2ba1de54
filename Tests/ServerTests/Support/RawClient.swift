// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization
import TingServer

/// A client that says any bytes at any time: cut, slow, silent, deaf or hostile.
final class RawClient: Sendable {
    private let channel: any Channel
    private let inbox: Inbox
    private let knife: Knife

    /// Next to the socket: what it closes says no goodbye in TLS.
    private final class Knife: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        func cut(_ channel: any Channel) async throws {
            try await channel.eventLoop.flatSubmit {
                let closed = channel.eventLoop.makePromise(of: Void.self)
                do {
                    try channel.pipeline.syncOperations.context(handler: self).close(
                        promise: closed)
                } catch {
                    closed.fail(error)
                }
                return closed.futureResult
            }.get()
        }
    }

    private final class Inbox: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        let bytes = Mutex(ByteBuffer())
        let isClosed = Mutex(false)
        private let ready: EventLoopPromise<Void>

        init(_ ready: EventLoopPromise<Void>) { self.ready = ready }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .handshakeCompleted = event as? TLSUserEvent { ready.succeed() }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var buffer = unwrapInboundIn(data)
            _ = bytes.withLock { $0.writeBuffer(&buffer) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            isClosed.withLock { $0 = true }
            ready.fail(ChannelError.eof)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }

    /// - Parameters:
    ///   - protocols: What it offers by ALPN; `nil` for a client that does not speak TLS.
    ///   - isDeaf: Whether it reads nothing but the handshake.
    init(
        _ address: HostPort, ca: String, protocols: [String]? = ["http/1.1"], isDeaf: Bool = false
    ) async throws {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file(ca)
        tls.applicationProtocols = protocols ?? []
        let context = try NIOSSLContext(configuration: tls)
        let ready = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let inbox = Inbox(ready)
        let knife = Knife()
        self.inbox = inbox
        self.knife = knife
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(knife)
                    if protocols != nil {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: nil))
                    }
                    try channel.pipeline.syncOperations.addHandler(inbox)
                }
            }.connect(host: address.host, port: address.port).get()
        if protocols == nil { ready.succeed() }
        if isDeaf {
            try await ready.futureResult.get()
            try await channel.setOption(ChannelOptions.autoRead, value: false).get()
        }
    }

    deinit { Task { [channel, knife] in try? await knife.cut(channel) } }

    func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    /// Cuts the connection, as a network does.
    func cut() async { try? await knife.cut(channel) }

    func listenAgain() async throws {
        try await channel.setOption(ChannelOptions.autoRead, value: true).get()
        channel.read()
    }

    var received: [UInt8] { inbox.bytes.withLock { Array(buffer: $0) } }
    var text: String { inbox.bytes.withLock { String(buffer: $0) } }
    var receivedCount: Int { inbox.bytes.withLock { $0.readableBytes } }
    var isClosed: Bool { inbox.isClosed.withLock { $0 } }

    /// Waits until what was received contains `text`, or the connection ends.
    func hears(_ text: String) async throws -> Bool {
        while !self.text.contains(text) {
            if isClosed { return false }
            try await Task.sleep(for: .milliseconds(5))
        }
        return true
    }

    /// Waits until the server has ended the connection.
    func ends() async throws {
        while !isClosed { try await Task.sleep(for: .milliseconds(5)) }
    }
}

/// HTTP/2 frames (RFC 9113 § 4, § 6), and just enough of HPACK (RFC 7541) to ask.
enum Frame {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    static func settings(windowSize: UInt32? = nil) -> [UInt8] {
        frame(4, 0, 0, windowSize.map { [0, 4] + bytes($0) } ?? [])
    }

    static func window(_ stream: UInt32, _ size: UInt32) -> [UInt8] {
        frame(8, 0, stream, bytes(size))
    }

    /// A request: its headers, and whether a body follows.
    static func headers(
        _ stream: UInt32, _ method: String, _ path: String, _ fields: [(String, String)] = [],
        hasBody: Bool = false
    ) -> [UInt8] {
        let all = [
            (":method", method), (":scheme", "https"), (":path", path), (":authority", "localhost"),
        ]
        var block: [UInt8] = []
        for (name, value) in all + fields { block += [0] + literal(name) + literal(value) }
        return frame(1, hasBody ? 4 : 5, stream, block)
    }

    static func data(_ stream: UInt32, _ data: [UInt8], ends: Bool) -> [UInt8] {
        frame(0, ends ? 1 : 0, stream, data)
    }

    /// Gives a stream up.
    static func reset(_ stream: UInt32) -> [UInt8] { frame(3, 0, stream, bytes(8)) }

    private static func literal(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return (bytes.count < 127 ? [UInt8(bytes.count)] : [127, UInt8(bytes.count - 127)]) + bytes
    }

    private static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ body: [UInt8])
        -> [UInt8]
    {
        Array(bytes(UInt32(body.count)).dropFirst()) + [type, flags] + bytes(stream) + body
    }

    private static func bytes(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    /// The types of the frames in a stretch of bytes, with their streams.
    static func types(_ bytes: [UInt8]) -> [(type: UInt8, stream: UInt8)] {
        var found: [(UInt8, UInt8)] = []
        var rest = bytes[...]
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            found.append((head[3], head[8]))
            rest = rest.dropFirst(9 + Int(head[0]) << 16 + Int(head[1]) << 8 + Int(head[2]))
        }
        return found
    }
}
