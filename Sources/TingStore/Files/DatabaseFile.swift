// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB

/// SQLite files, as files.
package enum DatabaseFile {
    /// Copies a file that no program writes, with its log if whoever had it open last was killed:
    /// transactions may stand there alone, or be undone by it.
    package static func copy(_ source: String, to target: String) throws {
        for suffix in ["", "-wal", "-journal"]
        where suffix.isEmpty || FileManager.default.fileExists(atPath: source + suffix) {
            try FileManager.default.copyItem(atPath: source + suffix, toPath: target + suffix)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600], ofItemAtPath: target + suffix)
        }
    }
}
