// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOTLS

/// Closes a connection that leads nowhere: one that does not finish its TLS handshake in time, on
/// which neither end has said anything for long, or that stays after the server said goodbye.
///
/// HTTP has time-outs of its own, but they begin after the handshake, and on HTTP/2 they end with
/// a PING that a hostile client never answers.
final class ConnectionWatch: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let handshake: TimeAmount
    private let silence: TimeAmount
    private var lastSign = NIODeadline.now()
    private var deadline: Scheduled<Void>?
    /// Long enough for the last frames to leave.
    private static let goodbye = TimeAmount.seconds(1)

    init(_ bounds: ServerBounds) {
        handshake = TimeAmount(bounds.handshake)
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
        if case .handshakeCompleted = event as? TLSUserEvent { watchSilence(context) }
        if event is ChannelShouldQuiesceEvent { close(context, in: Self.goodbye) }
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
