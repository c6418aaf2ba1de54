// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TingCore

/// Wrong join codes by address and minute. A right code costs nothing.
final class JoinAttempts: Sendable {
    private struct State {
        var minute: Int64 = 0
        var wrong: [String: Int] = [:]
    }

    private let state = Mutex(State())

    /// Whether the address has tried too often in this minute.
    func isBlocked(_ peer: String, now: Int64) -> Bool {
        state.withLock { state in
            Self.turn(&state, now)
            return state.wrong[IPAddress.network(of: peer), default: 0]
                >= Limits.joinAttemptsPerMinute
        }
    }

    func noteWrong(_ peer: String, now: Int64) {
        state.withLock { state in
            Self.turn(&state, now)
            state.wrong[IPAddress.network(of: peer), default: 0] += 1
        }
    }

    private static func turn(_ state: inout State, _ now: Int64) {
        guard state.minute != now / 60_000 else { return }
        state = State(minute: now / 60_000)
    }
}
