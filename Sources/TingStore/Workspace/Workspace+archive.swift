// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import TingCore

/// The archive and the live history as one, and the proof that they are.
extension Workspace {
    /// The version below the floor, and when it was accepted.
    package func belowFloor() throws -> (version: Version, accepted: Int64)? {
        try pool.read { db in
            let version = try PastTable.floor(db) - 1
            return try PastTable.acceptance(db, of: version).map { (version, $0) }
        }
    }

    /// Gives every entry after a version in order, of one record if it is named, from the archive
    /// and then from the workspace.
    /// - Parameter archive: Gives the archive, each time that it is needed: the first compaction may
    ///   make it in the middle of a walk.
    /// - Throws: `ArchiveError.missing` where the archive lacks a version, or `ArchiveFailure`; what came
    ///   before was given.
    package func eachEntry(
        since version: Version, of record: RecordID? = nil, archive: () throws -> Archive?,
        _ body: (Entry) throws -> Void
    ) throws {
        var position = version
        while let next = try archivedPage(after: position, of: record, archive) {
            try next.entries.forEach(body)
            position = next.last
        }
        while true {
            let page = try entries(since: position, byteLimit: Limits.pageByteLimit)
            guard let last = page.last else { return }
            // The floor may have moved up meanwhile: then these are in the archive.
            guard page.first?.version == position + 1 else {
                return try eachEntry(since: position, of: record, archive: archive, body)
            }
            for entry in page
            where record.map({ entry.touches($0) }) ?? true { try body(entry) }
            position = last.version
        }
    }

    private func archivedPage(
        after version: Version, of record: RecordID?, _ archive: () throws -> Archive?
    ) throws -> (entries: [Entry], last: Version)? {
        let digests = try pool.read { db in
            try PastTable.digests(db, after: version, limit: Limits.compactionVersions)
        }
        guard let last = digests.last?.version else { return nil }
        guard let archive = try archive() else { throw ArchiveError.missing(version + 1) }
        let entries = try archive.read { db in
            let wanted = try record.map { try archive.versions(db, of: $0) }
            return try digests.filter { wanted?.contains($0.version) ?? true }.map { one in
                guard let entry = try archive.entry(db, one.version, one.digest) else {
                    throw ArchiveError.missing(one.version)
                }
                return entry
            }
        }
        return (entries, last)
    }

    /// Checks the archive by the chain, from the first version to the floor.
    /// - Returns: What is wrong, each a sentence; empty when all is well.
    package func verify(archive path: String) throws -> [String] {
        try verify(archive: path) { try Archive.existing(path: path) }
    }

    /// - Parameter open: Opens the archive; `nil` where there is none.
    package func verify(archive path: String, open: () throws -> Archive?) throws -> [String] {
        let floor = try floor()
        guard floor > 1 else { return [] }
        guard let archive = try open() else {
            return ["The archive of versions 1 to \(floor - 1) is missing (\(path))."]
        }
        defer { try? archive.close() }
        var problems = try archive.queue.read { db in
            try String.storedAll(db, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
                .map { "SQLite, in the archive: \($0)." }
        }
        var check = ChainCheck(workspace: self, archive: archive)
        try check.run(below: floor)
        problems += check.problems
        return problems
    }
}

extension Entry {
    func touches(_ record: RecordID) -> Bool {
        changeSet.touched.contains(record) || allEffects.contains { $0.record == record }
    }
}

/// One walk along the chain below a floor.
private struct ChainCheck {
    let workspace: Workspace
    let archive: Archive
    private(set) var problems: [String] = []
    private var digest = Hash.zero
    private var missing: ClosedRange<Version>?

    init(workspace: Workspace, archive: Archive) {
        self.workspace = workspace
        self.archive = archive
    }

    mutating func run(below floor: Version) throws {
        for version in 1..<floor {
            guard let kept = try workspace.pool.read({ try PastTable.digest($0, at: version) })
            else {
                problems.append("The workspace lacks the digest of version \(version).")
                continue
            }
            try check(version, kept)
            digest = kept
        }
        tellMissing()
    }

    private mutating func check(_ version: Version, _ kept: Hash) throws {
        let (link, isWhole) = try archive.queue.read { db in
            (try archive.link(db, version, kept), Self.isWhole(db, archive, version, kept))
        }
        guard let link else {
            missing = missing.map { $0.lowerBound...version } ?? version...version
            return
        }
        tellMissing()
        let chained = HistoryDigest.next(
            after: digest, changeSet: link.hash, effects: link.effects, author: link.author,
            accepted: link.accepted)
        if chained != kept {
            problems.append("Version \(version) in the archive does not give its history digest.")
        } else if !isWhole {
            problems.append("Version \(version) in the archive is damaged.")
        }
    }

    /// Whether the values are those that the hashes name.
    private static func isWhole(
        _ db: Database, _ archive: Archive, _ version: Version, _ digest: Hash
    ) -> Bool {
        guard let entry = try? archive.entry(db, version, digest),
            let link = try? archive.link(db, version, digest)
        else { return false }
        return entry.changeSet.hash == link.hash
            && entry.changeSet.effectsHash(entry.allEffects) == link.effects
    }

    private mutating func tellMissing() {
        guard let missing else { return }
        problems.append(
            missing.count == 1
                ? "The archive lacks version \(missing.lowerBound)."
                : "The archive lacks versions \(missing.lowerBound) to \(missing.upperBound).")
        self.missing = nil
    }
}
