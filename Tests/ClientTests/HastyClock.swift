// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A clock on which every wait is over at once; it keeps count of how long it would have been.
final class HastyClock: Clock, Sendable {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (a: Instant, b: Instant) -> Bool { a.offset < b.offset }
    }

    private let time = Mutex(Duration.zero)
    /// Everything that was waited for.
    var waited: Duration { time.withLock { $0 } }
    var now: Instant { Instant(offset: waited) }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        time.withLock { $0 = max($0, deadline.offset) }
    }
}
