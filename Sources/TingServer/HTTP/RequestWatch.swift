// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTPTypes
import TingCore

/// Sees to it that each request ends: it must come whole within its time, what is left of a
/// refused one is read for a little while only, and a connection is closed where the answer says so.
///
/// Also answers `Expect: 100-continue` (RFC 9110 § 10.1.1), which `curl` sends before a large body,
/// unless the body is known to be too large: behind the answers to what was asked before.
final class RequestWatch: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let whole: TimeAmount
    private let linger: TimeAmount
    private var deadline: Scheduled<Void>?
    /// Requests that began, and answers that ended: the next may be read before this one is answered.
    private var begun = 0
    private var answered = 0
    private var isReading = false
    /// Whether the request that is read waits to be told that its body is wanted.
    private var isExpectant = false
    private var closes = false

    init(_ bounds: ServerBounds) {
        whole = TimeAmount(bounds.request)
        linger = TimeAmount(bounds.linger)
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            if begun == 0 { ConnectionWatch.requestCame(on: context.channel) }
            begun += 1
            isReading = true
            close(context, in: whole)
            isExpectant = Self.wantsContinue(head)
            goAhead(context)
        // It did not wait.
        case .body: isExpectant = false
        case .end:
            isReading = false
            isExpectant = false
            deadline?.cancel()
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            if head.headerFields[.connection] == "close" { closes = true }
            context.write(data, promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            answered += 1
            if isReading, answered == begun { close(context, in: linger) }
            guard closes, !isReading else {
                context.write(data, promise: promise)
                return goAhead(context)
            }
            let sent = promise ?? context.eventLoop.makePromise()
            sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
            context.writeAndFlush(data, promise: sent)
        }
    }

    /// Asks for the body of a request that waits with it; an answer under way would be cut in two.
    private func goAhead(_ context: ChannelHandlerContext) {
        guard isExpectant, answered == begun - 1 else { return }
        isExpectant = false
        context.writeAndFlush(
            wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
    }

    private static func wantsContinue(_ head: HTTPRequest) -> Bool {
        head.headerFields[.expect].map { $0.isASCII && $0.lowercased() == "100-continue" } ?? false
            && head.headerFields[.contentLength].flatMap({ Int($0) }) ?? 0
                <= Limits.requestByteLimit
    }

    private func close(_ context: ChannelHandlerContext, in time: TimeAmount) {
        deadline?.cancel()
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }
}
