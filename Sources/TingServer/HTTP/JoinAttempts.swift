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
            return state.wrong[Self.network(of: peer), default: 0] >= Limits.joinAttemptsPerMinute
        }
    }

    func noteWrong(_ peer: String, now: Int64) {
        state.withLock { state in
            Self.turn(&state, now)
            state.wrong[Self.network(of: peer), default: 0] += 1
        }
    }

    /// Who has one address of IPv6 has 2⁶⁴ of them: the network counts (RFC 6177).
    static func network(of peer: String) -> String {
        guard let bytes = IPAddress.bytes(peer), bytes.count == 16 else { return peer }
        // An address of IPv4 in the form of IPv6.
        let isMapped = bytes.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])
        return Hexadecimal.encode(isMapped ? bytes : Array(bytes.prefix(8)))
    }

    private static func turn(_ state: inout State, _ now: Int64) {
        guard state.minute != now / 60_000 else { return }
        state = State(minute: now / 60_000)
    }
}
