// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TingCore

/// Lets few requests that follow be answered at a time; the others wait without a task.
///
/// Each workspace has its turn after the others, and at most half of the places: those of one whose file
/// has much to do hold up nobody else's. Nobody is known yet who asks: until a workspace has been followed
/// it shares one turn with all that strangers may make up.
final class FollowQueue: Sendable {
    /// Who takes a turn together: a workspace, or all that are not known to be any.
    enum Key: Hashable, Sendable {
        case workspace(String)
        case unknown
    }

    private struct State {
        var queue = FairQueue<Key, @Sendable (Key) -> Void>(threads: Limits.followsAnsweredAtOnce)
        /// The workspaces that somebody has followed.
        var known: Set<String> = []
    }

    private let state = Mutex(State())

    /// Runs `start` at its turn. Each `enter` is followed by one `leave`, once it has started, with the key
    /// that it gives.
    /// - Parameter slug: The workspace that is asked for, whether there is one or not.
    func enter(_ slug: String, _ start: @escaping @Sendable (Key) -> Void) {
        state.withLock { state in
            let key: Key = state.known.contains(slug) ? .workspace(slug) : .unknown
            state.queue.add(start, of: key)
        }
        startNext()
    }

    /// - Parameter followed: The workspace that is followed now, if one is.
    func leave(_ key: Key, followed slug: String? = nil) {
        state.withLock { state in
            state.queue.ended(key)
            if let slug { state.known.insert(slug) }
        }
        startNext()
    }

    private func startNext() {
        while let (start, key) = state.withLock({ $0.queue.next() }) {
            if let key { start(key) }
        }
    }
}
