// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CSQLiteConfig
import Foundation

/// Plays whole teams on simulated disks and lines, and checks them against an exact model.
@main
struct Simulator: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ting-sim",
        abstract: "Prove by simulation that nothing is lost.",
        discussion: """
            A server and its replicas, all real code, on a manual clock, a simulated line and
            simulated disks. One seed is one run; the same seed gives the same run.

            Examples:
              ting-sim run --seeds 1-2000
              ting-sim run --seeds 1-500 --fault clocks
              ting-sim replay 1234 --save found.json
              ting-sim saved Tests/SimulatorTests/scenarios
              ting-sim planted
            """,
        subcommands: [
            Run.self, Replay.self, Saved.self, Planted.self, Skew.self, Growth.self, Points.self,
            Bitrot.self, Retries.self,
        ])

    static func main() {
        ting_sqlite_count_no_memory()
        main(nil)
    }

    /// Hash tables must have the same order in every run, which Swift grants by this variable alone.
    static func beDeterministic() {
        let name = "SWIFT_DETERMINISTIC_HASHING"
        guard ProcessInfo.processInfo.environment[name] == nil else { return }
        setenv(name, "1", 1)
        let arguments = CommandLine.arguments.map { strdup($0) } + [nil]
        execv("/proc/self/exe", arguments)
    }
}
