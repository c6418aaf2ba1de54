// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingCore
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

    /// Waits until nobody else holds the lock, as above, and leaves the thread to other tasks meanwhile:
    /// who holds it may need one to go on.
    /// - Throws: `CancellationError` if the task is cancelled before the lock is free.
    public init(path: String, shared: Bool = false) async throws {
        try PrivateFile.folder((path as NSString).deletingLastPathComponent)
        lock = try await Self.waited(path, shared)
    }

    private static func waited(_ path: String, _ shared: Bool) async throws -> ProcessLock {
        var wait = Duration.milliseconds(pause)
        while true {
            do {
                if let lock = try ProcessLock.ifFree(path, shared: shared) { return lock }
            } catch {
                throw HomeError.notWritten(path, error.code)
            }
            try await Task.sleep(for: wait)
            wait = min(wait * 2, longestPause)
        }
    }

    /// Waits until nobody else holds the lock.
    /// - Parameter isWaiting: Called when that has taken a second; it waits on.
    public init(path: String, isWaiting: () -> Void) throws {
        try PrivateFile.folder((path as NSString).deletingLastPathComponent)
        do {
            var waited = 0
            while waited < Limits.silentWaitMilliseconds {
                if let lock = try ProcessLock.ifFree(path) {
                    self.lock = lock
                    return
                }
                usleep(useconds_t(Self.pause * 1000))
                waited += Self.pause
            }
            isWaiting()
            lock = try ProcessLock(path: path)
        } catch {
            throw HomeError.notWritten(path, error.code)
        }
    }

    /// Milliseconds between two looks at a lock that somebody holds.
    private static let pause = 20
    private static let longestPause = Duration.milliseconds(200)

    /// Whether some process holds the lock now.
    public static func isHeld(path: String) -> Bool { ProcessLock.isHeld(path) }
}
