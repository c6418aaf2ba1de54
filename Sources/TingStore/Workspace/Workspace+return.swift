// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import TingCore

/// What a restored workspace takes back from the folder that the restore replaces: what was compacted
/// there, no replica may hold any more.
extension Workspace {
    /// Takes back what an archive holds and this history lacks.
    ///
    /// First what the replaced workspace had below its floor, in its order; then whatever else lies in the
    /// archive, since it holds several histories where files were copied back.
    /// - Parameters:
    ///   - replaced: The workspace as it was; `nil` where it can't be read, and the archive's own chain counts.
    ///   - next: As of `takeBack(_:now:next:)`.
    /// - Returns: How many entries stay out: no receipt proves them, or this history can't hold them.
    /// - Throws: What reading the archive throws, once all that can be read was taken back.
    package func takeBack(
        _ archive: Archive, of replaced: Workspace?, now: Int64, next: Epoch
    ) throws -> Int {
        var giving = ArchiveReturn(workspace: self, archive: archive, now: now, next: next)
        if let replaced, let epochs = try? replaced.pool.read({ try replaced.lineage($0) }),
            let shared = try? lastInCommon(with: replaced)
        {
            giving.epochs = epochs
            try learn(epochs, upTo: shared)
            try giving.follow(replaced, after: shared)
        } else {
            try giving.followChain()
        }
        try giving.giveRest()
        if let failure = giving.failure { throw failure }
        return giving.refused.count
    }

    /// The last version up to which both histories are one.
    private func lastInCommon(with other: Workspace) throws -> Version {
        var (same, differs) = (Version(0), min(try head().version, try other.head().version) + 1)
        while differs - same > 1 {
            let middle = same + (differs - same) / 2
            let (ours, theirs) = try (
                pool.read { try Self.historyDigest($0, at: middle) },
                other.pool.read { try Self.historyDigest($0, at: middle) }
            )
            if ours != nil, ours == theirs { same = middle } else { differs = middle }
        }
        return same
    }

    /// Learns of epochs that went on from this history: what was accepted in them is proven from now on.
    private func learn(_ ends: [EpochEnd], upTo shared: Version) throws {
        try pool.write { db in
            let known = try Set(lineage(db).map(\.epoch))
            for end in ends where !known.contains(end.epoch) {
                let version = min(end.version, shared)
                try db.execute(
                    sql:
                        "INSERT INTO ting_lineage (epoch, version, history_digest) VALUES (?, ?, ?)",
                    arguments: [
                        end.epoch.description, version,
                        Data((try Self.historyDigest(db, at: version) ?? .zero).bytes),
                    ])
            }
        }
    }
}

/// Gives an archive's entries back, page by page.
private struct ArchiveReturn {
    let workspace: Workspace
    let archive: Archive
    let now: Int64
    let next: Epoch
    /// The epochs of the replaced workspace, the oldest first; empty where they are not known.
    var epochs: [EpochEnd] = []
    /// The change sets of entries that stay out.
    private(set) var refused: Set<Hash> = []
    /// Why the first entry that can't be read can't.
    private(set) var failure: (any Error)?

    init(workspace: Workspace, archive: Archive, now: Int64, next: Epoch) {
        (self.workspace, self.archive, self.now, self.next) = (workspace, archive, now, next)
    }

    /// What the replaced workspace had below its floor.
    mutating func follow(_ replaced: Workspace, after shared: Version) throws {
        var version = shared
        while true {
            let page = try replaced.pool.read { db in
                try PastTable.digests(db, after: version, limit: Limits.compactionVersions)
            }
            guard let last = page.last else { return }
            version = last.version
            try give(read(page), isChain: true)
        }
    }

    /// What the archive's own chain goes on with.
    mutating func followChain() throws {
        let end = try workspace.pool.read { try workspace.lineage($0) }.dropLast().last
        guard let end else { return }
        var (version, digest) = (end.version, end.historyDigest)
        while true {
            let page: [(entry: Entry, digest: Hash)]
            do {
                page = try archive.queue.read { db in
                    try archive.chain(db, after: version, digest, limit: Limits.compactionVersions)
                }
            } catch {
                failure = failure ?? error
                return
            }
            guard let last = page.last else { return }
            (version, digest) = (last.entry.version, last.digest)
            try give(page.map(\.entry), isChain: true)
        }
    }

    /// What lies there besides.
    mutating func giveRest() throws {
        var place = Int64(0)
        while true {
            let rows = try archive.queue.read { db in
                try archive.rows(db, after: place, limit: Limits.compactionVersions)
            }
            guard let last = rows.last else { return }
            place = last.place
            let rest = try workspace.pool.read { db in
                try rows.filter { row in
                    try !workspace.hasAccepted(db, row.hash)
                        && Hash(bytes: row.hash).map { !refused.contains($0) } ?? true
                }
            }
            try give(read(rest.map { ($0.version, $0.digest) }), isChain: false)
        }
    }

    private mutating func read(_ page: [(version: Version, digest: Hash)]) throws -> [Entry] {
        try archive.queue.read { db in
            page.compactMap { one in
                do {
                    if let entry = try archive.entry(db, one.version, one.digest) { return entry }
                    throw ArchiveError.missing(one.version)
                } catch {
                    failure = failure ?? error
                    return nil
                }
            }
        }
    }

    /// - Parameter isChain: Whether they are of the replaced workspace's history, so that its later epochs
    ///   have names for them, too.
    private mutating func give(_ entries: [Entry], isChain: Bool) throws {
        let known = try workspace.pool.read { try workspace.lineage($0) }.map(\.epoch)
        var byEpoch: [Epoch: [Entry]] = [:]
        for entry in entries {
            if let epoch = try known.first(where: { try workspace.isReceipt(entry, [$0]) }) {
                byEpoch[epoch, default: []].append(entry)
            } else {
                refused.insert(entry.changeSet.hash)
            }
        }
        var earlier: [Entry] = []
        for epoch in known {
            let own = byEpoch[epoch] ?? []
            try refused.formUnion(takeBack(own, as: epoch))
            if isChain, let end = epochs.first(where: { $0.epoch == epoch }) {
                _ = try takeBack(earlier.filter { $0.version <= end.version }, as: epoch)
                earlier += own
            }
        }
    }

    /// - Returns: The change sets that this history can't hold.
    private func takeBack(_ entries: [Entry], as epoch: Epoch) throws -> [Hash] {
        guard !entries.isEmpty else { return [] }
        let request = GiveBackRequest(
            epoch: epoch, schema: workspace.schema.version, entries: entries)
        let answer = try workspace.takeBack(request, now: now, next: next).response
        return entries.filter { answer.refused.contains($0.version) }.map(\.changeSet.hash)
    }
}

extension Workspace {
    /// Whether the change set of this hash is in the history, below its floor or above.
    fileprivate func hasAccepted(_ db: Database, _ hash: Data) throws -> Bool {
        try Bool.storedOne(
            db.cachedStatement(
                sql: """
                    SELECT EXISTS (SELECT 1 FROM ting_entry WHERE hash = ?1)
                    OR EXISTS (SELECT 1 FROM ting_past WHERE hash = ?1)
                    """), arguments: [hash]) ?? false
    }
}
