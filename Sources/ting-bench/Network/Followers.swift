// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization

/// Connections that follow, and tell when the last of them has heard.
final class Followers: Sendable {
    private let heard: Ears
    private let channels: [any Channel]

    /// - Parameters:
    ///   - count: How many connect.
    ///   - hello: What each sends first.
    ///   - end: What every message ends with.
    init(
        _ count: Int, _ client: RawClient, end: String,
        hello: @escaping @Sendable (Int) -> ByteBuffer
    ) async throws {
        let ears = Ears()
        heard = ears
        channels = try await client.connect(count) { _ in FollowerHandler(ears, end: end) }
        for (number, channel) in channels.enumerated() {
            try await channel.writeAndFlush(hello(number))
        }
        // The first message says that the stream stands.
        try await wait(for: count)
    }

    /// Runs `push`, and gives the seconds until every follower has heard one more message.
    func time(_ push: () async throws -> Void) async throws -> Double {
        let start = ContinuousClock.now
        heard.reset()
        try await push()
        try await wait(for: channels.count)
        return (heard.last - start).seconds
    }

    func close() async {
        for channel in channels { channel.close(promise: nil) }
        for channel in channels { try? await channel.closeFuture.get() }
    }

    private func wait(for count: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while heard.count < count {
            guard ContinuousClock.now < deadline else {
                throw BenchError("only \(heard.count) of \(count) followers heard")
            }
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}

/// How many have heard, and when the last did.
private final class Ears: Sendable {
    private let state = Mutex((count: 0, last: ContinuousClock.now))

    var count: Int { state.withLock { $0.count } }
    var last: ContinuousClock.Instant { state.withLock { $0.last } }

    func hear() { state.withLock { $0 = ($0.count + 1, ContinuousClock.now) } }
    func reset() { state.withLock { $0.count = 0 } }
}

private final class FollowerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let ears: Ears
    private let end: [UInt8]
    private var bytes = ByteBuffer()

    init(_ ears: Ears, end: String) {
        self.ears = ears
        self.end = Array(end.utf8)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var new = unwrapInboundIn(data)
        bytes.writeBuffer(&new)
        guard bytes.readableBytesView.firstRange(of: end) != nil else { return }
        bytes.clear()
        ears.hear()
    }
}
