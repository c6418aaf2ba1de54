// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What is said beside the data.
///
/// Nobody may be listening: a reader that left, a log on a full disk. That must not end a server,
/// as `FileHandle.write` would.
enum StandardError {
    static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            sent += count
        }
    }
}
