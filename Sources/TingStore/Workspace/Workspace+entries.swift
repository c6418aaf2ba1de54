// SPDX-License-Identifier: Apache-2.0

import GRDB
package import TingCore

/// What the history holds, as it is sent.
extension Workspace {
    /// Entries after `version`, at least one if there is one, until their bytes pass the limit. From
    /// below the floor they begin with the floor.
    package func entries(since version: Version, byteLimit: Int) throws -> [Entry] {
        try pool.read { try HistoryTables.entries($0, since: version, byteLimit: byteLimit) }
    }

    /// The same, with what the history is called at that instant, and how far it goes.
    package func page(since version: Version, byteLimit: Int) throws
        -> (epoch: Epoch, head: Version, entries: [Entry])
    {
        try pool.read { db in
            (
                try Self.epoch(db), try HistoryTables.head(db),
                try HistoryTables.entries(db, since: version, byteLimit: byteLimit)
            )
        }
    }

    /// The same, of a file that may have rotted: entries that did go to nobody, for a replica would
    /// take them for another history.
    ///
    /// One hash over an entry's bytes tells that they are those that were accepted. Where it is
    /// missing (a file of before) or differs, the chain of digests is recomputed, which takes two
    /// hashes for each value and has the last word.
    static func soundEntries(
        _ db: Database, since version: Version, byteLimit: Int
    ) throws -> [Entry] {
        var page: [Entry] = []
        var bytes = 0
        var areSound = true
        let rows = try HotStatement(
            db,
            """
            SELECT \(HistoryTables.columns), e.history_digest, s.entry_hash
            \(HistoryTables.tables) LEFT JOIN ting_state_digest s ON s.version = h.version
            WHERE h.version > ? ORDER BY h.version
            """)
        rows.bind(version, at: 1)
        defer { rows.reset() }
        while try rows.step() {
            bytes += HistoryTables.size(rows)
            if !page.isEmpty, bytes > byteLimit { break }
            let entry = try HistoryTables.entry(rows)
            page.append(entry)
            areSound =
                areSound && entry.version == version + Version(page.count)
                && NewEntry.isSound(entry, rows)
        }
        if !areSound { try checkChain(db, after: version, page) }
        return page
    }

    private static func checkChain(
        _ db: Database, after version: Version, _ entries: [Entry]
    ) throws {
        guard let last = entries.last else { return }
        let start = try historyDigest(db, at: version) ?? .zero
        let digest = entries.reduce(start) { HistoryDigest.next(after: $0, $1) }
        guard try HistoryTables.digest(db, at: last.version) == digest else {
            throw ReplicaError.damaged("the history before version \(last.version)")
        }
    }
}

extension NewEntry {
    /// A hash over what the history digest chains, as it lies in the file.
    var bytesHash: Hash {
        Self.bytesHash(entry, digest, body.hash, outcome?.hash)
    }

    /// Whether a row of `soundEntries` holds the bytes that were written.
    fileprivate static func isSound(_ entry: Entry, _ row: HotStatement) -> Bool {
        typealias Column = HistoryTables.Column
        guard let digest = row.hash(Column.historyDigest), let known = row.hash(Column.entryHash)
        else { return false }
        let body = row.withBlob(Column.changeSet) { Hash(of: $0) }
        let outcome =
            row.isNull(Column.effects) ? nil : row.withBlob(Column.effects) { Hash(of: $0) }
        return known == bytesHash(entry, digest, body, outcome)
    }

    private static func bytesHash(
        _ entry: Entry, _ digest: Hash, _ body: Hash, _ outcome: Hash?
    ) -> Hash {
        var encoder = CBOREncoder(capacity: 200)
        encoder.encodeArray(count: 6)
        encoder.encode(entry.version)
        encoder.encode(bytes: entry.author)
        encoder.encode(entry.accepted)
        encoder.encode(bytes: digest)
        encoder.encode(bytes: body)
        encoder.encode(bytes: outcome ?? .zero)
        return encoder.hash
    }
}

extension [UInt8] {
    fileprivate var hash: Hash { Hash(of: self) }
}
