// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Testing
import TingCore

@testable import TingServer

/// A snapshot of any size, put where the server finds it: what a download does is not its content's
/// matter, and pushing as much would take long.
enum LargeSnapshot {
    /// - Parameter folder: A data folder with one workspace.
    static func plant(in folder: String, bytes: Int) async throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/workspaces")
        let file = try #require(files.first { $0.wholeMatch(of: /[0-9a-f-]{36}\.sqlite/) != nil })
        let (epoch, version) = try await DatabaseQueue(path: "\(folder)/workspaces/\(file)").read {
            let sql =
                "SELECT epoch, (SELECT coalesce(max(version), 0) FROM history) FROM ting_workspace"
            let row = try #require(try Row.fetchOne($0, sql: sql))
            return (row[0] as String, row[1] as Version)
        }
        let data = Data(repeating: 7, count: bytes)
        let snapshot = Snapshot(
            version: version, epoch: epoch, bytes: data.count,
            hash: Hash(of: Array(data)).description, blockBytes: data.count,
            blockHashes: [Hash(of: Array(data)).description])
        let path = "\(folder)/snapshots/\(file.dropLast(7))-\(version)-\(snapshot.hash)"
        try data.write(to: URL(fileURLWithPath: path + ".sqlite"))
        try JSONEncoder().encode(snapshot).write(to: URL(fileURLWithPath: path + ".json"))
    }
}
