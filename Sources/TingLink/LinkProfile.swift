// SPDX-License-Identifier: Apache-2.0

/// How a line behaves, each direction apart.
public struct LinkProfile: Equatable, Sendable {
    /// One direction of a line.
    public struct Direction: Equatable, Sendable {
        /// How long a packet takes, give or take `jitter`, drawn evenly. Packets keep their order.
        public var delay: Duration
        public var jitter: Duration
        /// The share of packets that is lost, 0 to 1.
        public var loss: Double
        /// What the line carries; `nil` for any amount.
        public var bytesPerSecond: Int?
        /// Bytes that wait where the line is too slow; what comes beyond is lost.
        public var queueByteLimit = 256 << 10

        public init(
            delay: Duration = .zero, jitter: Duration = .zero, loss: Double = 0,
            bytesPerSecond: Int? = nil
        ) {
            self.delay = delay
            self.jitter = jitter
            self.loss = loss
            self.bytesPerSecond = bytesPerSecond
        }
    }

    /// Times at which nothing passes, in either direction.
    public struct Blackouts: Equatable, Sendable {
        /// From the end of one to the beginning of the next, drawn evenly between half and one and a
        /// half of it; so is how long each lasts.
        public var interval: Duration
        public var length: Duration

        public init(interval: Duration, length: Duration) {
            self.interval = interval
            self.length = length
        }
    }

    public var toFar: Direction
    public var toNear: Direction
    public var blackouts: Blackouts?

    public init(toFar: Direction, toNear: Direction, blackouts: Blackouts? = nil) {
        self.toFar = toFar
        self.toNear = toNear
        self.blackouts = blackouts
    }

    /// Nothing in the way.
    public static let clear = LinkProfile(toFar: Direction(), toNear: Direction())

    /// A round trip of so long, and nothing else.
    public static func roundTrip(_ time: Duration) -> LinkProfile {
        let way = Direction(delay: time / 2)
        return LinkProfile(toFar: way, toNear: way)
    }

    /// Between Denmark and a Chinese province on a bad evening, with the server far away: a round trip
    /// of 300 ms ± 60, 15 % of packets lost on the way down, 0.5 % on the way up.
    public static let badEvening = LinkProfile(
        toFar: Direction(delay: .milliseconds(150), jitter: .milliseconds(30), loss: 0.005),
        toNear: Direction(delay: .milliseconds(150), jitter: .milliseconds(30), loss: 0.15))
}
