// SPDX-License-Identifier: Apache-2.0

import Foundation
package import TingCore
package import TingStore

/// What `tingd verify` found.
package struct Verification: Encodable, Sendable {
    package struct Checked: Encodable, Sendable {
        package let slug: String
        package let version: Version
        package let records: Int
    }

    package fileprivate(set) var workspaces: [Checked] = []
    package fileprivate(set) var snapshots = 0
    /// What is wrong, each a sentence; empty when all is well.
    package fileprivate(set) var problems: [String] = []
}

extension Verification {
    /// Recomputes every digest and checks every file of a data folder or a backup. Nothing there is
    /// changed, and a disk that can only be read will do: files of an older program are looked at in
    /// copies, which go again.
    /// - Parameter progress: Told how far the check of each workspace is.
    package init(
        of folder: DataFolder, schema: Schema,
        progress: (_ slug: String, VerifyStep) -> Void = { _, _ in },
        now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1_000) }
    ) throws {
        let copies = try Copies()
        defer { copies.remove() }
        do {
            let accounts = try Accounts.looking(
                at: folder.database, copies: copies.folder, now: now)
            defer { try? accounts.close() }
            problems = try accounts.problems()
            for row in try accounts.workspaces() {
                try verify(row, in: folder, schema) { progress(row.slug, $0) }
                verifySnapshots(of: row, in: folder)
            }
        } catch  where isStorageFull(error) {
            throw copies.unusable
        }
        verifyCertificate(of: folder, now: now())
    }

    private mutating func verify(
        _ row: Accounts.WorkspaceRow, in folder: DataFolder, _ schema: Schema,
        progress: (VerifyStep) -> Void
    ) throws {
        let copies = try Copies()
        defer { copies.remove() }
        var (kind, path) = ("file", folder.workspace(row.id))
        do {
            let file = try Workspace.looking(at: path, schema: schema, copies: copies.folder)
            defer { try? file.close() }
            let report = try file.verify(progress: progress)
            workspaces.append(
                .init(slug: row.slug, version: report.version, records: report.records))
            problems += report.problems.map { "\(row.slug): \($0)" }
            (kind, path) = ("archive", folder.archive(row.id))
            let found = try file.verify(archive: path) {
                try Archive.looking(at: path, copies: copies.folder)
            }
            problems += found.map { "\(row.slug): \($0)" }
        } catch  where isStorageFull(error) {
            throw error
        } catch WorkspaceError.missing {
            problems.append("\(row.slug): its file is missing (\(path)).")
        } catch {
            problems.append("\(row.slug): its \(kind) can't be read (\(path)).")
        }
    }

    private mutating func verifySnapshots(of row: Accounts.WorkspaceRow, in folder: DataFolder) {
        let files = SnapshotFolder(folder, row.id)
        for snapshot in files.kept() {
            snapshots += 1
            let hashes = try? FileHashes(
                path: files.path(snapshot), blockBytes: snapshot.blockBytes)
            // A running server removes those that it needs no more.
            guard access(files.path(snapshot), F_OK) == 0 else { continue }
            if hashes?.whole != snapshot.hash || hashes?.blocks != snapshot.blockHashes {
                problems.append(
                    "\(row.slug): the snapshot of version \(snapshot.version) is damaged; remove it from snapshots/."
                )
            }
        }
    }

    private mutating func verifyCertificate(of folder: DataFolder, now: Int64) {
        do {
            let date = Date(timeIntervalSince1970: Double(now) / 1_000)
            let configuration = try ServerSettings.read(folder)
            let certificate = try ServerCertificate(reading: TLSFiles(folder, configuration))
            if certificate.end < date { problems.append("The certificate has ended.") }
        } catch let error as ServerError {
            problems.append(error.message)
        } catch {
            problems.append("The certificate can't be read.")
        }
    }

    /// A folder for copies of what can't be looked at where it lies.
    private struct Copies {
        let folder: String

        init() throws {
            let parent = FileManager.default.temporaryDirectory
            folder = parent.appending(path: "tingd-verify-\(UUID().uuidString)").path
            guard mkdir(folder, 0o700) == 0 else { throw unusable }
        }

        func remove() { try? FileManager.default.removeItem(atPath: folder) }

        var unusable: ServerError {
            ServerError(
                "No copies can be made in \(FileManager.default.temporaryDirectory.path).",
                hint:
                    "Set TMPDIR to a folder with room: an older release's files are copied to look at them."
            )
        }
    }
}
