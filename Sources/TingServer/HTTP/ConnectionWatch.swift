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
    /// Long enough for the last frames to leave.
    private static let goodbye = TimeAmount.seconds(1)

    init(_ bounds: ServerBounds) {
        handshake = TimeAmount(bounds.handshake)
        firstRequest = TimeAmount(min(bounds.firstRequest, bounds.idle))
        silence = TimeAmount(bounds.idle) * 2
    }

    func handlerAdded(context: ChannelHandlerContext) { close(context, in: handshake) }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastSign = .now()
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // Only what the kernel has taken is a sign: a client that reads nothing is silent.
        let taken = promise ?? context.eventLoop.makePromise()
        taken.futureResult.assumeIsolated().whenSuccess { self.lastSign = .now() }
        context.write(data, promise: taken)
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
