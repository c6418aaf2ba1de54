// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Sets HTTP/1.1 up when the first bytes of a connection come.
///
/// Thousands that connect at the same time, as they do after a restart, ask one after the other. What
/// reads their requests is then made, used and given back in turns, not for all of them at once.
/// `ConnectionWatch` closes one that brings nothing.
final class FirstBytes: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let setUp: (ChannelPipeline.SynchronousOperations) throws -> Void

    /// - Parameter setUp: Adds what reads requests.
    init(setUp: @escaping (ChannelPipeline.SynchronousOperations) throws -> Void) {
        self.setUp = setUp
    }

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
