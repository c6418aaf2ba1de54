// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import TingCore
import TingStore

extension Operator {
    /// Makes a data folder from a backup, and starts a new epoch in each workspace: replicas
    /// notice, and give back what the backup does not have. What the replaced folder's archives have
    /// beyond the backup comes back here: replicas that came later do not hold it. What its accounts
    /// say was withdrawn since (devices, members, roles, join codes) stays withdrawn.
    ///
    /// What lies in the data folder is moved aside, never removed. Killed at any instant, the old or
    /// the new data folder is whole under its name, and a second try ends like a first one.
    /// - Parameters:
    ///   - progress: Told what comes next, as a person reads it.
    ///   - willMove: Told where to, before it is moved.
    package static func restore(
        _ path: String, from source: String, schema: Schema,
        progress: (String) -> Void = { _ in },
        willMove: (_ aside: String) -> Void = { _ in }
    ) throws -> Restoration {
        let backup = try DataFolder(backup: source)
        guard !FolderLock.isHeld(backup) else {
            throw ServerError(
                "A server is running in \(source): its files can't be copied as they are.",
                hint: "Make a backup of it first, with `tingd backup`.")
        }
        let path = DataFolder.trimmed(path)
        let locks = try locks(of: DataFolder(unchecked: path))
        defer { withExtendedLifetime(locks) {} }
        let draft = try DraftFolder(for: path)
        defer { draft.discard() }
        try draft.copyAll(from: backup) { progress("copying \($0) of \($1) workspaces' files") }
        let replaced = replaced(path)
        let copies = draft.folder.path + "/copies"
        try FileManager.default.createDirectory(
            atPath: copies, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        let later = try later(in: replaced, than: draft.folder, copies: copies)
        var restoration = Restoration(knowsWithdrawals: later?.isWhole == true)
        restoration.withdrawn = try take(later, in: draft.folder, &restoration)
        try beginEpochs(
            draft.folder, of: backup, after: replaced, schema, copies: copies, &restoration,
            progress)
        try FileManager.default.removeItem(atPath: copies)
        try FolderOwner(of: path)?.give(draft.folder.path)
        if holdsSomething(path) {
            let aside = freeName(path)
            willMove(aside)
            let place = try draft.replace(movingTo: aside)
            restoration.aside = place
            restoration.moved(from: path, to: place)
        } else {
            try draft.place()
        }
        restoration.moved(from: draft.folder.path, to: path)
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
        /// How many entries of a replaced folder's archive no receipt proves, by the workspace's slug.
        package var unproven: [String: Int] = [:]
        /// Slugs of workspaces that came after the backup, and whose name is another's in it.
        package var left: [String] = []
        /// Slugs of workspaces that the backup lacks, and whose file stays as it was.
        package var kept: [String] = []
        /// Files of workspaces that the backup lacks, and that could not be read where they were.
        package var lost: [UnreadableFile] = []

        /// Tells where the files lie once their folder has another name.
        fileprivate mutating func moved(from old: String, to new: String) {
            for list in [\Self.unreadableArchives, \Self.lost] {
                for index in self[keyPath: list].indices {
                    let path = self[keyPath: list][index].path
                    guard path.hasPrefix(old + "/") else { continue }
                    self[keyPath: list][index].path = new + path.dropFirst(old.count)
                }
            }
        }
    }

    /// What the replaced folder's accounts know that the backup's don't.
    private struct Later {
        var withdrawals: Withdrawals
        var workspaces: [LaterWorkspace]
        /// Whether they know all that happened since the backup: not where an older one was restored meanwhile.
        var isWhole: Bool
    }

    /// - Returns: `nil` where they can't be read, or are another server's.
    private static func later(
        in replaced: DataFolder, than folder: DataFolder, copies: String
    ) throws -> Later? {
        let restored = try Accounts(path: folder.database, now: { 0 })
        defer { try? restored.close() }
        guard
            let accounts = try? Accounts.looking(at: replaced.database, copies: copies, now: { 0 })
        else { return nil }
        defer { try? accounts.close() }
        // A restored server keeps its key: whoever has another is another server.
        guard BundleKeyFile.isOne(of: folder, replaced),
            let withdrawals = try? accounts.withdrawals(),
            let workspaces = try? accounts.workspaces(missingIn: restored)
        else { return nil }
        return Later(
            withdrawals: withdrawals, workspaces: workspaces,
            isWhole: (try? accounts.goesOn(from: restored)) == true)
    }

    /// - Returns: How much was withdrawn.
    private static func take(
        _ later: Later?, in folder: DataFolder, _ restoration: inout Restoration
    ) throws -> Int {
        let accounts = try Accounts(path: folder.database) {
            Int64(Date().timeIntervalSince1970 * 1_000)
        }
        defer { try? accounts.close() }
        for workspace in later?.workspaces ?? [] {
            do {
                try accounts.add(workspace)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                restoration.left.append(workspace.slug)
            }
        }
        return try accounts.withdraw(later?.withdrawals)
    }

    private static func beginEpochs(
        _ folder: DataFolder, of backup: DataFolder, after replaced: DataFolder, _ schema: Schema,
        copies: String, _ restoration: inout Restoration, _ progress: (String) -> Void
    ) throws {
        let restored = try Operator(folder, schema: schema)
        defer { try? restored.accounts.close() }
        for row in try restored.accounts.workspaces() {
            progress("beginning an epoch in \(row.slug)")
            let isLacking = access(backup.workspace(row.id), F_OK) != 0
            if isLacking { try restored.keep(row.id, of: replaced) }
            var isLost = false
            do {
                try restored.beginEpoch(row)
                if isLacking { restoration.kept.append(row.slug) }
            } catch let file as UnreadableFile {
                guard isLacking else { throw Self.rotten(file, at: backup.workspace(row.id)) }
                restoration.lost.append(file)
                isLost = true
            }
            do {
                let refused = try restored.takeBack(
                    row, isLost: isLost, from: replaced, copies: copies)
                if refused > 0 { restoration.unproven[row.slug] = refused }
            } catch let archive as UnreadableFile {
                restoration.unreadableArchives.append(archive)
            }
        }
        try restored.accounts.note("restore")
    }

    /// The backup lacks a workspace: what the replaced folder has of it stays, whole or damaged.
    private func keep(_ id: WorkspaceID, of replaced: DataFolder) throws {
        guard access(replaced.workspace(id), F_OK) == 0 else { return }
        try DatabaseFile.copy(replaced.workspace(id), to: folder.workspace(id))
    }

    private static func rotten(_ file: UnreadableFile, at path: String) -> UnreadableFile {
        UnreadableFile(
            file.kind, of: file.workspace, at: path, file.problem,
            remedy:
                "Nothing was changed. Name another backup; or take that file out of this one, and the other workspaces are restored."
        )
    }

    private func beginEpoch(_ row: Accounts.WorkspaceRow) throws {
        try UnreadableFile.naming(.workspace, of: row.slug, at: folder.workspace(row.id)) {
            let file = try open(row.id, row.slug)
            defer { try? file.close() }
            var generator = SystemRandomNumberGenerator()
            try file.startEpoch(.random(using: &generator))
        }
    }

    /// Takes back what no replica may hold any more.
    /// - Parameter copies: A folder for copies of files that can't be looked at where they lie.
    /// - Returns: How many entries stay out.
    private func takeBack(
        _ row: Accounts.WorkspaceRow, isLost: Bool, from replaced: DataFolder, copies: String
    ) throws -> Int {
        let path = replaced.archive(row.id)
        return try UnreadableFile.naming(.archive, of: row.slug, at: path) {
            guard let archive = try Archive.existing(path: path) else {
                if !isLost { try mustNotLack(path, row, replaced, copies: copies) }
                return 0
            }
            defer { try? archive.close() }
            let refused = Result { try isLost ? 0 : takeBack(row, archive, of: replaced, copies) }
            // Kept here as well: who restores once more takes it back from this folder.
            let ownPath = folder.archive(row.id)
            try UnreadableFile.naming(.archive, of: row.slug, at: ownPath) {
                let own = try Archive(path: ownPath)
                defer { try? own.close() }
                try own.add(all: archive)
            }
            return try refused.get()
        }
    }

    private func takeBack(
        _ row: Accounts.WorkspaceRow, _ archive: Archive, of replaced: DataFolder, _ copies: String
    ) throws -> Int {
        let file = try open(row.id, row.slug)
        defer { try? file.close() }
        let before = try? Workspace.looking(
            at: replaced.workspace(row.id), schema: schema, copies: copies)
        defer { try? before?.close() }
        var generator = SystemRandomNumberGenerator()
        return try file.takeBack(archive, of: before, now: now(), next: .random(using: &generator))
    }

    /// - Throws: `UnreadableFile` where the replaced folder moved what the backup lacks to an archive that
    ///   it has no more.
    private func mustNotLack(
        _ archive: String, _ row: Accounts.WorkspaceRow, _ replaced: DataFolder, copies: String
    ) throws {
        let file = try open(row.id, row.slug)
        defer { try? file.close() }
        let head = try file.head().version
        let before = try? Workspace.looking(
            at: replaced.workspace(row.id), schema: schema, copies: copies)
        defer { try? before?.close() }
        guard let floor = try? before?.floor(), floor > head + 1 else { return }
        throw UnreadableFile(.archive, of: row.slug, at: archive, "is missing")
    }

    /// What keeps a server and other commands out of the folder that is replaced, also of one whose accounts
    /// can't be read: a server that has them open may run there. `nil` where none was ever made.
    private static func locks(of folder: DataFolder) throws -> (FolderLock, FolderUse)? {
        let isServers = [folder.lock, folder.database].contains { (file: String) -> Bool in
            access(file, F_OK) == 0 || errno == EACCES
        }
        guard isServers else { return nil }
        let locks = (try FolderLock(folder), try FolderUse(folder, isRestore: true))
        try FolderOwner(of: folder.path)?.give(file: folder.lock)
        return locks
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
