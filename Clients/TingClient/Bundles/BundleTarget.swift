// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Where a person wants a bundle, or a reply, to be written.
package enum BundleTarget {
    /// How every file of SQLite begins (sqlite.org/fileformat.html § 1.3.1).
    private static let databaseMark = Data("SQLite format 3\0".utf8)

    /// Refuses a database: it may be a replica, and what waits in it would be gone with it.
    /// - Throws: `ClientError` with the code `file_exists`.
    package static func check(_ path: String) throws {
        var kind = stat()
        // To open a pipe would wait for its other end.
        guard stat(path, &kind) == 0, kind.st_mode & S_IFMT == S_IFREG,
            let file = FileHandle(forReadingAtPath: path),
            let beginning = try? file.read(upToCount: databaseMark.count),
            beginning == databaseMark
        else { return }
        throw ClientError(
            .requestWide, code: "file_exists",
            "The file \(path) is a database, perhaps a replica: a bundle does not replace it.",
            remedy: "Name another file for the bundle.")
    }
}
