// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Whose a data folder is, where root works on one that is another's, as with `sudo tingd invite`: files that
/// root makes there the server could not open.
package struct FolderOwner: Equatable, Sendable {
    private let user: uid_t
    private let group: gid_t

    /// `nil` where this process is not root's, or the folder is.
    package init?(of path: String) {
        var found = stat()
        guard geteuid() == 0, stat(path, &found) == 0, found.st_uid != 0 else { return nil }
        (user, group) = (found.st_uid, found.st_gid)
    }

    /// Goes on as the owner, for the rest of this process.
    package func become() throws {
        guard setegid(group) == 0, seteuid(user) == 0 else { throw denied() }
    }

    /// Makes all of a folder the owner's.
    func give(_ folder: String) throws {
        let names = FileManager.default.enumerator(atPath: folder) ?? .init()
        for case let name as String in names {
            try give(file: "\(folder)/\(name)")
        }
        try give(file: folder)
    }

    /// Makes one file the owner's.
    func give(file: String) throws {
        guard lchown(file, user, group) == 0 else { throw denied() }
    }

    private func denied() -> ServerError {
        ServerError(
            "Files can't be made for user \(user): \(String(cString: strerror(errno))).",
            hint: "Run the command as the user whose folder it is.")
    }
}
