// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// Waits for another program that holds a SQLite file, and says so when that takes long.
enum BusyWait {
    /// Milliseconds between tries, as SQLite's own waiting has them; the last ones go on.
    private static let pauses = [1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100]

    /// - Parameters:
    ///   - seconds: How long it waits.
    ///   - isLong: Called once for each wait of more than `Limits.silentWaitMilliseconds`.
    static func callback(
        seconds: Int, isLong: @escaping @Sendable () -> Void
    ) -> Database.BusyCallback {
        { tries in
            let pause = pauses[min(tries, pauses.count - 1)]
            let before = waited(tries)
            guard before < seconds * 1000 else { return false }
            usleep(useconds_t(pause * 1000))
            let told = Limits.silentWaitMilliseconds
            if before < told, before + pause >= told { isLong() }
            return true
        }
    }

    /// Milliseconds waited before a try; the first is 0.
    private static func waited(_ tries: Int) -> Int {
        pauses.prefix(tries).reduce(0, +) + max(0, tries - pauses.count) * (pauses.last ?? 0)
    }
}
