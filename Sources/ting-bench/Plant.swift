// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// Makes a standard workspace's replica file once, for several runs of S1.
struct Plant: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a replica of a standard workspace to a file.")

    @Argument(help: "The file.") var file: String
    @Option(help: "Its records.") var records = 1_000_000
    @Option(help: "The seed of the records.") var seed: UInt64 = 1

    func run() async throws {
        defer { Scratch.removeAll() }
        let local = try LocalWorkspace(records: records, seed: seed)
        try FileManager.default.moveItem(atPath: local.replicaFile(), toPath: file)
    }
}
