// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Files that a program wrote, kept beside the tests for ever and packed by gzip: `make_golden.sh`
/// makes a set of them by the programs of a build.
struct Golden: CustomTestStringConvertible {
    let name: String

    var testDescription: String { name }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "golden").path

    static let all: [Golden] = {
        let names = try? FileManager.default.contentsOfDirectory(atPath: root)
        return (names ?? []).filter { !$0.hasPrefix(".") }.sorted().map(Golden.init)
    }()

    /// What `ting status` said of the replica.
    struct ReplicaFacts: Decodable {
        var digest: String
        var version: Int64
        var outbox: Int
        var quarantine: Int
        var conflicts: Int
        var invalid: Int
    }

    /// What `tingd status` said of the server.
    struct ServerFacts: Decodable {
        struct Workspace: Decodable {
            var digest: String
            var head: Int64
            var id: String
            var members: Int
        }
        var workspaces: [Workspace]
    }

    func facts<T: Decodable>(_ file: String) throws -> T {
        try JSONDecoder().decode(
            T.self, from: Data(contentsOf: URL(fileURLWithPath: "\(Self.root)/\(name)/\(file)")))
    }

    /// Runs `body` with the paths of fresh copies.
    func unpacked<T>(_ body: (_ path: (String) -> String) throws -> T) throws -> T {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "ting-golden-\(UUID().uuidString)"
        ).path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for file in ["server", "workspace", "replica"] {
            try unpack(
                "\(Self.root)/\(name)/\(file).sqlite.gz", to: "\(folder)/\(file).sqlite")
        }
        return try body { "\(folder)/\($0).sqlite" }
    }

    private func unpack(_ source: String, to target: String) throws {
        _ = FileManager.default.createFile(atPath: target, contents: nil)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip", "-dc", source]
        process.standardOutput = FileHandle(forWritingAtPath: target)
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }
}
