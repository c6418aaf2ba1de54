// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Synchronization
import TingCore

/// Waits for another program that holds a SQLite file, and says so when that takes long.
final class BusyWait: Sendable {
    /// How long it waits, in milliseconds.
    private let patience: Atomic<Int>
    private let usual: Int

    init(seconds: Int) {
        usual = seconds * 1_000
        patience = Atomic(usual)
    }

    /// Runs what gives up after so many milliseconds. For one at a time, as is whoever has a connection.
    func hurrying<T>(_ milliseconds: Int, _ body: () throws -> T) rethrows -> T {
        patience.store(milliseconds, ordering: .relaxed)
        defer { patience.store(usual, ordering: .relaxed) }
        return try body()
    }

    /// Milliseconds between tries, as SQLite's own waiting has them; the last ones go on.
    private static let pauses = [1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100]

    /// - Parameter isLong: Called once for each wait of more than `Limits.silentWaitMilliseconds`, unless it hurries.
    func callback(isLong: @escaping @Sendable () -> Void) -> Database.BusyCallback {
        { [self] tries in
            let pause = Self.pauses[min(tries, Self.pauses.count - 1)]
            let before = Self.waited(tries)
            let patience = patience.load(ordering: .relaxed)
            guard before < patience else { return false }
            usleep(useconds_t(pause * 1000))
            let told = Limits.silentWaitMilliseconds
            if patience == usual, before < told, before + pause >= told { isLong() }
            return true
        }
    }

    /// Milliseconds waited before a try; the first is 0.
    private static func waited(_ tries: Int) -> Int {
        pauses.prefix(tries).reduce(0, +) + max(0, tries - pauses.count) * (pauses.last ?? 0)
    }
}
