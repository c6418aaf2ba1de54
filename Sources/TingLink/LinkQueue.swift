// SPDX-License-Identifier: Apache-2.0

import TingTesting

/// Decides what becomes of each packet of one direction: when it comes out, or why it never does.
///
/// Pure: times come in, counted from the line's beginning. One seed and the same packets at the same
/// times give the same fates; what a packet draws depends on its place alone.
package struct LinkQueue: Sendable {
    /// What became of packets so far.
    package struct Counts: Equatable, Sendable {
        package var passed = 0
        package var lost = 0
        package var overflowed = 0
        package var inTheDark = 0
        package var bytesPassed = 0
    }

    private let direction: LinkProfile.Direction
    private var generator: SeededGenerator
    private var darkness: Darkness
    /// When the line has carried what it was given.
    private var free = Duration.zero
    private var lastOut = Duration.zero
    package private(set) var counts = Counts()
    /// Whether nothing passes, because somebody cut the line.
    package var isCut = false

    /// - Parameter seed: One for each direction; blackouts are drawn from `darkSeed`, the same for both.
    package init(
        _ direction: LinkProfile.Direction, blackouts: LinkProfile.Blackouts?, seed: UInt64,
        darkSeed: UInt64
    ) {
        self.direction = direction
        generator = SeededGenerator(state: seed)
        darkness = Darkness(blackouts, seed: darkSeed)
    }

    /// A packet of `bytes` enters; gives when it comes out, `nil` where it doesn't.
    package mutating func enter(bytes: Int, at time: Duration) -> Duration? {
        // Both are drawn for each packet, so that its place alone decides.
        let isLost = Double.random(in: 0..<1, using: &generator) < direction.loss
        let shift = direction.jitter * Double.random(in: -1...1, using: &generator)
        if isCut || darkness.covers(time) {
            counts.inTheDark += 1
            return nil
        }
        if isLost {
            counts.lost += 1
            return nil
        }
        guard let sent = carry(bytes, at: time) else {
            counts.overflowed += 1
            return nil
        }
        counts.passed += 1
        counts.bytesPassed += bytes
        lastOut = max(lastOut, sent + max(.zero, direction.delay + shift))
        return lastOut
    }

    /// When the last byte is on the line, at the rate that it has.
    private mutating func carry(_ bytes: Int, at time: Duration) -> Duration? {
        guard let rate = direction.bytesPerSecond else { return time }
        let backlog = max(.zero, free - time)
        guard backlog.seconds * Double(rate) <= Double(direction.queueByteLimit) else { return nil }
        free = max(free, time) + .seconds(Double(bytes) / Double(rate))
        return free
    }
}

/// When nothing passes, drawn ahead as time goes on.
private struct Darkness: Sendable {
    private let blackouts: LinkProfile.Blackouts?
    private var generator: SeededGenerator
    private var start = Duration.zero
    private var end = Duration.zero

    init(_ blackouts: LinkProfile.Blackouts?, seed: UInt64) {
        self.blackouts = blackouts
        generator = SeededGenerator(state: seed)
        draw()
    }

    mutating func covers(_ time: Duration) -> Bool {
        guard blackouts != nil else { return false }
        while time >= end { draw() }
        return time >= start
    }

    private mutating func draw() {
        guard let blackouts else { return }
        start = end + blackouts.interval * Double.random(in: 0.5...1.5, using: &generator)
        end = start + blackouts.length * Double.random(in: 0.5...1.5, using: &generator)
    }
}

extension Duration {
    package var seconds: Double { self / .seconds(1) }
}
