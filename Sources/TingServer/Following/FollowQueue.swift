// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TingCore

/// Lets few requests that follow be answered at a time; the others wait without a task.
///
/// Each workspace has its turn after the others, and at most half of the places: those of one whose file
/// has much to do hold up nobody else's.
final class FollowQueue: Sendable {
    private let queue = Mutex(
        FairQueue<String, @Sendable () -> Void>(threads: Limits.followsAnsweredAtOnce))

    /// Runs `start` at its turn. Each `enter` is followed by one `leave`, once it has started.
    /// - Parameter slug: The workspace that is asked for, whether there is one or not.
    func enter(_ slug: String, _ start: @escaping @Sendable () -> Void) {
        queue.withLock { $0.add(start, of: slug) }
        startNext()
    }

    func leave(_ slug: String) {
        queue.withLock { $0.ended(slug) }
        startNext()
    }

    private func startNext() {
        while let (start, _) = queue.withLock({ $0.next() }) { start() }
    }
}
