// SPDX-License-Identifier: Apache-2.0

import NIOCore
import ServiceLifecycle
import Synchronization

/// Counts the requests that are being answered, so that a shutdown can wait for them.
///
/// The HTTP server's own shutdown drops answers under way on HTTP/2, and what a slow client has
/// not yet taken on HTTP/1.1. So nobody tells it to stop before this count is zero.
final class RequestsUnderWay: Sendable {
    private struct State {
        var count = 0
        var isDraining = false
        var drained: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Counts a request in; `false` once the server is shutting down.
    func begin() -> Bool {
        state.withLock { state in
            state.count += 1
            return !state.isDraining
        }
    }

    func end() {
        let drained = state.withLock { state in
            state.count -= 1
            guard state.count == 0, state.isDraining else {
                return [] as [CheckedContinuation<Void, Never>]
            }
            defer { state.drained = [] }
            return state.drained
        }
        for continuation in drained { continuation.resume() }
    }

    /// Counts a request out when its last byte has left, or its connection is gone. Waits for neither.
    /// - Parameter share: What is held as long.
    func end(_ channel: any Channel, holding share: RequestShare) {
        let sent: @Sendable () -> Void = {
            share.endAnswer()
            self.end()
        }
        if channel.isStream {
            channel.closeFuture.whenComplete { _ in sent() }
        } else {
            channel.eventLoop.execute { ConnectionWatch.whenSent(on: channel, sent) }
        }
    }

    var count: Int { state.withLock { $0.count } }

    var isDraining: Bool { state.withLock { $0.isDraining } }

    /// Refuses new requests from now on, and returns when those under way are answered.
    func drain() async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                state.isDraining = true
                if state.count > 0 { state.drained.append(continuation) }
                return state.count == 0
            }
            if isDone { continuation.resume() }
        }
    }
}

extension RequestsUnderWay {
    /// Stops waiting: the time for a shutdown is over.
    func abandon() {
        let drained = state.withLock { state in
            defer { state.drained = [] }
            return state.drained
        }
        for continuation in drained { continuation.resume() }
    }
}

extension Channel {
    /// Whether this is one stream of an HTTP/2 connection.
    var isStream: Bool { parent?.parent != nil }
}
