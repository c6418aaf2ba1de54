// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingStore

/// A lock between processes (flock), let go when it is dropped or the process ends, however it ends.
public final class FileLock: Sendable {
    private let lock: ProcessLock

    /// Waits until nobody else holds the lock; where it is shared, until nobody holds it alone.
    public init(path: String, shared: Bool = false) throws {
        try PrivateFile.folder((path as NSString).deletingLastPathComponent)
        do { lock = try ProcessLock(path: path, shared: shared) } catch {
            throw HomeError.notWritten(path, error.code)
        }
    }

    /// Whether some process holds the lock now.
    public static func isHeld(path: String) -> Bool { ProcessLock.isHeld(path) }
}
