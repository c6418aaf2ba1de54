// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingCore
import TingStore
import TingTesting

/// What one workspace costs at one size.
struct WorkspaceGrowth: Codable {
    var records: Int
    var editsPerSecond: Double
    var syncedPerSecond: Double
    var snapshotSeconds: Double
    var digestSeconds: Double
    var workspaceBytes: Int
    var replicaBytes: Int
    var snapshotBytes: Int
    var listMilliseconds: Double
    var statusMilliseconds: Double
    var searchMilliseconds: Double
    var indexSeconds: Double
    var listKiB: Int
    var searchKiB: Int
    var verifyKiB: Int

    /// Fills a workspace of so many records, and measures.
    init(records count: Int, _ options: Bench.Options) throws {
        records = count
        let team = try Team(1, schema: PlanningRecords.schema)
        var generator = PlanningRecords(seed: options.seed)
        let replica = team.replicas[0]
        var (editing, syncing) = (0.0, 0.0)
        // In portions, so that what waits is bounded and both rates are of the whole growth.
        for start in stride(from: 0, to: count, by: 20_000) {
            let rows = generator.next(min(20_000, count - start))
            editing += try seconds { try replica.fill(rows) }
            syncing += try seconds { _ = try team.sync(0) }
        }
        (editsPerSecond, syncedPerSecond) = (Double(count) / editing, Double(count) / syncing)
        workspaceBytes = Int(try team.workspace.usedBytes())
        let path = Scratch.file("grown")
        defer { Scratch.remove(path) }
        snapshotSeconds = try seconds { _ = try team.workspace.writeSnapshot(to: path) }
        snapshotBytes = try Self.size(path)
        let own = try Replica.open(adopting: path)
        digestSeconds = try seconds { _ = try own.stateDigest() }
        try own.close()
        let ting = Program(
            path: options.programs + "/ting",
            environment: ["TING_HOME": Scratch.file("home"), "TING_REPLICA": path])
        let search = ["search", "--limit", "50", Reads.words[0]]
        listMilliseconds = try Self.median(ting, ["list", "task", "--limit", "50"])
        listKiB = try ting.peakKiB(["list", "task", "--limit", "50"])
        statusMilliseconds = try Self.median(ting, ["status"])
        var peak = 0
        indexSeconds = try seconds { peak = try ting.peakKiB(search) }
        searchKiB = peak
        searchMilliseconds = try Self.median(ting, search)
        verifyKiB = try ting.peakKiB(["verify"])
        replicaBytes = try Self.size(path)
    }

    private static func median(_ ting: Program, _ arguments: [String]) throws -> Double {
        try Pairs.median((0..<5).map { _ in try ting.run(arguments).seconds * 1_000 })
    }

    private static func size(_ path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    }
}
