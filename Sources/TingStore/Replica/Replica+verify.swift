// SPDX-License-Identifier: Apache-2.0

import GRDB
public import TingCore

/// Whether the replica's file says what was received.
extension Replica {
    /// Has SQLite check the file, recomputes both digests from rows and history, and compares every row
    /// with what it should show. The next sync mends records that differ, and starts over where the
    /// history does. What is missing of the file's definition is made anew: `remade` names it.
    /// - Parameter progress: Called as it goes on, within a transaction: a method of this replica throws
    ///   `ReplicaError.nested` there. Show the step, or hand it to another task.
    /// - Returns: What was computed, and whether it is what the replica reports.
    /// - Throws: `ReplicaError.damaged` for a definition that rotted: no sync mends that.
    public func verify(
        progress: (VerifyStep) -> Void = { _ in }
    ) throws -> (state: Hash, history: Hash, matches: Bool) {
        progress(.file)
        var isWhole = try read { try String.storedAll($0, sql: "PRAGMA integrity_check") } == ["ok"]
        // Before anything is sealed: by a rotten index one row passes for another. Where two rows
        // have one id no index can be built; what SQLite said of the file stands then.
        if !isWhole { try? rebuildIndexes() }
        _ = try quietly { try sealForeign($0, isThorough: true) }
        try read(checkDefinition)
        return try sealed { db in
            if try !isPendingRight(db) || !misshown(db).isEmpty { isWhole = false }
            let base = try identity(db).base
            let count = try schema.collections.reduce(0) { try $0 + tables.count(db, $1) }
            let state = try recomputedDigest(db) { progress(.records(done: $0, of: count)) }
            let history = try computedHistory(db) {
                progress(.history(version: $0, of: base.version))
            }
            let isRight = try isWhole && HistoryTables.isStored(db, state)
            let chained = try HistoryTables.digest(db, at: base.version) ?? .zero
            let doubt = history != chained ? Doubt.history : isRight ? nil : .records
            if let doubt {
                try db.execute(
                    sql: "UPDATE ting_replica SET suspect = ?", arguments: [doubt.rawValue])
            } else {
                try db.execute(
                    sql: "UPDATE ting_replica SET suspect = 0 WHERE suspect = ?",
                    arguments: [Doubt.notComputed])
            }
            return (state.hash, history, doubt == nil)
        }
    }

    /// A snapshot brings the server's digest along: the replica computes its own before it first reports
    /// one (promise 2). The sync mends what differs.
    func computeFirstDigest() throws {
        guard try isDigestDue() else { return }
        // While it is computed others may write.
        let (digest, moment) = try read { try (recomputedDigest($0), Self.moment($0)) }
        try sealed { db in
            // Another process may have computed it meanwhile, and found more than this looks for.
            guard try isDigestDue(db) else { return }
            let isCurrent = try Self.moment(db) == moment
            let isRight = try HistoryTables.isStored(
                db, isCurrent ? digest : recomputedDigest(db))
            try db.execute(
                sql: "UPDATE ting_replica SET suspect = ?",
                arguments: [isRight ? 0 : Doubt.records.rawValue])
        }
    }

    /// What changes with every commit of another connection, and every row that this one writes.
    private static func moment(_ db: Database) throws -> [Int64] {
        [
            try Int64.fetchOne(db, sql: "PRAGMA data_version") ?? 0,
            Int64(db.totalChangesCount),
        ]
    }

    /// Whether this is a clone that has not computed its state digest yet: the next sync does, which takes
    /// some seconds for a million records.
    public func isDigestDue() throws -> Bool { try read(isDigestDue) }

    private func isDigestDue(_ db: Database) throws -> Bool {
        try Int.storedOne(db.cachedStatement(sql: "SELECT suspect FROM ting_replica"))
            == Doubt.notComputed
    }

    /// The state digest, computed from the shared values of all records.
    package func stateDigest() throws -> Hash { try read { try recomputedDigest($0).hash } }

