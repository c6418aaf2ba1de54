// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A data folder, and commands of `tingd` on it.
struct Desk {
    let path = TestFolder.new()

    init() async throws { try await run("init", "--data", path, is: 0) }

    func cleanUp() {
        let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let name = URL(fileURLWithPath: path).lastPathComponent
        for one in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        where one.hasPrefix(name) {
            try? FileManager.default.removeItem(atPath: "\(parent)/\(one)")
        }
    }

    /// Runs a command, and checks its exit code and what it says on standard error.
    @discardableResult
    func run(
        _ words: String..., is code: Int32, saying parts: [String] = [], as prefix: [String] = []
    ) async throws -> Program.Result {
        let result = try await Program.run(prefix + [Program.tingdPath] + words)
        #expect(result.code == code, "\(words): \(result.errors)")
        for part in parts { #expect(result.errors.contains(part), "\(words): \(result.errors)") }
        if code != 0 {
            #expect(result.output.isEmpty)
            #expect(result.errors.contains("tingd: error: "), "\(words)")
            #expect(result.errors.contains("tingd: hint: "), "\(words)")
        }
        return result
    }

    func invite(_ email: String, is code: Int32 = 0, saying parts: [String] = [], _ more: String...)
        async throws
    {
        let words =
            ["invite", "--data", path, "--name", "A", "--email", email] + more
        let result = try await Program.run([Program.tingdPath] + words)
        #expect(result.code == code, "\(words): \(result.errors)")
        for part in parts { #expect(result.errors.contains(part), "\(words): \(result.errors)") }
    }
}
