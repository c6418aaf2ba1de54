// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Sets HTTP/1.1 up when the first bytes of a connection come.
///
/// Thousands that connect at the same time, as they do after a restart, ask one after the other. What
/// reads their requests is then made, used and given back in turns, not for all of them at once.
final class FirstBytes: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let idle: TimeAmount
    private let setUp: (ChannelPipeline.SynchronousOperations) throws -> Void
    private var deadline: Scheduled<Void>?

    /// - Parameters:
    ///   - idle: How long a connection may bring nothing.
    ///   - setUp: Adds what reads requests.
    init(
        idle: TimeAmount, setUp: @escaping (ChannelPipeline.SynchronousOperations) throws -> Void
    ) {
        self.idle = idle
        self.setUp = setUp
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: idle) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let pipeline = context.pipeline.syncOperations
        do {
            try setUp(pipeline)
            context.fireChannelRead(data)
            pipeline.removeHandler(context: context, promise: nil)
        } catch {
            context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        switch event {
        case ChannelEvent.inputClosed, is ChannelShouldQuiesceEvent: context.close(promise: nil)
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
