// SPDX-License-Identifier: Apache-2.0

import GRDB
public import TingCore

/// Whether the replica's file says what was received.
extension Replica {
    /// Has SQLite check the file, and recomputes both digests from rows and history. The next sync
    /// mends records that differ, and starts over where the history does. What is missing of the file's
    /// definition is made anew: `remade` names it.
    /// - Returns: What was computed, and whether it is what the replica reports.
    public func verify() throws -> (state: Hash, history: Hash, matches: Bool) {
        _ = try quietly { try sealForeign($0, isThorough: true) }
        let isWhole = try read { try String.fetchAll($0, sql: "PRAGMA integrity_check") } == ["ok"]
        return try sealed { db in
            let base = try identity(db).base
            let state = try recomputedDigest(db)
            let history = try computedHistory(db)
            let isRight = try isWhole && HistoryTables.isStored(db, state)
            let chained = try HistoryTables.digest(db, at: base.version) ?? .zero
            let doubt = history != chained ? Doubt.history : isRight ? nil : .records
            if let doubt {
                try db.execute(
                    sql: "UPDATE ting_replica SET suspect = ?", arguments: [doubt.rawValue])
            }
            return (state.hash, history, doubt == nil)
        }
    }

    /// The state digest, computed from the shared values of all records.
    package func stateDigest() throws -> Hash { try read { try recomputedDigest($0).hash } }

    /// The state digest, computed from the shared values of all records.
    func recomputedDigest(_ db: Database) throws -> StateDigest {
        try tables.recomputedDigest(db, except: unsealedRows(db))
    }

    /// Rows that other tools made and nothing has sealed, by collection: they are held back as a
    /// whole, and nobody shares them.
    func unsealedRows(_ db: Database) throws -> [String: Set<RecordID>] {
        let rows = try Row.fetchAll(
            db, sql: "SELECT DISTINCT collection, record FROM ting_note WHERE kind = 'i'")
        return try rows.reduce(into: [:]) { found, row in
            guard let record = try RecordID(row.decode(String.self, atIndex: 1)) else { return }
            try found[row.decode(atIndex: 0), default: []].insert(record)
        }
    }

    /// What `verify` found to differ, as `ting_replica.suspect` keeps it.
    enum Doubt: Int {
        case records = 1
        case history = 2
    }

    /// The history digest; zeros where an entry can't be read.
    private func computedHistory(_ db: Database) throws -> Hash {
        do {
            let start = try HistoryFloor.read(db).map { ($0.version - 1, $0.digest) } ?? (0, .zero)
            return try HistoryTables.recomputedDigest(db, after: start)
        } catch is StoredFormError {
            return .zero
        } catch is CBORError {
            return .zero
        } catch is RowDecodingError {
            return .zero
        }
    }

    /// What `verify` found since the replica was last put right.
    func doubt() throws -> Doubt? {
        try read { db in
            try Int.fetchOne(db, sql: "SELECT suspect FROM ting_replica").flatMap(Doubt.init)
        }
    }

    /// Builds the indexes anew: one that lost a row hides it from every look by id.
    func rebuildIndexes() throws { try quietly { try $0.execute(sql: "REINDEX") } }
}

extension RecordTables {
    /// The state digest, computed from the shared values of all records.
    /// - Parameter unsealed: Rows that nobody shares, by collection.
    func recomputedDigest(_ db: Database, except unsealed: [String: Set<RecordID>] = [:]) throws
        -> StateDigest
    {
        var digest = StateDigest()
        var aside = unsealed
        for text in try String.fetchAll(db, sql: "SELECT record FROM ting_shared") {
            guard let record = RecordID(text), let shared = try SharedRecords.read(db, record)
            else { continue }
            aside[shared.collection, default: []].insert(record)
            guard shared.state == .live else { continue }
            digest.add(RecordContent(shared.collection, record, shared.values))
        }
        for collection in schema.collections {
            let names = collection.fields.map { "\"\($0.name)\"" }.joined(separator: ", ")
            let rows = try Row.fetchCursor(
                db,
                sql: "SELECT id, \(names) FROM \"\(collection.name)\" WHERE \(Self.isWholeID)")
            let beside = aside[collection.name] ?? []
            while let row = try rows.next() {
                guard let record = try RecordID(row.decode(String.self, atIndex: 0)),
                    !beside.contains(record)
                else {
                    continue
                }
                var values: [String: Value] = [:]
                for (position, field) in collection.fields.enumerated() {
                    let value = field.value(row[position + 1])
                    if value != field.standard { values[field.name] = value }
                }
                digest.add(RecordContent(collection.name, record, values))
            }
        }
        return digest
    }
}

extension HistoryTables {
    /// The history digest, computed from every entry after a version, whose digest is given.
    static func recomputedDigest(
        _ db: Database, after start: (version: Version, digest: Hash)
    ) throws -> Hash {
        var (version, digest) = start
        while true {
            let page = try entries(db, since: version, byteLimit: Limits.pageByteLimit)
            for entry in page {
                guard entry.version == version + 1 else {
                    throw StoredFormError.malformed("history")
                }
                digest = HistoryDigest.next(after: digest, entry)
                version = entry.version
            }
            if page.isEmpty { return digest }
        }
    }
}
