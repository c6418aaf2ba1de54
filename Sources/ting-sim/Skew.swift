// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import TingTesting

/// Random histories of programs of different versions (R10), by the nine pairs.
struct Skew: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Plays histories of clients and servers of different versions.",
        discussion: """
            Each history has replicas of one version, and a server and a replica of another; ends are
            upgraded, or put back, in the middle.

            EXAMPLES:
              ting-sim skew
              ting-sim skew --histories 1000 --from 5000
            """)

    @Option(help: "How many histories of each pair.")
    var histories: UInt64 = 100

    @Option(help: "The first seed.")
    var from: UInt64 = 0

    func run() throws {
        Simulator.beDeterministic()
        let failures = try SkewHistory.playAll(histories, from: from)
        for failure in failures { print(failure) }
        print(
            "\(SkewHistory.Pair.all.count) pairs, \(histories) histories each, \(failures.count) failed"
        )
        if !failures.isEmpty { throw ExitCode.failure }
    }
}
