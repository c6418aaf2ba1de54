// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import TingCore

/// The names of a history: a new one when a server is restored, and what earlier ones still mean.
extension Workspace {
    /// Begins a new epoch: replicas of the old one notice, and give back what this file lacks.
    package func startEpoch(_ epoch: Epoch) throws {
        try pool.write { db in
            let head = try HistoryTables.head(db)
            try startEpoch(db, epoch, after: head)
        }
    }

    /// - Parameter shared: The last version that this history has in common with the old epoch.
    func startEpoch(_ db: Database, _ epoch: Epoch, after shared: Version) throws {
        let old = try Self.epoch(db).description
        try db.execute(
            sql: """
                INSERT INTO ting_lineage (epoch, version, history_digest) VALUES (?, ?, ?)
                """,
            arguments: [
                old, shared, Data((try Self.historyDigest(db, at: shared) ?? .zero).bytes),
            ])
        try db.execute(
            sql: "UPDATE ting_workspace SET epoch = ?", arguments: [epoch.description])
    }

    /// An epoch turns out to have had two histories from a version on, since its files were copied back: what
    /// it called its versions from there is as uncertain as what the other one did.
    private func fork(_ db: Database, _ end: EpochEnd, at version: Version) throws {
        try db.execute(
            sql: """
                INSERT INTO ting_name (epoch, version, here)
                SELECT ?1, version, version FROM ting_state_digest WHERE version BETWEEN ?2 AND ?3
                ON CONFLICT DO UPDATE SET here = iif(here IS excluded.here, here, NULL)
                """, arguments: [end.epoch.description, version, end.version])
        try db.execute(
            sql: "UPDATE ting_lineage SET version = ?, history_digest = ? WHERE epoch = ?",
            arguments: [
                version - 1,
                Data((try Self.historyDigest(db, at: version - 1) ?? .zero).bytes),
                end.epoch.description,
            ])
    }

    /// Where earlier epochs ended, the oldest first, and where the present one stands.
    func lineage(_ db: Database) throws -> [EpochEnd] {
        let (epoch, head) = try (Self.epoch(db), HistoryTables.head(db))
        return try Row.fetchAll(
            db, sql: "SELECT epoch, version, history_digest FROM ting_lineage ORDER BY place"
        ).compactMap { row in
            guard let epoch = try Epoch(row.decode(String.self, atIndex: 0)),
                let digest = try Hash(bytes: row.decode(Data.self, atIndex: 2))
            else { return nil }
            return EpochEnd(
                epoch: epoch, version: try row.decode(atIndex: 1), historyDigest: digest)
        } + [
            EpochEnd(
                epoch: epoch, version: head,
                historyDigest: try HistoryTables.digest(db, at: head) ?? .zero)
        ]
    }

    /// Takes back entries that a replica still has and this history lost: each as itself.
    ///
    /// A valid receipt of this very epoch for an entry that isn't here proves that the file is an
    /// older copy: a new epoch begins then. One of an earlier epoch, for a version that this history shares
    /// with it, proves that it was one then.
    /// - Parameters:
    ///   - now: Milliseconds since 1970.
    ///   - next: The name of the new epoch, should one begin.
    package func takeBack(_ request: GiveBackRequest, now: Int64, next: Epoch) throws
        -> (response: GiveBackResponse, appended: ClosedRange<Version>?)
    {
        try pool.write { db in
            var epoch = try Self.epoch(db)
            let known = try lineage(db).map(\.epoch)
            let first = try HistoryTables.head(db) + 1
            if request.epoch == epoch,
                let lost = try request.entries.first(where: { entry in
                    try isReceipt(entry, [epoch]) && !isHere(db, entry)
                })
            {
                try startEpoch(db, next, after: min(lost.version - 1, first - 1))
                epoch = next
            } else if let end = try lineage(db).dropLast().last(where: { $0.epoch == request.epoch }
            ),
                let lost = try request.entries.first(where: { entry in
                    try entry.version <= end.version && isReceipt(entry, [request.epoch])
                        && !isHere(db, entry)
                })
            {
                try fork(db, end, at: lost.version)
            }
            var clerk = try Clerk(self, db, now: now)
            let proven = try request.entries.map { try isReceipt($0, [request.epoch] + known) }
            try clerk.learn(zip(request.entries, proven).filter(\.1).map(\.0.changeSet))
            var (taken, refused) = ([Version](), [Version]())
            for (entry, isProven) in zip(request.entries, proven) {
                if isProven, try clerk.takeBack(entry, as: request.epoch) {
                    taken.append(entry.version)
                } else {
                    refused.append(entry.version)
                }
            }
            try clerk.finish()
            let head = try HistoryTables.head(db)
            let response = GiveBackResponse(
                epoch: epoch, head: head, taken: taken, refused: refused)
            return (response, head >= first ? first...head : nil)
        }
    }

