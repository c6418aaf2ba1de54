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
        /// Since when somebody looks.
        var looking: ContinuousClock.Instant?
        var lastLook: ContinuousClock.Instant?
        /// What the last look met.
        var failure: FileFailure?
    }

    /// A disk that takes longer than this for a look takes nothing, as far as anybody can tell.
    struct Stalled: Error {}

    /// As much as a small transaction takes.
    private static let bytes = 64 << 10

    private let interval: Duration
    private let patience: Duration
    private let look: @Sendable (String) -> FileFailure?
    private let state = Mutex(State())

    /// - Parameters:
    ///   - patience: How long a look may take before it counts as none.
    ///   - look: Writes a file, and gives what kept it from that.
    init(
        interval: Duration = .seconds(1), patience: Duration = .seconds(5),
        look: @escaping @Sendable (_ path: String) -> FileFailure? = DiskProbe.write
    ) {
        self.interval = interval
        self.patience = patience
        self.look = look
    }

    /// Looks, unless that was done just now, or is being done.
    /// - Parameter path: Of a file that nobody has, beside those of the server; it is gone afterwards.
    /// - Throws: What the last look met, a `FileFailure`; `Stalled` while one takes too long.
    func check(_ path: String) throws {
        if try isDue() {
            let failure = look(path)
            state.withLock { $0 = State(lastLook: .now, failure: failure) }
        }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private func isDue() throws -> Bool {
        try state.withLock { state in
            if let since = state.looking {
                guard ContinuousClock.now - since < patience else { throw Stalled() }
                return false
            }
            if let last = state.lastLook, ContinuousClock.now - last < interval { return false }
            state.looking = .now
            return true
        }
    }

    @Sendable static func write(_ path: String) -> FileFailure? {
        defer { unlink(path) }
        do {
            try WholeFile.write([UInt8](repeating: 7, count: bytes), to: path)
            return nil
        } catch {
            return error
        }
    }
}
