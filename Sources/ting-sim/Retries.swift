// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// Replies lost after the commit, and what is sent again (R6).
struct Retries: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lose replies after the commit; send again, also from copies and backups.",
        discussion: """
            Three members and up to three copies of their files write and sync; four in ten replies get
            lost, two come late, files are restored from backups of any age. Nothing may be accepted
            twice, and no two files may end with one replica id.

            Examples:
              ting-sim retries --count 100000
              ting-sim retries --count 100 --seed 4711
            """)

    @Option(help: "Replies to lose after a commit.") var count = 10_000
    @Option(help: "The seed of the first world; each has the next.") var seed: UInt64 = 1
    @Option(help: "Processes at a time.") var jobs = ProcessInfo.processInfo.activeProcessorCount

    /// Replies lost in each world, which starts small again.
    private static let worldSize = 50

    func validate() throws {
        guard count > 0, jobs > 0 else { throw ValidationError("Write counts above 0.") }
    }

    func run() throws {
        Simulator.beDeterministic()
        let worlds = (count + Self.worldSize - 1) / Self.worldSize
        let lines = jobs > 1 && worlds > 1 ? try spread(worlds) : play(worlds)
        let failures = lines.filter { $0.hasPrefix("world ") }
        for line in failures { print(line) }
        var sums: [String: Int] = [:]
        for line in lines where line.hasPrefix("count ") {
            let words = line.split(separator: " ")
            sums[String(words[1]), default: 0] += Int(words[2]) ?? 0
        }
        for (name, count) in sums.sorted(by: { $0.key < $1.key }) {
            print("count \(name) \(count)")
        }
        let verdicts = ["lost", "different", "stuck"].map { name in
            "\(failures.count { $0.contains(" \(name): ") }) \(name)"
        }
        print("\(sums["lost"] ?? 0) replies lost, \(verdicts.joined(separator: ", "))")
        if !failures.isEmpty { throw ExitCode(1) }
    }

    private func play(_ worlds: Int) -> [String] {
        var lines: [String] = []
        for seed in seed..<seed + UInt64(worlds) {
            do {
                let counts = try RetryWorld(seed: seed).play(repliesLost: Self.worldSize)
                lines += [
                    "count lost \(counts.repliesLost)", "count late \(counts.repliesLate)",
                    "count again \(counts.sentAgain)", "count copies \(counts.copies)",
                    "count restored \(counts.restored)", "count renamed \(counts.renamed)",
                ]
            } catch {
                let broken = error as? Broken ?? Broken(.wrong, "\(error)")
                lines.append("world \(seed) \(broken.verdict): \(broken.description)")
            }
        }
        return lines
    }

    private func spread(_ worlds: Int) throws -> [String] {
        let share = (worlds + jobs - 1) / jobs
        let starts = Array(stride(from: 0, to: worlds, by: share))
        let results = try ChildRuns(
            starts.map { start in
                let size = min(share, worlds - start) * Self.worldSize
                return ["retries", "--jobs", "1", "--count", "\(size)"]
                    + ["--seed", "\(seed + UInt64(start))"]
            }
        ).results()
        return results.flatMap { lines in
            lines.last?.contains(" replies lost, ") == true
                ? lines : lines + ["world none wrong: a process crashed"]
        }
    }
}
