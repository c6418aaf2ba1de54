// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import TingTesting

struct Bitrot: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let files rot: a bit turns, a page is lost, the end is missing.",
        discussion: """
            A replica with unsynced edits, the server's file, a backup, a snapshot and a change set
            rot, one at a time and by a seed. Then work goes on. Nobody may come to hold what nobody
            wrote, and what waits in an outbox must be saved as far as it can be read.

            Examples:
              ting-sim bitrot --flips 5000
              ting-sim bitrot --flips 1 --seed 4711
            """)

    @Option(help: "How many.") var flips: UInt64 = 1_000
    @Option(help: "The seed of the first; each has the next.") var seed: UInt64 = 1
    @Option(help: "Processes at a time.") var jobs = ProcessInfo.processInfo.activeProcessorCount
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard flips > 0, jobs > 0 else { throw ValidationError("Write counts above 0.") }
    }

    func run() throws {
        Simulator.beDeterministic()
        let lines = jobs > 1 && flips > 1 ? try spread() : try play()
        let failures = lines.filter { $0.hasPrefix("flip ") }
        var counts: [String: Int] = [:]
        for line in lines where line.hasPrefix("count ") {
            let words = line.split(separator: " ")
            counts["\(words[1]) \(words[2])", default: 0] += Int(words[3]) ?? 0
        }
        if json {
            let object: [String: Any] = ["flips": flips, "failures": failures, "counts": counts]
            let data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])
            print(String(decoding: data, as: UTF8.self))
        } else {
            for line in failures { print(line) }
            for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
                print("count \(name) \(count)")
            }
        }
        let verdicts = ["lost", "different", "stuck", "wrong"].map { name in
            (name, failures.count { $0.contains(" \(name): ") })
        }.filter { $0.0 != "wrong" || $0.1 > 0 }.map { "\($0.1) \($0.0)" }
        print("\(flips) flips, \(verdicts.joined(separator: ", "))")
        if !failures.isEmpty { throw ExitCode(1) }
    }

    private func play() throws -> [String] {
        let world = try BitrotWorld()
        var lines: [String] = []
        var counts: [String: Int] = [:]
        for seed in seed..<seed + flips {
            if ProcessInfo.processInfo.environment["TING_SIM_CHILD"] != nil {
                print("at \(seed)")
                fflush(nil)
            }
            var random = SeededGenerator(state: seed)
            // Replicas hold what nobody else has: they rot most often here.
            let target =
                Bool.random(using: &random)
                ? BitrotWorld.Target.replica
                : BitrotWorld.Target.allCases.randomElement(using: &random) ?? .server
            let damage = try world.damage(of: target, &random)
            do {
                let outcome = try world.play(target, damage, seed: seed)
                counts["\(target) \(outcome)", default: 0] += 1
            } catch {
                let broken = error as? Broken ?? Broken(.wrong, "\(error)")
                lines.append(
                    "flip \(seed) \(target) \(damage) \(broken.verdict): \(broken.description)")
            }
        }
        return lines + counts.sorted { $0.key < $1.key }.map { "count \($0.key) \($0.value)" }
    }

    /// Shares the seeds among processes. One that a flip brought down is followed by another.
    private func spread() throws -> [String] {
        setenv("TING_SIM_CHILD", "1", 1)
        let size = (flips + UInt64(jobs) - 1) / UInt64(jobs)
        var waiting = stride(from: seed, to: seed + flips, by: UInt64.Stride(size)).map {
            $0..<min($0 + size, seed + flips)
        }
        var lines: [String] = []
        while !waiting.isEmpty {
            let results = try ChildRuns(
                waiting.map { range in
                    ["bitrot", "--flips", "\(range.count)", "--seed", "\(range.lowerBound)"]
                        + ["--jobs", "1"]
                }
            ).results()
            var next: [Range<UInt64>] = []
            for (range, output) in zip(waiting, results) {
                lines += output.filter { !$0.hasPrefix("at ") }
                guard output.last?.contains(" flips, ") != true else { continue }
                let last = output.last { $0.hasPrefix("at ") }.flatMap { UInt64($0.dropFirst(3)) }
                guard let last else { return lines + ["flip none wrong: a process crashed"] }
                lines.append("flip \(last) wrong: the process crashed")
                if last + 1 < range.upperBound { next.append(last + 1..<range.upperBound) }
            }
            waiting = next
        }
        return lines
    }
}
