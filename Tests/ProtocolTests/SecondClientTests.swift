// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("The client written from the specification alone")
struct SecondClientTests {
    private struct Run {
        var code: Int32
        var output: String
    }

    /// Runs Python in a folder of the repository, with the programs that were built beside the tests.
    private func python(_ arguments: String..., in folder: String) async throws -> Run {
        let log = FileManager.default.temporaryDirectory.appending(
            path: "ting-python-\(UUID().uuidString)")
        #expect(FileManager.default.createFile(atPath: log.path, contents: nil))
        defer { try? FileManager.default.removeItem(at: log) }
        let output = try FileHandle(forWritingTo: log)
        defer { try? output.close() }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-B"] + arguments
        process.currentDirectoryURL = SpecificationTests.root.appending(path: folder)
        let programs = try #require(Bundle.main.executableURL).deletingLastPathComponent()
        process.environment = ProcessInfo.processInfo.environment
            .merging(["TING_BIN": programs.path]) { $1 }
        (process.standardOutput, process.standardError) = (output, output)
        let (ended, sayEnded) = AsyncStream<Int32>.makeStream()
        process.terminationHandler = { sayEnded.yield($0.terminationStatus) }
        try process.run()
        let code = await ended.first { _ in true } ?? -1
        return Run(code: code, output: try String(contentsOf: log, encoding: .utf8))
    }

    @Test("its own tests hold, against the server and the client that were built")
    func tests() async throws {
        let run = try await python("-m", "unittest", "discover", in: "Clients/Python")
        #expect(run.code == 0, "\(run.output.suffix(4_000))")
        #expect(!run.output.contains("skipped"), "it found no programs to test against")
    }

    @Test(
        "the vectors are what their generators write",
        arguments: ["canonical", "bundle", "scenarios"])
    func generators(_ name: String) async throws {
        let run = try await python("make_\(name).py", "--check", in: "Protocol/vectors")
        #expect(run.code == 0, "\(run.output)")
    }
}
