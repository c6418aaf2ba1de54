// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization

/// Carries bytes between clients and a server, and does what is wrong at one byte of an exchange.
///
/// Bytes are counted over all connections since `arm`, each direction apart. A fault strikes once;
/// whoever connects after it finds the line clean.
final class CutProxy: Sendable {
    enum Direction: String, CaseIterable, Sendable { case up, down }

    /// What happens when so many bytes of a direction have passed.
    struct Fault: Sendable {
        enum Kind: String, CaseIterable, Sendable {
            /// Both ends see the end of the connection.
            case close
            /// Both ends see a reset.
            case reset
            /// Nothing passes any more, either way, and nobody is told.
            case silence
            /// What comes after is held, until `release` lets it go: a late duplicate.
            case hold
        }

        var kind: Kind
        var direction: Direction
        var after: Int

        /// Whether the ends are left to find out by themselves.
        var isSilent: Bool { [.silence, .hold].contains(kind) }
    }

    let port: Int
    private let channel: any Channel
    private let state: Line

    /// - Parameter host: Where the server listens, on `port`.
    init(to host: String, port server: Int) async throws {
        let state = Line()
        self.state = state
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { near in
                ClientBootstrap(group: near.eventLoop)
                    .channelOption(.allowRemoteHalfClosure, value: true)
                    .connect(host: host, port: server)
                    .flatMap { far in
                        near.eventLoop.makeCompletedFuture {
                            try near.pipeline.syncOperations.addHandler(
                                Gate(.up, to: far, state))
                            try far.pipeline.syncOperations.addHandler(
                                Gate(.down, to: near, state))
                        }
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    func stop() async {
        release()
        try? await channel.close()
    }

    /// Counts from zero, with a fault for the bytes to come, or none.
    /// - Parameter drips: Whether the first bytes travel in packets of their own, each.
    func arm(_ fault: Fault?, drips: Bool = false) {
        state.content.withLock { content in
            content.fault = fault
            content.passed = [:]
            content.drips = drips
            content.struck = false
        }
    }

    /// Bytes that passed since `arm`.
    func passed(_ direction: Direction) -> Int {
        state.content.withLock { $0.passed[direction] ?? 0 }
    }

    /// Whether the fault has struck.
    var hasStruck: Bool { state.content.withLock { $0.struck } }

    /// Lets go what was held, and ends connections that went silent.
    func release() {
        let waiting = state.content.withLock { content in
            defer { content.waiting = [] }
            return content.waiting
        }
        for gate in waiting { gate() }
    }
}

/// What the connections of a proxy share.
private final class Line: Sendable {
    struct Content: Sendable {
        var fault: CutProxy.Fault?
        var passed: [CutProxy.Direction: Int] = [:]
        var drips = false
        var struck = false
        var waiting: [@Sendable () -> Void] = []
    }

    let content = Mutex(Content())

    /// How many of these bytes may pass, what happens then, and whether each travels alone.
    func admit(_ count: Int, _ direction: CutProxy.Direction) -> (Int, CutProxy.Fault.Kind?, Bool) {
        content.withLock { content in
            let before = content.passed[direction] ?? 0
            guard let fault = content.fault, fault.direction == direction,
                before + count > fault.after
            else {
                content.passed[direction] = before + count
                return (count, nil, content.drips && before < Self.dripLimit)
            }
            content.fault = nil
            content.struck = true
            content.passed[direction] = fault.after
            return (fault.after - before, fault.kind, false)
        }
    }

    /// Bytes of a direction that drip; a whole snapshot would take minutes.
    private static let dripLimit = 16_384
}

/// One direction of one connection.
private final class Gate: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private enum State {
        case open
        case holding([ByteBuffer], isEnded: Bool)
        case silent
        case closed
    }

    private let direction: CutProxy.Direction
    private let other: any Channel
    private let line: Line
    private var state = State.open

    init(_ direction: CutProxy.Direction, to other: any Channel, _ line: Line) {
        self.direction = direction
        self.other = other
        self.line = line
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        switch state {
        case .open: break
        case .holding(let held, _):
            state = .holding(held + [bytes], isEnded: false)
            return
        case .silent, .closed: return
        }
        let (count, fault, drips) = line.admit(bytes.readableBytes, direction)
        if let passing = bytes.readSlice(length: count), count > 0 { pass(passing, drips) }
        guard let fault else { return }
        strike(fault, context, bytes)
    }

    private func pass(_ bytes: ByteBuffer, _ drips: Bool) {
        guard drips else { return other.writeAndFlush(bytes, promise: nil) }
        var bytes = bytes
        while let byte = bytes.readSlice(length: 1) { other.writeAndFlush(byte, promise: nil) }
    }

    private func strike(
        _ fault: CutProxy.Fault.Kind, _ context: ChannelHandlerContext, _ rest: ByteBuffer
    ) {
        let near = context.channel
        switch fault {
        case .close:
            state = .closed
            near.close(promise: nil)
            other.close(promise: nil)
        case .reset:
            state = .closed
            for channel in [near, other] {
                // Closing with nothing to linger for sends a reset.
                let option = channel as? any SocketOptionProvider
                let set = option?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
                if let set { set.whenComplete { _ in channel.close(promise: nil) } }
            }
        case .silence:
            state = .silent
            let other = other
            line.content.withLock { content in
                content.waiting.append {
                    near.close(promise: nil)
                    other.close(promise: nil)
                }
            }
        case .hold:
            state = .holding(rest.readableBytes > 0 ? [rest] : [], isEnded: false)
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            let loop = context.eventLoop
            line.content.withLock { content in
                content.waiting.append { loop.execute { bound.value.letGo() } }
            }
        }
    }

    private func letGo() {
        guard case .holding(let held, let isEnded) = state else { return }
        state = .open
        for bytes in held { other.writeAndFlush(bytes, promise: nil) }
        if isEnded { other.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { end() }
    }

    func channelInactive(context: ChannelHandlerContext) { end() }

    /// The sender has left: the receiver hears of it, unless nothing passes.
    private func end() {
        switch state {
        case .open:
            state = .closed
            other.close(promise: nil)
        case .holding(let held, _): state = .holding(held, isEnded: true)
        case .silent, .closed: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end() }
}
