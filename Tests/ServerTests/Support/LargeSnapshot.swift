// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore

@testable import TingServer

/// A snapshot of any size, put where the server finds it: what a download does is not its content's
/// matter, and pushing as much would take long.
enum LargeSnapshot {
    /// - Parameter folder: A data folder with one workspace.
    static func plant(in folder: String, bytes: Int) async throws {
        let status = try await Program.tingd("status", "--data", folder, "--json").output
        func fact(_ name: String) throws -> String {
            let line = try #require(
                status.split(separator: "\n").first { $0.contains("\"\(name)\" : ") })
            return line.split(separator: ":")[1].filter { !" \",".contains($0) }
        }
        let data = Data(repeating: 7, count: bytes)
        let version = try #require(Version(try fact("head")))
        let snapshot = Snapshot(
            version: version, epoch: try fact("epoch"), bytes: data.count,
            hash: Hash(of: Array(data)).description, blockBytes: data.count,
            blockHashes: [Hash(of: Array(data)).description])
        let path = "\(folder)/snapshots/\(try fact("id"))-\(version)-\(snapshot.hash)"
        try data.write(to: URL(fileURLWithPath: path + ".sqlite"))
        try JSONEncoder().encode(snapshot).write(to: URL(fileURLWithPath: path + ".json"))
    }
}
