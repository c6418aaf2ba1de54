// SPDX-License-Identifier: Apache-2.0

package import Foundation
package import TingCore

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
        guard access(database, mode) != 0 else { return }
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
        if access(database, R_OK) == 0 { return }
        guard errno == ENOENT || errno == ENOTDIR else { throw Self.denied(path) }
        throw ServerError(
            "There is no backup in \(path).", hint: "Name a folder that `tingd backup --to` made.")
    }

    /// A folder of which nothing is known.
    init(unchecked path: String) { self.path = Self.trimmed(path) }

    static func denied(_ path: String) -> ServerError {
        ServerError(
            "The folder \(path) can't be used: \(String(cString: strerror(errno))).",
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
                hint: files.fileExists(atPath: "\(path)/server.sqlite")
                    ? "It holds a server already: start it with `tingd serve --data \(path)`."
                    : "Name a folder that is empty or does not exist yet.")
        }
        for folder in [self.path, tls, workspaces, snapshots] {
            try files.createDirectory(
                atPath: folder, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        }
    }

    package var database: String { "\(path)/server.sqlite" }
    package var configuration: String { "\(path)/config.json" }
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

/// What the server remembers of its flags: `config.json`.
package struct ServerSettings: Codable, Equatable, Sendable {
    /// The address that members reach the server by, where it is not the one it listens on.
    package var url: String?
    /// Host and port of the running or last `serve`.
    package var listen: String?
    /// A certificate chain and key of the operator's own (PEM files).
    package var tlsCertificate: String?
    package var tlsKey: String?

    private enum CodingKeys: String, CodingKey {
        case url, listen
        case tlsCertificate = "tls_cert"
        case tlsKey = "tls_key"
    }

    package init() {}

    package static func read(_ folder: DataFolder) throws -> ServerSettings {
        guard let data = FileManager.default.contents(atPath: folder.configuration) else {
            return ServerSettings()
        }
        do {
            return try JSONDecoder().decode(ServerSettings.self, from: data)
        } catch {
            throw ServerError(
                "\(folder.configuration) is not readable.",
                hint: "Mend it (it is JSON), or remove it to start from the defaults.")
        }
    }

    package func write(_ folder: DataFolder) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try PrivateFile.write(try encoder.encode(self), to: folder.configuration)
    }
}

/// Files that only their owner may read.
package enum PrivateFile {
    /// Replaces the file at `path` in one step; at no time do others see it, or half of it.
    package static func write(_ data: Data, to path: String) throws {
        let draft = "\(path).new"
        _ = unlink(draft)
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw CocoaError(.fileWriteNoPermission) }
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        try handle.write(contentsOf: data)
        try handle.synchronize()
        try handle.close()
        guard rename(draft, path) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }
}

/// One server at a time in a data folder: held from `serve` until its process ends.
package final class FolderLock: Sendable {
    private let file: Int32
    /// Others take the lock for a moment, to see whether a server runs: that is none.
    private static let tries = 20

    package init(_ folder: DataFolder) throws {
        file = open(folder.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw DataFolder.denied(folder.path) }
        for attempt in 1... {
            if flock(file, LOCK_EX | LOCK_NB) == 0 { return }
            guard attempt < Self.tries else { break }
            usleep(10_000)
        }
        close(file)
        throw ServerError(
            "A server is running in \(folder.path).",
            hint: "Stop it first (SIGTERM), or use another --data folder.")
    }

    /// Whether another process holds the lock now.
    package static func isHeld(_ folder: DataFolder) -> Bool {
        let file = open(folder.lock, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        return flock(file, LOCK_SH | LOCK_NB) != 0
    }

    /// The lock goes with the process at the latest: the kernel closes the file.
    deinit { close(file) }
}
