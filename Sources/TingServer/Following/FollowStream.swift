// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTPTypes
import TingCore

/// One event stream: all that stays of a request that follows, on its channel and event loop.
///
/// No task, no buffer and no timer stand behind a quiet one. What a slow client has not taken waits
/// here, up to a few events: where one is missed, the replica sees the gap and syncs.
final class FollowStream: ChannelInboundHandler {
    typealias InboundIn = Any

    /// Events that wait for a slow client. The oldest go first.
    private static let queueLimit = 16
    /// Long enough for the end of a stream to leave.
    private static let goodbye = TimeAmount.seconds(1)
    private static let comment = FollowBytes(": still here\n\n".utf8)
    private static let lastChunk = ByteBuffer(string: "0\r\n\r\n")

    private let patience: TimeAmount
    private var context: ChannelHandlerContext?
    private var place: FollowHub.Place?
    private var waiting: [FollowHub.Event] = []
    private var told: Version?
    private var hasBegun = false
    private var isEnding = false
    private var deadline: Scheduled<Void>?

    /// - Parameter patience: How long a client may take nothing.
    init(patience: TimeAmount) { self.patience = patience }

    /// What the stream begins with, once it stands; before all that was heard meanwhile.
    func prepare(_ place: FollowHub.Place, _ first: FollowHub.Event) {
        guard !isEnding else { return }
        self.place = place
        waiting = [first] + waiting.filter { $0.head > first.head }
    }

    /// The head of the answer is written: what has to be told goes behind it.
    func begin() {
        hasBegun = true
        guard let context else { return }
        guard !isEnding else { return writeEnd(context) }
        writeWaiting()
        if !context.channel.isWritable { close(context, in: patience) }
    }

    func tell(_ event: FollowHub.Event) {
        guard !isEnding else { return }
        waiting.append(event)
        if waiting.count > Self.queueLimit { waiting.removeFirst() }
        writeWaiting()
    }

    /// Shows that the stream is alive. What a slow client has not yet taken shows it just as well.
    func comment() {
        guard hasBegun, let context, !isEnding, waiting.isEmpty, context.channel.isWritable else {
            return
        }
        write(Self.comment, context)
        context.flush()
    }

    /// Ends the stream, whole if the client takes that at once.
    func end() {
        guard !isEnding else { return }
        isEnding = true
        place = nil
        waiting = []
        if hasBegun, let context { writeEnd(context) }
    }

    private func writeWaiting() {
        guard hasBegun, let context, !isEnding else { return }
        var hasWritten = false
        while let event = waiting.first, context.channel.isWritable {
            waiting.removeFirst()
            guard event.head > told ?? -1 else { continue }
            told = event.head
            write(event.bytes, context)
            hasWritten = true
        }
        if hasWritten { context.flush() }
    }

    /// On HTTP/1.1 past its encoder, which would make three writes, and three records of TLS, of it.
    private func write(_ bytes: FollowBytes, _ context: ChannelHandlerContext) {
        let data =
            context.channel.isStream
            ? NIOAny(HTTPResponsePart.body(bytes.plain)) : NIOAny(bytes.chunk)
        context.write(data, promise: nil)
    }

    private func writeEnd(_ context: ChannelHandlerContext) {
        guard context.channel.isWritable else { return context.close(promise: nil) }
        close(context, in: Self.goodbye)
        if context.channel.isStream {
            context.writeAndFlush(NIOAny(HTTPResponsePart.end(nil)), promise: nil)
        } else {
            let sent = context.eventLoop.makePromise(of: Void.self)
            sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
            context.writeAndFlush(NIOAny(Self.lastChunk), promise: sent)
        }
    }

    private func close(_ context: ChannelHandlerContext, in time: TimeAmount) {
        deadline?.cancel()
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }
}

extension FollowStream {
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    /// Gives up what it holds: its channel is gone, or never became a stream.
    func leave() {
        isEnding = true
        context = nil
        place = nil
        waiting = []
        deadline?.cancel()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if hasBegun, !isEnding {
            if context.channel.isWritable {
                deadline?.cancel()
                deadline = nil
                writeWaiting()
            } else {
                close(context, in: patience)
            }
        }
        context.fireChannelWritabilityChanged()
    }

    /// Whatever a client says after its request is not heard: the stream has the connection.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: context.close(promise: nil)
        case is ChannelShouldQuiesceEvent: end()
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
