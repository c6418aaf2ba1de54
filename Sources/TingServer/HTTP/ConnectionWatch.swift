// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOTLS

/// Closes a connection that leads nowhere: one that does not finish its TLS handshake in time, that
/// asks nothing soon after it, on which neither end has said anything for long, or that stays after
/// the server said goodbye.
///
/// HTTP has time-outs of its own, but they begin after the handshake, and on HTTP/2 they end with
/// a PING that a hostile client never answers.
final class ConnectionWatch: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let handshake: TimeAmount
    private let firstRequest: TimeAmount
    private let silence: TimeAmount
    private var lastSign = NIODeadline.now()
    private var deadline: Scheduled<Void>?
    private var hasAsked = false
    private var isLeaving = false
    /// Writes that were handed on, and how many of them the kernel has taken, or lost with the connection.
    private var written = 0
    private var taken = 0
    /// What waits until so many are taken, the next first.
    private var waiting: [(writes: Int, done: () -> Void)] = []
    /// Long enough for the last frames to leave.
    private static let goodbye = TimeAmount.seconds(1)

    init(_ bounds: ServerBounds) {
        handshake = TimeAmount(bounds.handshake)
        firstRequest = TimeAmount(min(bounds.firstRequest, bounds.idle))
        silence = TimeAmount(bounds.idle) * 2
    }

    func handlerAdded(context: ChannelHandlerContext) { close(context, in: handshake) }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        endWaiting()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        endWaiting()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Who takes nothing of what waits is silent, whatever they say.
        if taken == written { lastSign = .now() }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // Only what the kernel has taken is a sign: a client that reads nothing is silent.
        let sent = promise ?? context.eventLoop.makePromise()
        written += 1
        sent.futureResult.assumeIsolated().whenComplete { result in
            if case .success = result { self.lastSign = .now() }
            self.taken += 1
            self.endWaiting(until: self.taken)
        }
        context.write(data, promise: sent)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        if case .handshakeCompleted = event as? TLSUserEvent, !isLeaving {
            close(context, in: firstRequest)
        }
        if event is ChannelShouldQuiesceEvent {
            isLeaving = true
            close(context, in: Self.goodbye)
        }
    }

    /// The head of a request is whole. After the first, the connection may be silent for longer.
    static func requestCame(on channel: any Channel) {
        guard let connection = channel.isStream ? channel.parent : channel,
            let context = try? connection.pipeline.syncOperations.context(
                handlerType: ConnectionWatch.self),
            let watch = context.handler as? ConnectionWatch
        else { return }
        watch.requestCame(context)
    }

    /// Runs `done` when the kernel has taken what was written to an HTTP/1.1 connection until now, or
    /// the connection is gone: at once if that is so already.
    ///
    /// No clock looks for it: it would for each answer of a client that asks for much and reads nothing.
    static func whenSent(on connection: any Channel, _ done: @escaping () -> Void) {
        guard connection.isActive,
            let context = try? connection.pipeline.syncOperations.context(
                handlerType: ConnectionWatch.self),
            let watch = context.handler as? ConnectionWatch, watch.taken < watch.written
        else { return done() }
        watch.waiting.append((watch.written, done))
    }

    private func endWaiting(until writes: Int = .max) {
        let count = waiting.firstIndex { $0.writes > writes } ?? waiting.count
        guard count > 0 else { return }
        let ended = Array(waiting[..<count])
        waiting.removeFirst(count)
        for one in ended { one.done() }
    }

    private func requestCame(_ context: ChannelHandlerContext) {
        guard !hasAsked, !isLeaving else { return }
        hasAsked = true
        watchSilence(context)
    }

    private func close(_ context: ChannelHandlerContext, in time: TimeAmount) {
        deadline?.cancel()
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }

    private func watchSilence(_ context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(deadline: lastSign + silence) {
            if self.lastSign + self.silence <= .now() {
                context.close(promise: nil)
            } else {
                self.watchSilence(context)
            }
        }
    }
}
