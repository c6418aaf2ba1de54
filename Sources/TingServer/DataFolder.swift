// SPDX-License-Identifier: Apache-2.0

import Foundation
package import TingCore
import TingStore

/// The folder that holds all a server keeps, and where each file in it lies.
package struct DataFolder: Sendable {
    package let path: String

    /// An existing folder that `tingd init` or `tingd restore` made.
    package init(existing path: String) throws {
        try self.init(path, access: R_OK | W_OK)
    }

    /// An existing folder, or a backup, that is looked at.
    package init(reading path: String) throws { try self.init(path, access: R_OK) }

    private init(_ path: String, access mode: Int32) throws {
        self.path = Self.trimmed(path)
        guard access(database, mode) != 0 else {
            try mustBeWhole()
            return
        }
        guard errno == EACCES || errno == EROFS || errno == EPERM else {
            throw ServerError(
                "There is no Ting server in \(path).",
                hint: "Make one with `tingd init --data \(path)`.")
        }
        throw Self.denied(path)
    }

    /// A folder that `tingd backup` made, perhaps on a disk that can only be read.
    package init(backup path: String) throws {
        self.path = Self.trimmed(path)
        if access(database, R_OK) == 0 {
            try mustBeWhole()
            return
        }
        guard errno == ENOENT || errno == ENOTDIR else { throw Self.denied(path) }
        throw ServerError(
            "There is no backup in \(path).", hint: "Name a folder that `tingd backup --to` made.")
    }

    /// Whether the file of accounts is there, and holds something.
    var hasAccounts: Bool {
        var found = stat()
        return stat(database, &found) == 0 && found.st_size > 0
    }

    /// Refuses what a command left that was killed: an empty file of accounts would count as no accounts.
    private func mustBeWhole() throws {
        let marks: [String] = [unfinished, beginning].filter { access($0, F_OK) == 0 }
        guard !marks.isEmpty || !hasAccounts else { return }
        throw ServerError(
            "The folder \(path) is not whole: what made it was stopped, or its server.sqlite is empty.",
            hint: marks.contains(beginning)
                ? "Run `tingd init --data \(path)` once more."
                : "Make a whole data folder with `tingd restore`, from a backup that `tingd verify` finds whole."
        )
    }

    /// A folder of which nothing is known.
    init(unchecked path: String) { self.path = Self.trimmed(path) }

    static func denied(_ path: String, _ code: Int32 = errno) -> ServerError {
        ServerError(
            "The folder \(path) can't be used: \(String(cString: strerror(code))).",
            hint: "Look at its owner and permissions; run the command as the user whose it is.")
    }

    /// Without slashes at the end: names are made by adding to it.
    static func trimmed(_ path: String) -> String {
        var trimmed = path
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        return trimmed
    }

    /// A new folder, readable by its owner only. One that holds anything already is refused.
    package init(creating path: String) throws {
        self.path = Self.trimmed(path)
        let files = FileManager.default
        guard !files.fileExists(atPath: path) || access(path, R_OK | W_OK | X_OK) == 0 else {
            throw Self.denied(path)
        }
        if let found = try? files.contentsOfDirectory(atPath: path), !found.isEmpty {
            throw ServerError(
                "The folder \(path) is not empty.",
                hint: hasAccounts
                    ? "It holds a server already: start it with `tingd serve --data \(path)`."
                    : "Name a folder that is empty or does not exist yet.")
        }
        try makeFolders()
    }

    private func makeFolders() throws {
        for folder in [path, tls, workspaces, snapshots] {
            do { try WholeFile.makeFolder(folder) } catch {
                throw Self.denied(error.path, error.code)
            }
        }
    }

    /// Whether a killed `tingd init` left it, and nobody has put anything else into it.
    var isLeftByInit: Bool {
        let files = FileManager.default
        let made = ["tls", "workspaces", "snapshots", "commands", "lock", Self.beginningName]
        let found = (try? files.contentsOfDirectory(atPath: path)) ?? []
        return found.contains(Self.beginningName)
            && found.allSatisfy {
                made.contains($0) || $0.hasPrefix("config.json") || $0.hasPrefix("server.sqlite")
            }
            && [workspaces, snapshots].allSatisfy {
                ((try? files.contentsOfDirectory(atPath: $0)) ?? []).isEmpty
            }
    }

    /// Takes away what that has left, but for the mark that says so.
    func makeAnew() throws {
        let files = FileManager.default
        for name in try files.contentsOfDirectory(atPath: path) where name != Self.beginningName {
            try files.removeItem(atPath: "\(path)/\(name)")
        }
        try makeFolders()
    }

    /// Takes away what was made in a folder that was empty.
    func empty(andRemove isOwn: Bool) {
        let files = FileManager.default
        for name in (try? files.contentsOfDirectory(atPath: path)) ?? [] {
            try? files.removeItem(atPath: "\(path)/\(name)")
        }
        if isOwn { try? files.removeItem(atPath: path) }
    }

    package var database: String { "\(path)/server.sqlite" }
    package var configuration: String { "\(path)/config.json" }
    /// What a backup lacks, where it lacks something.
    package var incomplete: String { "\(path)/incomplete.json" }
    /// In a draft that is still being filled: `DraftFolder`.
    var unfinished: String { "\(path)/unfinished" }
    private static let beginningName = "init-unfinished"
    /// In a folder that `tingd init` still fills.
    var beginning: String { "\(path)/\(Self.beginningName)" }
    /// Locked by commands that work here.
    package var commands: String { "\(path)/commands" }
    package var lock: String { "\(path)/lock" }
    package var tls: String { "\(path)/tls" }
    package var workspaces: String { "\(path)/workspaces" }
    package var snapshots: String { "\(path)/snapshots" }

    /// A path that holds from any working directory.
    package static func absolute(_ path: String) -> String {
        URL(fileURLWithPath: path).standardizedFileURL.path
    }

    package func workspace(_ id: WorkspaceID) -> String { "\(workspaces)/\(id).sqlite" }
    /// What lies below the workspace's floor.
    package func archive(_ id: WorkspaceID) -> String { "\(workspaces)/\(id).archive.sqlite" }
}
