// SPDX-License-Identifier: Apache-2.0

import Foundation
package import TingCore
import TingStore

extension Operator {
    /// Copies all that can't be made anew, consistently, while the server runs.
    ///
    /// Workspaces first, accounts last: everyone whom a copied history names is in the copied
    /// accounts. The folder appears at `target` only when it is complete and on disk.
    ///
    /// - Returns: how many workspaces were copied.
    package func backup(to target: String) throws -> Int {
        let draft = try Draft(for: target)
        defer { draft.discard() }
        let copy = draft.folder
        var copied: Set<String> = []
        // Twice: a workspace that is made in between is in the copied accounts.
        for pass in 0..<2 {
            for row in try accounts.workspaces() where copied.insert(row.slug).inserted {
                let file = try open(row.id)
                defer { try? file.close() }
                try file.backup(to: copy.workspace(row.id))
                // After the workspace: what lies below the copied floor is in this archive.
                let archive = try Archive.existing(path: folder.archive(row.id))
                try archive?.backup(to: copy.archive(row.id))
                try archive?.close()
            }
            if pass == 0 { try accounts.backup(to: copy.database) }
        }
        try draft.copyCertificate(from: folder)
        try draft.finish(at: target)
        try accounts.note("backup")
        return copied.count
    }

    /// Makes a data folder from a backup, and starts a new epoch in each workspace: replicas
    /// notice, and give back what the backup does not have. What the replaced folder's archives have
    /// beyond the backup comes back here: replicas that came later do not hold it.
    ///
    /// What lies in the data folder is moved aside, never removed.
    /// - Returns: where to, if there was something.
    package static func restore(_ path: String, from source: String, schema: Schema) throws
        -> String?
    {
        let backup = try DataFolder(backup: source)
        guard !FolderLock.isHeld(backup) else {
            throw ServerError(
                "A server is running in \(source): its files can't be copied as they are.",
                hint: "Make a backup of it first, with `tingd backup`.")
        }
        let path = DataFolder.trimmed(path)
        let lock = try (try? DataFolder(existing: path)).map { try FolderLock($0) }
        defer { withExtendedLifetime(lock) {} }
        let draft = try Draft(for: path, mayReplace: true)
        defer { draft.discard() }
        try draft.copyAll(from: backup)
        let restored = try Operator(draft.folder, schema: schema)
        var generator = SystemRandomNumberGenerator()
        for row in try restored.accounts.workspaces() {
            let file = try restored.open(row.id)
            try file.startEpoch(.random(using: &generator))
            // What no replica may hold any more.
            let replaced = "\(path)/workspaces/\(row.id).archive.sqlite"
            if let archive = try Archive.existing(path: replaced) {
                try file.takeBack(
                    archive, now: restored.now(), next: .random(using: &generator))
                try archive.close()
            }
            try file.close()
        }
        try restored.accounts.note("restore")
        try restored.accounts.close()
        let aside = try moveAside(path)
        try draft.finish(at: path)
        return aside
    }

    /// Moves a folder that holds something out of the way.
    private static func moveAside(_ path: String) throws -> String? {
        let files = FileManager.default
        guard let found = try? files.contentsOfDirectory(atPath: path), !found.isEmpty else {
            return nil
        }
        let stamp = Int64(Date().timeIntervalSince1970)
        let aside = "\(path).before-restore-\(stamp)"
        try files.moveItem(atPath: path, toPath: aside)
        return aside
    }
}

/// A folder that is filled under another name, and takes its place when it is complete.
private struct Draft {
    let folder: DataFolder
    private let path: String

    init(for target: String, mayReplace: Bool = false) throws {
        let files = FileManager.default
        let found = (try? files.contentsOfDirectory(atPath: target)) ?? []
        guard mayReplace || found.isEmpty else {
            throw ServerError(
                "The folder \(target) is not empty.",
                hint:
                    "Each backup goes to a folder of its own, for instance with the date in its name."
            )
        }
        path = DataFolder.trimmed(target) + ".partial"
        try? files.removeItem(atPath: path)
        folder = try DataFolder(creating: path)
    }

    /// Removes what a failure has left; nothing after `finish`.
    func discard() { try? FileManager.default.removeItem(atPath: path) }

    func copyCertificate(from source: DataFolder) throws {
        let files = FileManager.default
        for name in (try? files.contentsOfDirectory(atPath: source.tls)) ?? [] {
            try copy("\(source.tls)/\(name)", to: "\(folder.tls)/\(name)")
        }
        if files.fileExists(atPath: source.configuration) {
            try copy(source.configuration, to: folder.configuration)
        }
    }

    func copyAll(from source: DataFolder) throws {
        try copyCertificate(from: source)
        for name in try FileManager.default.contentsOfDirectory(atPath: source.workspaces)
        where name.hasSuffix(".sqlite") {
            try copyDatabase("\(source.workspaces)/\(name)", to: "\(folder.workspaces)/\(name)")
        }
        try copyDatabase(source.database, to: folder.database)
    }

    /// With its log, if whoever had it open last was killed: transactions may stand there alone, or
    /// be undone by it.
    private func copyDatabase(_ source: String, to target: String) throws {
        try copy(source, to: target)
        for log in ["-wal", "-journal"]
        where FileManager.default.fileExists(atPath: source + log) {
            try copy(source + log, to: target + log)
        }
    }

    private func copy(_ source: String, to target: String) throws {
        try FileManager.default.copyItem(atPath: source, toPath: target)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: target)
    }

    /// Puts everything on disk, then the folder in its place.
    func finish(at target: String) throws {
        let files = FileManager.default
        for case let name as String in files.enumerator(atPath: path) ?? .init() {
            try synchronize("\(path)/\(name)")
        }
        try synchronize(path)
        guard rename(path, target) == 0 else { throw CocoaError(.fileWriteUnknown) }
        try synchronize(URL(fileURLWithPath: target).deletingLastPathComponent().path)
    }

    private func synchronize(_ path: String) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw CocoaError(.fileReadNoPermission) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }
}