    /// The state digest, computed from the shared values of all records.
    func recomputedDigest(
        _ db: Database, progress: (_ done: Int) -> Void = { _ in }
    ) throws -> StateDigest {
        try tables.recomputedDigest(db, except: unsealedRows(db), progress: progress)
    }

    /// Rows that other tools made and nothing has sealed, by collection: they are held back as a
    /// whole, and nobody shares them.
    func unsealedRows(_ db: Database) throws -> [String: Set<RecordID>] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT DISTINCT collection, record FROM ting_note
                WHERE kind = 'i' AND \(CaptureTriggers.namesWhole)
                """)
        return try rows.reduce(into: [:]) { found, row in
            guard let record = try RecordID(row.stored(String.self, atIndex: 1)) else { return }
            try found[row.stored(atIndex: 0), default: []].insert(record)
        }
    }

    /// What `verify` found to differ, as `ting_replica.suspect` keeps it.
    enum Doubt: Int {
        case records = 1
        case history = 2

        /// What stands there in place of a doubt until the replica has computed a digest of its own.
        static let notComputed = -1
    }

    /// The history digest, as the entries give it; zeros where one can't be read.
    func recomputedHistory() throws -> Hash { try read { try computedHistory($0) { _ in } } }

    /// The history digest; zeros where an entry can't be read.
    private func computedHistory(_ db: Database, _ progress: (Version) -> Void) throws -> Hash {
        do {
            let start = try HistoryFloor.read(db).map { ($0.version - 1, $0.digest) } ?? (0, .zero)
            return try HistoryTables.recomputedDigest(db, after: start, progress)
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
            try Int.storedOne(db, sql: "SELECT suspect FROM ting_replica").flatMap(Doubt.init)
        }
    }

    /// Builds the indexes anew: one that lost a row hides it from every look by id.
    func rebuildIndexes() throws { try quietly { try $0.execute(sql: "REINDEX") } }

    /// The same where one gave another row than the one that was asked for: what was done by it before
    /// is compared with the server's records in the next sync.
    func doubtIndexes() throws {
        try quietly { db in
            try db.execute(sql: "REINDEX")
            try db.execute(
                sql: "UPDATE ting_replica SET suspect = max(suspect, ?)",
                arguments: [Doubt.records.rawValue])
        }
    }

    /// A default that rotted is written into every row that leaves its column out, and passes for what
    /// somebody wrote.
    private func checkDefinition(_ db: Database) throws {
        let differences = try TableGrowth.to(Self.definition(schema)).differences(from: db)
        if let first = differences.first {
            throw ReplicaError.damaged("the definition of \(first)")
        }
    }
}

/// How far the check of a replica, or of a server's workspace, is.
public enum VerifyStep: Equatable, Sendable {
    /// SQLite checks the file.
    case file
    case records(done: Int, of: Int)
    case history(version: Version, of: Version)
}

extension RecordTables {
    /// How many records of a collection are shown.
    func count(_ db: Database, _ collection: CollectionSchema) throws -> Int {
        try Int.storedOne(db, sql: "SELECT count(*) FROM \"\(collection.name)\"") ?? 0
    }

    /// The state digest, computed from the shared values of all records.
    /// - Parameters:
    ///   - unsealed: Rows that nobody shares, by collection.
    ///   - progress: Called as it goes on.
    func recomputedDigest(
        _ db: Database, except unsealed: [String: Set<RecordID>] = [:],
        progress: (_ done: Int) -> Void = { _ in }
    ) throws -> StateDigest {
        var done = 0
        var digest = StateDigest()
        var aside = unsealed
        for text in try String.storedAll(db, sql: "SELECT record FROM ting_shared") {
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
                progress(done)
                done += 1
                guard let record = try RecordID(row.stored(String.self, atIndex: 0)),
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
        _ db: Database, after start: (version: Version, digest: Hash),
        _ progress: (Version) -> Void = { _ in }
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
            progress(version)
            if page.isEmpty { return digest }
        }
    }
}
