// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import TingCore

@testable import TingServer

extension ServerTests {
    @Suite("The threads that make snapshots", .timeLimit(.minutes(1)))
    struct SnapshotThreadTests {
        @Test("two compressions of one workspace leave a thread to the others")
        func compressions() async throws {
            let folder = try DataFolder(creating: TestFolder.new())
            defer { try? FileManager.default.removeItem(atPath: folder.path) }
            let (workers, copyists) = (Workers(threads: 2), Workers.forCopies())
            let store = SnapshotStore(folder, workers: workers, copyists: copyists)
            let (busy, quiet) = (WorkspaceID(high: 1, low: 1), WorkspaceID(high: 2, low: 2))
            let snapshots = ["a", "b"].map { digit in
                Snapshot(
                    version: 1, epoch: "e", bytes: 1, hash: String(repeating: digit, count: 64),
                    blockBytes: 1, blockHashes: [])
            }
            // Pipes: who opens one to read waits until somebody writes.
            let paths = snapshots.map { store.path(of: $0, busy) }
            for path in paths { try #require(mkfifo(path, 0o600) == 0) }
            try await withThrowingTaskGroup(of: [Int]?.self) { group in
                for snapshot in snapshots {
                    group.addTask { try await store.compressed(snapshot, of: busy) }
                }
                try await Task.sleep(for: .milliseconds(200))
                try await copyists.run(for: quiet) {}
                for path in paths {
                    group.addTask {
                        _ = try await workers.run { close(open(path, O_WRONLY)) }
                        return []
                    }
                }
                for try await sizes in group { #expect(sizes?.isEmpty == true) }
            }
            await workers.stop()
            await copyists.stop()
        }
    }
}
