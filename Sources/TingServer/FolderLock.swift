// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingStore

/// One server at a time in a data folder: held from `serve` until its process ends.
package final class FolderLock: Sendable {
    private let lock: ProcessLock
    /// Others take the lock for a moment, to see whether a server runs: that is none.
    private static let tries = 20

    package init(_ folder: DataFolder) throws {
        for attempt in 1...Self.tries {
            // A restore may have put another folder there since it was opened.
            if let lock = try Self.lock(folder), lock.isAt(folder.lock) {
                self.lock = lock
                return
            }
            if attempt < Self.tries { usleep(10_000) }
        }
        throw FolderUse.isReplaced(folder)
            ? FolderUse.replaced(folder)
            : ServerError(
                "A server is running in \(folder.path).",
                hint: "Stop it first (SIGTERM), or use another --data folder.")
    }

    private static func lock(_ folder: DataFolder) throws -> ProcessLock? {
        do { return try ProcessLock.ifFree(folder.lock) } catch {
            throw DataFolder.denied(folder.path, error.code)
        }
    }

    /// Whether another process holds the lock now.
    package static func isHeld(_ folder: DataFolder) -> Bool {
        ProcessLock.isHeld(folder.lock, shared: true)
    }
}
