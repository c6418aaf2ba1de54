// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A lock between processes (flock), let go when it is dropped or the process ends, however it ends.
public final class FileLock: Sendable {
    private let file: Int32

    /// Waits until nobody else holds the lock; where it is shared, until nobody holds it alone.
    public init(path: String, shared: Bool = false) throws {
        try PrivateFile.folder((path as NSString).deletingLastPathComponent)
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw HomeError.notWritten(path, errno) }
        while flock(file, shared ? LOCK_SH : LOCK_EX) != 0 {
            guard errno == EINTR else {
                let code = errno
                _ = close(file)
                throw HomeError.notWritten(path, code)
            }
        }
        self.file = file
    }

    /// Whether some process holds the lock now.
    public static func isHeld(path: String) -> Bool {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { _ = close(file) }
        return flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    deinit { _ = close(file) }
}
