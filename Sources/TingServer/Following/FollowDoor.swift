// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Stands between HTTP and the routes, and keeps to itself the requests that follow: a task for each
/// of ten thousand quiet streams, and what it waits with, would be most of what they cost.
///
/// Once a route has answered such a request, the door and all of HTTP that a stream does not need
/// leave the channel to a `FollowStream`. On HTTP/1.1 the connection serves nothing else from the
/// request on.
final class FollowDoor: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart
    /// The other requests of an HTTP/1.1 connection, for the routes.
    typealias Requests = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    private enum State {
        /// Requests pass.
        case open
        /// A request that follows has come, but not yet to its end.
        case reading(Ask)
        /// It is whole, but those before it are not answered.
        case whole(Ask)
        /// It waits for its answer.
        case waiting(Ask, FollowStream)
        case left
    }

    /// A request that follows, and the workspace that it asks for.
    private struct Ask {
        let head: HTTPRequest
        let slug: String

        init?(_ head: HTTPRequest) {
            guard let slug = Route.followed(by: head) else { return nil }
            self.head = head
            self.slug = slug
        }
    }

    private let api: API
    private var state = State.open
    /// Requests that have passed, and not been answered.
    private var unanswered = 0
    /// Has the routes serve an HTTP/1.1 connection; called by the first request for them. A connection
    /// that only follows never needs what reads for them, nor a task.
    private var serve: ((Requests) -> Void)?

    init(_ api: API, serve: ((Requests) -> Void)? = nil) {
        self.api = api
        self.serve = serve
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        switch (state, part) {
        case (.open, _):
            if case .head(let head) = part {
                if let ask = Ask(head) {
                    state = .reading(ask)
                    return
                }
                unanswered += 1
            }
            openRoutes(context)
            context.fireChannelRead(data)
        case (.reading(let ask), .end):
            state = .whole(ask)
            if unanswered == 0 { queue(ask, context) }
        default: break
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(data, promise: promise)
        guard case .end = unwrapOutboundIn(data) else { return }
        unanswered -= 1
        if case .whole(let ask) = state, unanswered == 0 { queue(ask, context) }
    }

    /// Waits for its turn, with no more than an answer needs. From now on the stream takes what comes in.
    private func queue(_ ask: Ask, _ context: ChannelHandlerContext) {
        let stream = FollowStream(patience: TimeAmount(api.bounds.patience))
        state = .waiting(ask, stream)
        serve = nil
        let pipeline = context.pipeline.syncOperations
        do {
            if context.channel.isStream {
                try pipeline.addHandler(stream, position: .after(self))
            } else {
                let watch = try pipeline.handler(type: ConnectionWatch.self)
                try pipeline.addHandler(stream, position: .after(watch))
                try pipeline.remove(ByteToMessageHandler<HTTPRequestDecoder>.self)
                try pipeline.remove(RequestWatch.self)
            }
            try pipeline.remove(HTTPConnectionStateHandler.self)
        } catch {
            return context.close(promise: nil)
        }
        let door = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        api.queue.enter(ask.slug) { key in
            door.eventLoop.execute { door.value.0.answer(key, door.value.1) }
        }
    }

    /// - Parameter key: Whose turn it is.
    private func answer(_ key: FollowQueue.Key, _ context: ChannelHandlerContext) {
        // Who has left meanwhile is asked nothing.
        guard case .waiting(let ask, let stream) = state else { return api.queue.leave(key) }
        let line = NIOLoopBound(stream, eventLoop: context.eventLoop)
        context.eventLoop.makeFutureWithTask { [api, channel = context.channel, head = ask.head] in
            await api.follow(head, on: channel, line)
        }.assumeIsolated().whenSuccess { answer in
            let isFollowed = if case .stream = answer { true } else { false }
            self.api.queue.leave(key, followed: isFollowed ? ask.slug : nil)
            guard case .waiting = self.state else { return }
            self.state = .left
            switch answer {
            case .stream(let head): self.giveWay(to: stream, head, context)
            case .refusal(let head, let body):
                stream.leave()
                self.refuse(head, body, context)
            }
        }
    }

    private func giveWay(
        to stream: FollowStream, _ head: HTTPResponse, _ context: ChannelHandlerContext
    ) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let pipeline = context.pipeline.syncOperations
        if !context.channel.isStream {
            try? pipeline.remove(HTTPResponseEncoder.self)
            try? pipeline.remove(HTTP1ToHTTPServerCodec.self)
        }
        pipeline.removeHandler(context: context, promise: nil)
        stream.begin()
    }

    private func refuse(_ head: HTTPResponse, _ body: ByteBuffer, _ context: ChannelHandlerContext)
    {
        var head = head
        let sent = context.eventLoop.makePromise(of: Void.self)
        if !context.channel.isStream {
            // What came behind the request was not kept for the routes.
            head.headerFields[.connection] = "close"
            sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: sent)
    }

    /// Before anything that the routes have to hear.
    private func openRoutes(_ context: ChannelHandlerContext) {
        guard let serve else { return }
        self.serve = nil
        do {
            serve(
                try NIOAsyncChannel(
                    wrappingChannelSynchronously: context.channel,
                    configuration: .init(isOutboundHalfClosureEnabled: true)))
        } catch {
            context.close(promise: nil)
        }
    }
}

extension FollowDoor {
    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    private func leave() {
        serve = nil
        if case .waiting(_, let stream) = state { stream.leave() }
        state = .left
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Nobody else closes a connection that has brought nothing for the routes.
        let isLast = serve != nil || !isOpen
        if case ChannelEvent.inputClosed = event, isLast { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // What is behind the request may be anything: it was only read along with it.
        if case .waiting = state, !context.channel.isStream { return }
        guard isOpen else { return context.close(promise: nil) }
        // The routes answer what is no HTTP.
        openRoutes(context)
        context.fireErrorCaught(error)
    }

    private var isOpen: Bool {
        if case .open = state { true } else { false }
    }
}

extension ChannelPipeline.SynchronousOperations {
    fileprivate func remove<Handler: RemovableChannelHandler>(_ type: Handler.Type) throws {
        removeHandler(try handler(type: type), promise: nil)
    }
}
