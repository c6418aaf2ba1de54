// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import TingCore

/// Lets few requests that follow be answered at a time; the others wait without a task.
final class FollowQueue: Sendable {
    private struct State {
        var asking = 0
        var waiting = CircularBuffer<@Sendable () -> Void>()
    }

    private let state = Mutex(State())

    /// Runs `start` at its turn. Each `enter` is followed by one `leave`, once it has started.
    func enter(_ start: @escaping @Sendable () -> Void) {
        let isFree = state.withLock { state in
            guard state.asking < Limits.followsAnsweredAtOnce else {
                state.waiting.append(start)
                return false
            }
            state.asking += 1
            return true
        }
        if isFree { start() }
    }

    func leave() {
        let next = state.withLock { state in
            if state.waiting.isEmpty { state.asking -= 1 }
            return state.waiting.popFirst()
        }
        next?()
    }
}
