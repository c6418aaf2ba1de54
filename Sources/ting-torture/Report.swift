// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What came of a run: how many times the world was disturbed, and what was then wrong.
struct Report {
    /// What is counted: kills, cuts, runs.
    let unit: String
    let seed: UInt64
    var runs = 0
    var findings: [Finding] = []
    /// Other counts, by name.
    var counts: [String: Int] = [:]
    /// From each start of the server to its first answer.
    var restarts: [Duration] = []
    /// What could not be run here, and why.
    var skipped: [String] = []

    init(unit: String, seed: UInt64) { (self.unit, self.seed) = (unit, seed) }

    mutating func add(_ other: Report) {
        runs += other.runs
        findings += other.findings
        counts.merge(other.counts) { $0 + $1 }
        restarts += other.restarts
        skipped += other.skipped
    }

    /// The last line: the three verdicts, and a fourth where something else was wrong.
    var summary: String {
        let counted = Finding.Verdict.allCases.map { ($0, number(of: $0)) }
            .filter { $0.0 != .wrong || $0.1 > 0 }
        return "\(runs) \(unit), "
            + counted.map { "\($0.1) \($0.0.rawValue)" }
            .joined(separator: ", ")
    }

    private func number(of verdict: Finding.Verdict) -> Int {
        findings.count { $0.verdict == verdict }
    }

    /// The share of restarts given, in milliseconds; `nil` without any.
    func restart(_ share: Double) -> Double? {
        let sorted = restarts.map { $0.seconds * 1000 }.sorted()
        guard !sorted.isEmpty else { return nil }
        return sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }

    /// For people: what was found, what was measured, and what no failure means.
    var lines: [String] {
        var lines = findings.map(\.description) + skipped
        lines += counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        if let median = restart(0.5), let late = restart(0.99) {
            lines.append(
                "restart to first answer: "
                    + "p50 \(Self.text(median)) ms, p99 \(Self.text(late)) ms of \(restarts.count)")
        }
        if findings.isEmpty, runs > 0 {
            lines.append("No failure in \(runs) \(unit) bounds its rate by \(3 / Double(runs)).")
        }
        return lines + ["seed \(seed)"]
    }

    /// The same for programs.
    var json: [String: Any] {
        var object: [String: Any] = [
            unit: runs, "seed": seed, "findings": findings.map(\.description),
            "counts": counts, "skipped": skipped,
        ]
        for verdict in Finding.Verdict.allCases { object[verdict.rawValue] = number(of: verdict) }
        object["restart_ms_p50"] = restart(0.5) ?? NSNull()
        object["restart_ms_p99"] = restart(0.99) ?? NSNull()
        object["bound"] = findings.isEmpty && runs > 0 ? 3 / Double(runs) : NSNull()
        return object
    }

    private static func text(_ milliseconds: Double) -> String {
        String(Int(milliseconds.rounded()))
    }
}
