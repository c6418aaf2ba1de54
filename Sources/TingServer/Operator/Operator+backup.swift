// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore
import TingStore

/// What a backup holds, and what it lacks.
package struct BackupReport: Encodable, Sendable {
    /// The slugs of the workspaces that were copied.
    package fileprivate(set) var workspaces: [String] = []
    /// The files that were not, because they can't be read. Empty when the backup is whole.
    package fileprivate(set) var lacking: [UnreadableFile] = []
}

extension Operator {
    /// Copies all that can't be made anew, consistently, while the server runs.
    ///
    /// Workspaces first, accounts last: everyone whom a copied history names is in the copied
    /// accounts. The folder appears at `target` only when it is complete and on disk. A workspace of
    /// which a file can't be read does not stop the others: the backup then says what it lacks, in a
    /// file of its own too.
    /// - Parameter progress: Told each workspace before it is copied, and which one of how many it is.
    package func backup(
        to target: String,
        progress: (_ slug: String, _ number: Int, _ count: Int) -> Void = { _, _, _ in }
    ) throws -> BackupReport {
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
        let report: BackupReport
        do { report = try fill(draft, progress) } catch let failure as BackupTarget {
            throw ServerError(
                "The backup can't be written to \(failure.path): \(failure.problem).",
                hint:
                    "Look at that disk: its room, its largest file, its state. Nothing is left there."
            )
        }
        try draft.place()
        // Only a whole one is the last that `tingd status` tells of.
        try accounts.note(report.lacking.isEmpty ? "backup" : "backup.incomplete")
        return report
    }

    private func fill(
        _ draft: DraftFolder, _ progress: (String, Int, Int) -> Void
    ) throws -> BackupReport {
        var report = BackupReport()
        var seen: Set<String> = []
        // Twice: a workspace that is made in between is in the copied accounts.
        for pass in 0..<2 {
            let all = try accounts.workspaces()
            for row in all where seen.insert(row.slug).inserted {
                progress(row.slug, seen.count, all.count)
                let lacking = try copy(row, to: draft)
                if !lacking.contains(where: { $0.kind == .workspace }) {
                    report.workspaces.append(row.slug)
                }
                report.lacking += lacking
            }
            if pass == 0 {
                try BackupTarget.writing(draft.folder.database) { try accounts.backup(to: $0) }
            }
        }
        draft.note(draft.folder.database)
        try draft.copyCertificate(from: folder)
        if !report.lacking.isEmpty {
            try WholeFile.write(try JSONEncoder().encode(report), to: draft.folder.incomplete)
            draft.note(draft.folder.incomplete)
        }
        return report
    }

    /// Copies a workspace and its archive.
    /// - Returns: What can't be read of the two; the other is copied.
    private func copy(
        _ row: Accounts.WorkspaceRow, to draft: DraftFolder
    ) throws -> [UnreadableFile] {
        var floor: Version = 1
        let lacking = try copy(.workspace, of: row, to: draft.folder.workspace(row.id), draft) {
            let file = try open(row.id, row.slug)
            defer { try? file.close() }
            try BackupTarget.writing($0) { try file.backup(to: $0) }
            floor = try file.floor()
            return true
        }
        // After the workspace: what lies below the copied floor is in this archive.
        let path = folder.archive(row.id)
        return try lacking
            + copy(.archive, of: row, to: draft.folder.archive(row.id), draft) {
                guard let archive = try Archive.existing(path: path) else {
                    guard floor > 1 else { return false }
                    throw UnreadableFile(.archive, of: row.slug, at: path, "is missing")
                }
                defer { try? archive.close() }
                try BackupTarget.writing($0) { try archive.backup(to: $0) }
                return true
            }
    }

    /// - Parameter body: Makes the copy; `false` where there is nothing to copy.
    private func copy(
        _ kind: UnreadableFile.Kind, of row: Accounts.WorkspaceRow, to target: String,
        _ draft: DraftFolder, _ body: (String) throws -> Bool
    ) throws -> [UnreadableFile] {
        let source = kind == .workspace ? folder.workspace(row.id) : folder.archive(row.id)
        do {
            let isThere = try UnreadableFile.naming(kind, of: row.slug, at: source) {
                try body(target)
            }
            if isThere { draft.note(target) }
            return []
        } catch let file as UnreadableFile {
            for suffix in ["", "-journal"] { unlink(target + suffix) }
            return [file]
        }
    }

    /// A path without links, also of a folder that is not there yet.
    private static func resolved(_ path: String) -> String {
        let url = URL(fileURLWithPath: path).standardizedFileURL
        return FileManager.default.fileExists(atPath: url.path)
            ? url.resolvingSymlinksInPath().path
            : url.deletingLastPathComponent().resolvingSymlinksInPath()
                .appendingPathComponent(url.lastPathComponent).path
    }
}

/// What is wrong with a disk that a backup goes to: not with the file that is copied.
struct BackupTarget: Error {
    let path: String
    let problem: String

    static func writing(_ path: String, _ body: (String) throws -> Void) throws {
        do { try body(path) } catch let error as DatabaseError {
            switch error.extendedResultCode {
            case .SQLITE_FULL: throw BackupTarget(path: path, problem: "the disk is full")
            case .SQLITE_IOERR_WRITE, .SQLITE_IOERR_FSYNC, .SQLITE_IOERR_DIR_FSYNC,
                .SQLITE_IOERR_TRUNCATE:
                throw BackupTarget(path: path, problem: "writing fails")
            default: throw error
            }
        }
    }
}
