// SPDX-License-Identifier: Apache-2.0

/// How long to wait before trying again. Pure: randomness and time come in and go out as values.
public struct Backoff: Equatable, Sendable {
    /// The first wait: a short cut is over by then.
    public static let first: Duration = .seconds(1)
    /// The longest wait: a line that came back is noticed within five minutes.
    public static let longest: Duration = .seconds(300)

    public private(set) var failures = 0

    public init() {}

    /// Counts a failure and says how long to wait.
    ///
    /// The wait doubles from 1 s to at most 5 min, and is then shortened by up to a half, so that
    /// clients cut off together don't come back together.
    /// - Parameter jitter: 0 for the whole wait, up to 1 for half of it.
    public mutating func failed(jitter: Double) -> Duration {
        failures += 1
        let doublings = min(failures - 1, 9)
        let wait = min(Self.first * (1 << doublings), Self.longest)
        let share = 1 - min(max(jitter, 0), 1) / 2
        return wait * share
    }

    /// Starts over: the line works.
    public mutating func succeeded() { failures = 0 }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    public var milliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
