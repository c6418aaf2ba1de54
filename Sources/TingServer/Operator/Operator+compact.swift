// SPDX-License-Identifier: Apache-2.0

import Foundation
package import TingCore
import TingStore

/// What `tingd compact` did, or would do.
package struct CompactionReport: Encodable, Sendable {
    package let workspace: String
    package let isDryRun: Bool
    package let floorBefore: Version
    package let floor: Version
    package let archivedBytes: Int64
    package let bytesBefore: Int64
    package let bytesAfter: Int64

    private enum CodingKeys: String, CodingKey {
        case workspace, floor
        case isDryRun = "dry_run"
        case floorBefore = "floor_before"
        case archivedBytes = "archived_bytes"
        case bytesBefore = "bytes_before"
        case bytesAfter = "bytes_after"
    }

    fileprivate init(_ slug: String, _ done: Workspace.Compaction, isDryRun: Bool) {
        workspace = slug
        self.isDryRun = isDryRun
        floorBefore = done.from
        floor = done.to
        archivedBytes = done.archivedBytes
        bytesBefore = done.bytesBefore
        bytesAfter = done.bytesAfter
    }
}

/// Moving a workspace's floor, and reading what lies below it.
extension Operator {
    /// Moves the floor of a workspace up, also while the server runs: it looks for the floor in the
    /// file at each request, and makes a new snapshot when one is asked for that is older.
    /// - Parameter progress: Told the floor after each step, and where it is to be.
    package func compact(
        _ slug: String, to target: FloorTarget, dryRun: Bool,
        progress: (_ floor: Version, _ target: Version) -> Void = { _, _ in }
    ) throws -> CompactionReport {
        let id = try find(slug)
        let file = try open(id, slug)
        defer { try? file.close() }
        let head = try file.head().version
        if case .version(let wanted) = target, wanted > max(head, 1) {
            throw ServerError(
                "There is no version \(wanted) in \(slug); its head is \(head).",
                hint: "Name one up to the head: what goes to the archive does not come back.")
        }
        let floor = try file.floor(target)
        if dryRun {
            return CompactionReport(slug, try file.compaction(to: floor), isDryRun: true)
        }
        let done = try naming(folder.archive(id), of: slug) {
            try file.compact(to: floor, archive: folder.archive(id)) { progress($0, floor) }
        }
        if done.to > done.from {
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600], ofItemAtPath: folder.archive(id))
            try accounts.note("compact", workspace: id, subject: String(done.to))
        }
        return CompactionReport(slug, done, isDryRun: false)
    }

    /// Gives each entry of a workspace after a version, from archive and live history as one.
    package func eachEntry(
        of slug: String, since version: Version, touching record: RecordID?,
        _ body: (Entry) throws -> Void
    ) throws {
        let id = try find(slug)
        let file = try open(id, slug)
        defer { try? file.close() }
        let path = folder.archive(id)
        var archive: Archive?
        defer { try? archive?.close() }
        do {
            // Looked for until it is there: the floor may begin to move during the walk.
            let found = {
                archive = try archive ?? existingArchive(of: slug, at: path)
                return archive
            }
            try naming(path, of: slug) {
                try file.eachEntry(since: version, of: record, archive: found, body)
            }
        } catch ArchiveError.missing(let version) {
            throw ServerError(
                "The archive of \(slug) lacks version \(version).",
                hint:
                    "Put \(path) back from a backup; `tingd verify` names what is missing."
            )
        }
    }

    /// Runs what reads a workspace and its archive, and names the archive where it is what fails.
    private func naming<T>(_ archive: String, of slug: String, _ body: () throws -> T) throws -> T {
        do { return try body() } catch let failure as ArchiveFailure {
            throw UnreadableFile(.archive, of: slug, at: archive, failure.cause) ?? failure.cause
        }
    }

    private func existingArchive(of slug: String, at path: String) throws -> Archive? {
        try UnreadableFile.naming(.archive, of: slug, at: path) {
            try Archive.existing(path: path)
        }
    }

    /// The names of everyone who was ever a member, by id.
    package func memberNames() throws -> [MemberID: String] {
        try accounts.names()
    }
}