    /// Whether the entry was accepted under this workspace's key in one of the epochs.
    func isReceipt(_ entry: Entry, _ epochs: [Epoch]) throws -> Bool {
        let hash = entry.changeSet.hash
        return epochs.contains { epoch in
            Receipt.make(for: entry, hash: hash, epoch: epoch, key: receiptKey) == entry.receipt
        }
    }

    /// Whether this very version of the history is the entry.
    private func isHere(_ db: Database, _ entry: Entry) throws -> Bool {
        let hash = try Data.storedOne(
            db, sql: "SELECT hash FROM ting_entry WHERE version = ?", arguments: [entry.version])
        return try (hash.flatMap { Hash(bytes: $0) } ?? PastTable.hash(db, at: entry.version))
            == entry.changeSet.hash
    }
}

extension Ledger {
    /// What versions of this history were called in the earlier epochs that a change set names.
    func earlierNames(of changeSet: ChangeSet) throws -> @Sendable (Version, Epoch) -> Version? {
        let others = Set(changeSet.bases.map(\.epoch)).subtracting([epoch])
        guard !others.isEmpty else { return { _, _ in nil } }
        var names: [Epoch: EarlierNames] = [:]
        for other in others { names[other] = try earlierNames(in: other) }
        return { [names] version, epoch in names[epoch]?.name(of: version) }
    }

    private func earlierNames(in earlier: Epoch) throws -> EarlierNames {
        if let known = memory.names[earlier] { return known }
        var names = EarlierNames(
            shared: try Version.storedOne(
                db, sql: "SELECT version FROM ting_lineage WHERE epoch = ?",
                arguments: [earlier.description]))
        let rows = try Row.fetchCursor(
            db, sql: "SELECT version, here FROM ting_name WHERE epoch = ? ORDER BY version",
            arguments: [earlier.description])
        while let row = try rows.next() {
            try names.note(row.decode(atIndex: 0), row.decode(Version?.self, atIndex: 1))
        }
        memory.names[earlier] = names
        return names
    }

    /// The version of this history that a base names, where it has one.
    func here(_ base: Base) throws -> Version? {
        if base.epoch == epoch { return base.version }
        let shared = try Version.storedOne(
            db.cachedStatement(sql: "SELECT version FROM ting_lineage WHERE epoch = ?"),
            arguments: [base.epoch.description])
        if let shared, base.version <= shared { return base.version }
        return try Version.storedOne(
            db.cachedStatement(
                sql: "SELECT here FROM ting_name WHERE epoch = ? AND version = ?"),
            arguments: [base.epoch.description, base.version])
    }

    /// Keeps what a version was called in an earlier epoch. Two that claim one name have none.
    func name(_ here: Version, _ version: Version, in epoch: Epoch) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO ting_name (epoch, version, here) VALUES (?, ?, ?)
                ON CONFLICT DO UPDATE SET here = iif(here IS excluded.here, here, NULL)
                """
        ).execute(arguments: [epoch.description, version, here])
        if memory.names[epoch]?.note(version, here) == false { memory.names[epoch] = nil }
    }
}

/// What the versions of this history were called in an earlier epoch.
struct EarlierNames {
    /// Up to here both histories are one.
    var shared: Version?
    /// By a version of that epoch the one of this history, `nil` where two claimed its name; and the reverse.
    private var here: [Version: Version?] = [:]
    private var names: [Version: Version] = [:]

    init(shared: Version?) { self.shared = shared }

    /// - Returns: `false` where another version has the name, or an earlier name follows: they must be read anew.
    @discardableResult
    mutating func note(_ name: Version, _ version: Version?) -> Bool {
        if let known = here[name] { return known == version }
        here.updateValue(version, forKey: name)
        guard let version else { return true }
        if let first = names[version] { return first < name }
        names[version] = name
        return true
    }

    func name(of version: Version) -> Version? {
        if let shared, version <= shared { return version }
        return names[version]
    }
}
