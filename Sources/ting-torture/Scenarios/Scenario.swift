// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A situation of the world, played once with the real programs, with the verdicts after it.
struct Scenario: Sendable {
    let name: String
    /// One line for `--list`.
    let about: String
    let play: @Sendable (inout Stage) throws -> Void

    static let all: [Scenario] =
        [.portal, .portalWithTLS, .fullReplica, .fullServer, .readOnly] + clocks
        + [.evening, .partitions]

    /// Plays it; what it needs and does not find here is told, not passed over.
    func run(
        _ programs: Programs, seed: UInt64, runs: Int, end: ContinuousClock.Instant?,
        say: @escaping @Sendable (String) -> Void
    )
        throws -> Report
    {
        var stage = Stage(programs: programs, seed: seed, runs: runs, end: end, say: say)
        var report = Report(unit: "runs", seed: seed)
        do {
            try play(&stage)
            report.runs = stage.played
        } catch let skip as Skipped {
            report.skipped = ["skipped \(name): \(skip.reason)"]
        }
        report.counts = stage.counts
        report.findings = stage.findings.map { finding in
            var finding = finding
            finding.run = "--scenario \(name) --seed \(seed)"
            return finding
        }
        return report
    }
}

/// Why a scenario can't be played on this machine.
struct Skipped: Error {
    let reason: String
}

/// What a scenario plays on, and what it has found.
struct Stage {
    let programs: Programs
    let seed: UInt64
    /// How often to repeat what a scenario repeats.
    let runs: Int
    /// When to repeat no more.
    let end: ContinuousClock.Instant?
    let say: @Sendable (String) -> Void
    var played = 1
    var counts: [String: Int] = [:]
    private(set) var findings: [Finding] = []

    init(
        programs: Programs, seed: UInt64, runs: Int, end: ContinuousClock.Instant?,
        say: @escaping @Sendable (String) -> Void
    ) {
        self.end = end
        self.programs = programs
        self.seed = seed
        self.runs = runs
        self.say = say
    }

    var isOver: Bool { end.map { ContinuousClock.now >= $0 } ?? false }

    /// Notes what is not as it must be.
    mutating func expect(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { findings.append(Finding(.wrong, what())) }
    }

    mutating func add(_ found: [Finding], of run: String) {
        findings += found.map { Finding($0.verdict, "\(run): \($0.what)") }
    }

    /// Expects a program to fail in a way that it explains: an exit code, one of the codes, a remedy.
    mutating func expectFailure(
        _ result: Programs.Result, of what: String, exit: Int32, codes: [String]
    ) {
        expect(
            result.ending == .exited(exit) && codes.contains { result.errors.contains("(\($0))") }
                && result.errors.contains("ting: hint: "),
            "\(what) should exit with \(exit) and say \(codes.joined(separator: " or ")), with a hint: "
                + result.complaint)
    }

    mutating func expectSuccess(_ result: Programs.Result, of what: String) {
        expect(result.succeeded, "\(what) failed: \(result.complaint)")
    }

    /// Ends the scenario with the verdicts L, I and S.
    mutating func judge(_ world: World) throws {
        findings += try world.judge()
        world.note(isSound: findings.isEmpty)
    }

    /// An edit of a project's title by `ting`; gives whether it was acknowledged.
    @discardableResult
    mutating func edit(_ member: Member, _ world: World, project: Int = 0) throws
        -> Programs.Result
    {
        let word = member.journal.withLock { $0.word() }
        let result = try member.ting(["set", world.projects[project], "title_en=\(word)"])
        if result.succeeded { member.journal.withLock { $0.wrote(word) } }
        return result
    }
}
