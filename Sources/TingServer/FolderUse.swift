// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingStore

/// Keeps a restore and other commands out of each other's way: what a command wrote into a folder that is
/// being replaced would go aside with it.
package final class FolderUse: Sendable {
    private let lock: ProcessLock
    private static let tries = 200

    /// - Parameter isRestore: Whether the folder is replaced: nobody else may work in it.
    package init(_ folder: DataFolder, isRestore: Bool = false) throws {
        for attempt in 1...Self.tries {
            if let lock = try Self.lock(folder, alone: isRestore), lock.isAt(folder.commands) {
                self.lock = lock
                return
            }
            if attempt < Self.tries { usleep(10_000) }
        }
        throw isRestore
            ? ServerError(
                "Another command of `tingd` works in \(folder.path).",
                hint: "Wait until it has ended, then try again.")
            : Self.replaced(folder)
    }

    /// Whether a restore replaces the folder now.
    static func isReplaced(_ folder: DataFolder) -> Bool {
        ProcessLock.isHeld(folder.commands, shared: true)
    }

    static func replaced(_ folder: DataFolder) -> ServerError {
        ServerError("A restore replaces \(folder.path).", hint: "Try again when it has ended.")
    }

    private static func lock(_ folder: DataFolder, alone: Bool) throws -> ProcessLock? {
        do {
            let lock = try ProcessLock.ifFree(folder.commands, shared: !alone)
            try FolderOwner(of: folder.path)?.give(file: folder.commands)
            return lock
        } catch let failure as FileFailure {
            throw DataFolder.denied(folder.path, failure.code)
        }
    }
}
