// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import TingCore

/// Moving the floor up: what lies below it goes to the archive, and the file shrinks.
extension Workspace {
    /// What a compaction did, or would do.
    package struct Compaction: Equatable, Sendable {
        /// The floor before and after.
        package var from: Version
        package var to: Version
        /// When the last version below the floor was accepted, in milliseconds since 1970.
        package var before: Int64?
        /// Bytes of entries that went to the archive.
        package var archivedBytes: Int64 = 0
        /// Bytes of the workspace, free pages aside, before and after.
        package var bytesBefore: Int64
        package var bytesAfter: Int64
    }

    /// The floor that is meant: at most the head, which always stays, and never below the present.
    package func floor(_ target: FloorTarget) throws -> Version {
        try pool.read { db in
            let head = try HistoryTables.head(db)
            let wanted: Version =
                switch target {
                case .keep(let count): head - max(count, 1) + 1
                case .version(let version): version
                case .since(let time):
                    try Version.storedOne(
                        db, sql: "SELECT min(version) FROM history WHERE accepted >= ?",
                        arguments: [time]) ?? head
                }
            return max(try PastTable.floor(db), min(wanted, head))
        }
    }

    /// Tells what `compact` would do. Nothing is changed.
    package func compaction(to target: Version) throws -> Compaction {
        try pool.read { db in
            let from = try PastTable.floor(db)
            var plan = Compaction(
                from: from, to: max(from, target), bytesBefore: try Self.usedBytes(db),
                bytesAfter: 0)
            plan.bytesAfter = plan.bytesBefore
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT coalesce(sum(length(e.change_set) + coalesce(length(e.effects), 0)), 0),
                    max(h.accepted) FROM history h JOIN ting_entry e ON e.version = h.version
                    WHERE h.version < ?
                    """, arguments: [target])
            plan.archivedBytes = row?[0] ?? 0
            plan.before = row?[1]
            return plan
        }
    }

    /// Moves the floor up to `target`, step by step, while others read and write.
    ///
    /// Entries are on disk in the archive before they leave the workspace; each step is one
    /// transaction in each file. Killed at any moment, the next call goes on; two at a time are fine.
    /// - Parameter progress: Told the floor after each step.
    /// - SeeAlso: `Protocol/spec/sync.md#floor`.
    @discardableResult
    package func compact(
        to target: Version, archive path: String, progress: (Version) -> Void = { _ in }
    ) throws -> Compaction {
        var done = try compaction(to: target)
        if done.to > done.from {
            let archive = try ArchiveFailure.telling { try Archive(path: path) }
            defer { try? archive.close() }
            while let floor = try moveStep(to: done.to, archive) { progress(floor) }
        }
        try shrink()
        done.bytesAfter = try usedBytes()
        return done
    }

    /// Moves one page of entries; gives the floor after it, `nil` when the floor is there.
    private func moveStep(to target: Version, _ archive: Archive) throws -> Version? {
        let page = try pool.read { db in
            try HistoryTables.entries(
                db, since: PastTable.floor(db) - 1, byteLimit: Limits.compactionByteLimit
            )
            .prefix(Limits.compactionVersions).filter { $0.version < target }
            .map { entry in (entry: entry, digest: try Self.present(db, entry.version)) }
        }
        guard let first = page.first?.entry.version, let last = page.last?.entry.version else {
            return nil
        }
        try archive.add(page)
        let archived = try archive.read { db in
            try page.allSatisfy { one in
                var there = try archive.entry(db, one.entry.version, one.digest)
                // Taken back in a later epoch it has another receipt; the first one proves it, too.
                there?.receipt = one.entry.receipt
                return there == one.entry
            }
        }
        guard archived else { throw ArchiveError.notWritten(first, last) }
        try pool.write { db in
            // Another compaction may have been faster.
            guard try PastTable.floor(db) == first else { return }
            try PastTable.take(db, page.map(\.entry), schema)
        }
        return last + 1
    }

    private static func present(_ db: Database, _ version: Version) throws -> Hash {
        guard let digest = try HistoryTables.digest(db, at: version) else {
            throw StoredFormError.malformed("history")
        }
        return digest
    }

    /// Gives free pages back to the disk, some at a time.
    private func shrink() throws {
        try pool.writeWithoutTransaction { db in
            // A file that was made before there were floors is rewritten once.
            guard try Int.storedOne(db, sql: "PRAGMA auto_vacuum") == 0 else { return }
            guard try (Int.storedOne(db, sql: "PRAGMA freelist_count") ?? 0) > 0 else { return }
            try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL; VACUUM")
        }
        var free = Int.max
        while true {
            let left = try pool.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA incremental_vacuum(\(Limits.compactionPages))")
                return try Int.storedOne(db, sql: "PRAGMA freelist_count") ?? 0
            }
            guard left > 0, left < free else { break }
            free = left
        }
        // A reader may be in the way: then the log shrinks another time.
        _ = try? pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
    }
}

package enum ArchiveError: Error, Equatable, Sendable {
    /// The archive does not hold what was just written to it.
    case notWritten(Version, Version)
    /// A version below the floor can't be read, because the archive lacks it.
    case missing(Version)
}

/// The archive can't be read or written, and not the workspace: what was done to it, and why it failed.
package struct ArchiveFailure: Error {
    package let cause: any Error

    static func telling<T>(_ body: () throws -> T) throws -> T {
        do { return try body() } catch let error as ArchiveError { throw error } catch {
            throw ArchiveFailure(cause: error)
        }
    }
}
