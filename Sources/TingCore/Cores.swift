// SPDX-License-Identifier: Apache-2.0

import Dispatch

/// Work on pieces that need nothing of one another, on as many cores as there are.
enum Cores {
    /// The results of `body` for 0 to `count - 1`, in this order.
    static func map<Result: Sendable>(
        _ count: Int, _ body: @Sendable (Int) -> Result
    ) -> [Result] {
        [Result](unsafeUninitializedCapacity: count) { results, initialized in
            nonisolated(unsafe) let results = results
            DispatchQueue.concurrentPerform(iterations: count) { piece in
                results.initializeElement(at: piece, to: body(piece))
            }
            initialized = count
        }
    }
}
