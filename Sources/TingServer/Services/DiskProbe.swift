// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TingStore

/// Whether the disk takes what a server writes.
///
/// That SQLite gives its write lock says nothing of room: what is rolled back was never written. So a
/// file is written, and put on disk, but once in an interval only: anybody may ask `/readyz`.
final class DiskProbe: Sendable {
    private struct State {
        var isLooking = false
        var lastLook: ContinuousClock.Instant?
        /// What the last look met.
        var failure: FileFailure?
    }

    /// As much as a small transaction takes.
    private static let bytes = 64 << 10

    private let interval: Duration
    private let state = Mutex(State())

    init(interval: Duration = .seconds(1)) { self.interval = interval }

    /// Looks, unless that was done just now, or is being done.
    /// - Parameter path: Of a file that nobody has, beside those of the server; it is gone afterwards.
    /// - Throws: What the last look met.
    func check(_ path: String) throws {
        if isDue() {
            let failure = Self.look(path)
            state.withLock { $0 = State(lastLook: .now, failure: failure) }
        }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private func isDue() -> Bool {
        state.withLock { state in
            if state.isLooking { return false }
            if let last = state.lastLook, ContinuousClock.now - last < interval { return false }
            state.isLooking = true
            return true
        }
    }

    private static func look(_ path: String) -> FileFailure? {
        defer { unlink(path) }
        do {
            try WholeFile.write([UInt8](repeating: 7, count: bytes), to: path)
            return nil
        } catch {
            return error
        }
    }
}
