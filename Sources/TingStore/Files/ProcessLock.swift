// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A lock between processes (flock), let go when it is dropped or the process ends, however it ends.
package final class ProcessLock: Sendable {
    private let file: Int32

    /// Waits until nobody else holds the lock; where it is shared, until nobody holds it alone.
    package convenience init(path: String, shared: Bool = false) throws(FileFailure) {
        let file = try Self.open(path)
        while flock(file, shared ? LOCK_SH : LOCK_EX) != 0 {
            guard errno == EINTR else {
                let code = errno
                _ = close(file)
                throw FileFailure(path, code)
            }
        }
        self.init(file)
    }

    /// Takes the lock if nobody holds it now; `nil` if somebody does.
    /// - Parameter shared: Whether it is taken with those who share it.
    package static func ifFree(
        _ path: String, shared: Bool = false
    ) throws(FileFailure) -> ProcessLock? {
        let file = try open(path)
        if flock(file, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 { return ProcessLock(file) }
        let code = errno
        _ = close(file)
        guard code == EWOULDBLOCK || code == EINTR else { throw FileFailure(path, code) }
        return nil
    }

    /// Whether some process holds the lock now.
    /// - Parameter shared: Whether those who share it don't count.
    package static func isHeld(_ path: String, shared: Bool = false) -> Bool {
        let file = Foundation.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { _ = close(file) }
        return flock(file, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// Whether what is locked is still what lies at a path.
    package func isAt(_ path: String) -> Bool {
        var (held, found) = (stat(), stat())
        return fstat(file, &held) == 0 && stat(path, &found) == 0
            && held.st_ino == found.st_ino && held.st_dev == found.st_dev
    }

    private init(_ file: Int32) { self.file = file }

    private static func open(_ path: String) throws(FileFailure) -> Int32 {
        let file = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw FileFailure(path, errno) }
        return file
    }

    /// The lock goes with the process at the latest: the kernel closes the file.
    deinit { _ = close(file) }
}
