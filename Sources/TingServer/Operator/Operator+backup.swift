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
        let found = (try? FileManager.default.contentsOfDirectory(atPath: target)) ?? []
        guard found.isEmpty else {
            throw ServerError(
                "The folder \(target) is not empty.",
                hint:
                    "Each backup goes to a folder of its own, for instance with the date in its name."
            )
        }
        let (inner, outer) = (Self.resolved(target), Self.resolved(folder.path))
        guard inner != outer, !inner.hasPrefix(outer + "/") else {
            throw ServerError(
                "The folder \(target) lies in the data folder, which a restore moves aside.",
                hint: "Name a folder outside of \(folder.path), best on another disk.")
        }
        let draft = try DraftFolder(for: target)
        defer { draft.discard() }
        let copy = draft.folder
        var copied: Set<String> = []
        // Twice: a workspace that is made in between is in the copied accounts.
        for pass in 0..<2 {
            for row in try accounts.workspaces() where copied.insert(row.slug).inserted {
                let file = try open(row.id)
                defer { try? file.close() }
                try file.backup(to: copy.workspace(row.id))
                draft.note(copy.workspace(row.id))
                // After the workspace: what lies below the copied floor is in this archive.
                if let archive = try Archive.existing(path: folder.archive(row.id)) {
                    try archive.backup(to: copy.archive(row.id))
                    try archive.close()
                    draft.note(copy.archive(row.id))
                }
            }
            if pass == 0 { try accounts.backup(to: copy.database) }
        }
        draft.note(copy.database)
        try draft.copyCertificate(from: folder)
        try draft.place()
        try accounts.note("backup")
        return copied.count
    }

    /// A path without links, also of a folder that is not there yet.
    private static func resolved(_ path: String) -> String {
        let url = URL(fileURLWithPath: path).standardizedFileURL
        return FileManager.default.fileExists(atPath: url.path)
            ? url.resolvingSymlinksInPath().path
            : url.deletingLastPathComponent().resolvingSymlinksInPath()
                .appendingPathComponent(url.lastPathComponent).path
    }

    /// Makes a data folder from a backup, and starts a new epoch in each workspace: replicas
    /// notice, and give back what the backup does not have. What the replaced folder's archives have
    /// beyond the backup comes back here: replicas that came later do not hold it. What its accounts
    /// say was withdrawn since (devices, members, roles, join codes) stays withdrawn.
    ///
    /// What lies in the data folder is moved aside, never removed. Killed at any instant, the old or
    /// the new data folder is whole under its name, and a second try ends like a first one.
    /// - Parameter willMove: Told where to, before it is moved.
    package static func restore(
        _ path: String, from source: String, schema: Schema,
        willMove: (_ aside: String) -> Void = { _ in }
    ) throws -> Restoration {
        let backup = try DataFolder(backup: source)
        guard !FolderLock.isHeld(backup) else {
            throw ServerError(
                "A server is running in \(source): its files can't be copied as they are.",
                hint: "Make a backup of it first, with `tingd backup`.")
        }
        let path = DataFolder.trimmed(path)
        let lock = try (try? DataFolder(existing: path)).map { try FolderLock($0) }
        defer { withExtendedLifetime(lock) {} }
        let draft = try DraftFolder(for: path)
        defer { draft.discard() }
        try draft.copyAll(from: backup)
        let replaced = replaced(path)
        let later = try? withdrawals(of: replaced, draft)
        let unreadable = try beginEpochs(draft.folder, after: replaced, schema: schema)
        var restoration = Restoration(knowsWithdrawals: later != nil)
        restoration.unreadableArchives = unreadable
        restoration.withdrawn = try withdraw(later, in: draft.folder)
        guard holdsSomething(path) else {
            try draft.place()
            return restoration
        }
        let aside = freeName(path)
        willMove(aside)
        restoration.moved(to: try draft.replace(movingTo: aside), from: path)
        return restoration
    }

    /// What a restore did beside copying.
    package struct Restoration: Equatable, Sendable {
        /// Where what was in the data folder is now, if there was something.
        package var aside: String?
        /// Whether the replaced folder could say what had been withdrawn since the backup.
        package var knowsWithdrawals: Bool
        /// How many devices, members, roles and join codes of the backup were withdrawn.
        package var withdrawn = 0
        /// Archives of the replaced folder: what each alone held after the damage was not taken back.
        package var unreadableArchives: [UnreadableFile] = []

        fileprivate mutating func moved(to aside: String, from path: String) {
            self.aside = aside
            for index in unreadableArchives.indices {
                let file = unreadableArchives[index].path
                guard file.hasPrefix(path + "/") else { continue }
                unreadableArchives[index].path = aside + file.dropFirst(path.count)
            }
        }
    }

    private static func withdrawals(
        of replaced: DataFolder, _ draft: DraftFolder
    ) throws -> Withdrawals {
        let accounts = try Accounts.looking(
            at: replaced.database, copies: draft.folder.path, now: { 0 })
        defer { try? accounts.close() }
        return try accounts.withdrawals()
    }

    private static func withdraw(_ later: Withdrawals?, in folder: DataFolder) throws -> Int {
        let accounts = try Accounts(path: folder.database) {
            Int64(Date().timeIntervalSince1970 * 1_000)
        }
        let count = try accounts.withdraw(later)
        try accounts.close()
        return count
    }

    /// - Returns: The archives of the replaced folder that can't be read, or not to their end.
    private static func beginEpochs(
        _ folder: DataFolder, after replaced: DataFolder, schema: Schema
    ) throws -> [UnreadableFile] {
        let restored = try Operator(folder, schema: schema)
        var generator = SystemRandomNumberGenerator()
        var unreadable: [UnreadableFile] = []
        for row in try restored.accounts.workspaces() {
            let file = try restored.open(row.id)
            defer { try? file.close() }
            try file.startEpoch(.random(using: &generator))
            do {
                try restored.takeBack(row.id, file, from: replaced.archive(row.id))
            } catch {
                let archive = replaced.archive(row.id)
                guard let found = UnreadableFile(of: row.slug, archive, error) else { throw error }
                unreadable.append(found)
            }
        }
        try restored.accounts.note("restore")
        try restored.accounts.close()
        return unreadable
    }

    /// Takes back what no replica may hold any more.
    private func takeBack(_ id: WorkspaceID, _ file: Workspace, from path: String) throws {
        guard let archive = try Archive.existing(path: path) else { return }
        defer { try? archive.close() }
        var generator = SystemRandomNumberGenerator()
        try file.takeBack(archive, now: now(), next: .random(using: &generator))
        // Kept here as well: who restores once more takes it back from this folder.
        let own = try Archive(path: folder.archive(id))
        defer { try? own.close() }
        try own.add(all: archive)
    }

    private static func holdsSomething(_ path: String) -> Bool {
        // A file is something too.
        guard let found = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            return access(path, F_OK) == 0
        }
        return !found.isEmpty
    }

    private static let asideMark = ".before-restore-"

    private static func freeName(_ path: String) -> String {
        var stamp = Int64(Date().timeIntervalSince1970)
        while access("\(path)\(asideMark)\(stamp)", F_OK) == 0 { stamp += 1 }
        return "\(path)\(asideMark)\(stamp)"
    }

    /// What a restore replaces. Where the file system can't exchange folders, a kill may have left
    /// nothing under the name: then it is what was moved aside last.
    private static func replaced(_ path: String) -> DataFolder {
        guard !holdsSomething(path) else { return DataFolder(unchecked: path) }
        let url = URL(fileURLWithPath: path)
        let prefix = url.lastPathComponent + asideMark
        let folder = url.deletingLastPathComponent().path
        let stamps = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
            .compactMap { $0.hasPrefix(prefix) ? Int64($0.dropFirst(prefix.count)) : nil }
        return DataFolder(unchecked: stamps.max().map { "\(path)\(asideMark)\($0)" } ?? path)
    }
}
