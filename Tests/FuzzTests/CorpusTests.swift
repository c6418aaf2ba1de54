// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingFuzzing

/// One after another: a server that is asked is one for the process.
@Suite("Hostile bytes", .serialized)
struct CorpusTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "corpus")

    /// `TING_RECORD=1` writes the seeds into the corpus; later changes of a format leave old ones.
    @Test("well-formed inputs are understood", arguments: FuzzTarget.allCases)
    func seeds(_ target: FuzzTarget) async throws {
        for (position, seed) in try target.seeds().enumerated() {
            await #expect(throws: Never.self) { try await target.run(seed) }
            guard ProcessInfo.processInfo.environment["TING_RECORD"] != nil else { continue }
            let folder = Self.folder.appending(path: target.rawValue)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(seed).write(to: folder.appending(path: "seed-\(position)"))
        }
    }

    @Test("what fuzzing has found is refused or understood", arguments: FuzzTarget.allCases)
    func corpus(_ target: FuzzTarget) async throws {
        let folder = Self.folder.appending(path: target.rawValue)
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(!files.isEmpty)
        for file in files {
            let bytes = [UInt8](try Data(contentsOf: folder.appending(path: file)))
            await #expect(throws: Never.self, "\(target.rawValue)/\(file)") {
                try await target.run(bytes)
            }
        }
    }

    @Test("nothing, and a byte alone, are no trap", arguments: FuzzTarget.allCases)
    func shortest(_ target: FuzzTarget) async throws {
        try await target.run([])
        for byte in stride(from: UInt8(0), to: 32, by: 5) { try await target.run([byte]) }
    }
}
