// SPDX-License-Identifier: Apache-2.0

import TingCore

/// What happened in a run, in order: two runs of one seed must have the same.
struct Trace {
    private(set) var hash = Hash.zero
    private(set) var lines: [String] = []
    private let isKept: Bool

    /// - Parameter isKept: Whether the lines are kept to be shown, beside their hash.
    init(isKept: Bool) { self.isKept = isKept }

    mutating func note(_ line: @autoclosure () -> String) {
        let line = line()
        hash = Hash(of: hash.bytes + Array(line.utf8))
        if isKept { lines.append(line) }
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
