// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Which file lies at a path, and which log beside it: SQLite goes on with what it once opened, also when
/// that was moved, replaced or deleted (sqlite.org/howtocorrupt.html § 4.1), and nobody would find again
/// what is written there.
package struct FilePlace: Equatable, Sendable {
    private let file: Identity?
    private let log: Identity?

    private struct Identity: Equatable, Sendable {
        let device: UInt64
        let number: UInt64

        /// `nil` where nothing lies at the path.
        init?(_ path: String) {
            var found = stat()
            guard stat(path, &found) == 0 else { return nil }
            device = UInt64(found.st_dev)
            number = UInt64(found.st_ino)
        }
    }

    /// Of the file alone: others may take its log away and make a new one.
    package init(file path: String) {
        file = Identity(path)
        log = nil
    }

    package init(_ path: String) {
        file = Identity(path)
        log = Identity(path + "-wal")
    }
}
