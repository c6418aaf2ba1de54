// SPDX-License-Identifier: Apache-2.0

import TingCore

/// What happened in a run, in order: two runs of one seed must have the same.
struct Trace {
    private(set) var hash = Hash.zero
    private(set) var lines: [String] = []
    /// How many lines had been noted each time that a disk's fault struck, and when it was over.
    private(set) var strikes: [Int] = []
    private var count = 0
    private let isKept: Bool

    /// - Parameter isKept: Whether the lines are kept to be shown, beside their hash.
    init(isKept: Bool) { self.isKept = isKept }

    mutating func note(_ line: @autoclosure () -> String) {
        let line = line()
        count += 1
        hash = Hash(of: hash.bytes + Array(line.utf8))
        if isKept { lines.append(line) }
    }

    /// Notes that a disk's fault struck, or is over.
    mutating func note(strike line: @autoclosure () -> String) {
        strikes.append(count)
        note(line())
    }
}

/// Why a run failed.
struct Broken: Error, Equatable, CustomStringConvertible {
    enum Verdict: String { case lost, different, stuck, wrong }

    var verdict: Verdict
    var description: String

    init(_ verdict: Verdict, _ description: String) {
        self.verdict = verdict
        self.description = description
    }
}
