// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import TingStore

@Suite("A small file is replaced whole")
struct WholeFileTests {
    private let folder: String

    init() throws {
        folder =
            FileManager.default.temporaryDirectory
            .appending(path: "ting-whole-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
    }

    @Test("many who write it at once leave one of theirs, readable by its owner, and no draft")
    func atOnce() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/config.json"
        await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<16 {
                group.addTask {
                    try WholeFile.write(
                        [UInt8](repeating: UInt8(writer), count: 100_000), to: path)
                }
            }
        }
        let found = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(found.count == 100_000 && Set(found).count == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["config.json"])
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect(mode as? Int == 0o600)
    }

    @Test("a failure says what the system said, keeps what was there, and leaves no draft")
    func failure() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/taken"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        #expect(throws: FileFailure(path, EISDIR)) { try WholeFile.write([1], to: path) }
        #expect(throws: FileFailure("\(folder)/none/x", ENOENT)) {
            try WholeFile.write([1], to: "\(folder)/none/x")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["taken"])
    }

    @Test("a lock is had by one alone or shared by many, and goes with its holder")
    func lock() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/lock"
        #expect(!ProcessLock.isHeld(path))
        do {
            let lock = try #require(try ProcessLock.ifFree(path))
            #expect(ProcessLock.isHeld(path) && ProcessLock.isHeld(path, shared: true))
            #expect(try ProcessLock.ifFree(path) == nil)
            withExtendedLifetime(lock) {}
        }
        do {
            let (one, other) = (
                try ProcessLock(path: path, shared: true), try ProcessLock(path: path, shared: true)
            )
            #expect(ProcessLock.isHeld(path) && !ProcessLock.isHeld(path, shared: true))
            withExtendedLifetime((one, other)) {}
        }
        #expect(!ProcessLock.isHeld(path))
    }
}
