// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
public import TingCore

/// How text is prepared for SQLite's FTS5, and how a query is: the same way.
///
/// Each CJK character stands apart, so that one or two of them are a word or a phrase; æ, ø and å
/// stand in both of their common spellings, since `unicode61` folds only å. Source:
/// https://sqlite.org/fts5.html#unicode61_tokenizer.
enum SearchText {
    static let definition = """
        CREATE VIRTUAL TABLE ting_search USING fts5(
          body, record UNINDEXED, collection UNINDEXED,
          tokenize = "unicode61 remove_diacritics 2")
        """

    static let insertion = "INSERT INTO ting_search (body, record, collection) VALUES (?, ?, ?)"

    /// The text to index: as one types it without Danish letters, in either spelling.
    static func indexed(_ text: String) -> String {
        let apart = text.normalized.spacedCJK.lowercased()
        guard apart.unicodeScalars.contains(where: { danish.contains($0) }) else { return apart }
        let first = apart.folded(["æ": "ae", "ø": "o", "å": "a"])
        let second = apart.folded(["æ": "ae", "ø": "oe", "å": "aa"])
        return first == second ? first : first + " " + second
    }

    private static let danish: Set<Unicode.Scalar> = ["æ", "ø", "å"]

    /// An FTS5 query for records with all parts of a text, which stand between spaces, commas and the like.
    /// The last word of each may go on. Repeated ones count once.
    ///
    /// Words that are joined, as in `P-4000` or `anna@example.dk`, are a phrase. Each for itself, a letter or
    /// a digit would stand for all words that begin with it.
    static func query(_ text: String) throws -> String? {
        let parts = text.normalized.lowercased().folded(["æ": "ae", "ø": "oe", "å": "aa"])
            .split { $0.isWhitespace || listMarks.contains($0) }
            .map { part in part.split { !$0.isLetter && !$0.isNumber } }
        var seen: Set<[Substring]> = []
        let different = parts.filter { !$0.isEmpty && seen.insert($0).inserted }
        let count = different.reduce(0) { $0 + $1.count }
        guard count <= Limits.searchWordLimit else {
            throw TooManyWords(count: count, limit: Limits.searchWordLimit)
        }
        let phrases = different.map { words -> String in
            let spaced = words.joined(separator: " ").spacedCJK.split(separator: " ")
            // A character of a word that is written without spaces does not go on.
            let goesOn = spaced.count == 1 || spaced.last?.unicodeScalars.last?.isCJK != true
            return "\"\(spaced.joined(separator: " "))\"" + (goesOn ? "*" : "")
        }
        return phrases.isEmpty ? nil : phrases.joined(separator: " AND ")
    }

    /// What stands between the items of a list.
    private static let listMarks: Set<Character> = [
        ",", ";", "/", "|", "，", "、", "；", "／", "｜",
    ]
}

/// A search for more different words than it takes.
public struct TooManyWords: Error, Equatable, Sendable {
    public let count: Int
    public let limit: Int
}

extension String {
    fileprivate var spacedCJK: String {
        var spaced = ""
        for scalar in unicodeScalars {
            if scalar.isCJK {
                spaced += " \(scalar) "
            } else {
                spaced.unicodeScalars.append(scalar)
            }
        }
        return spaced
    }

    fileprivate func folded(_ table: [Unicode.Scalar: String]) -> String {
        var folded = ""
        for scalar in unicodeScalars {
            if let other = table[scalar] {
                folded += other
            } else {
                folded.unicodeScalars.append(scalar)
            }
        }
        return folded
    }
}

extension Unicode.Scalar {
    /// Whether it is of a script that is written without spaces: Chinese, Japanese, Korean.
    fileprivate var isCJK: Bool {
        switch value {
        case 0x2e80...0x9fff, 0xac00...0xd7af, 0xf900...0xfaff, 0x20000...: true
        default: false
        }
    }
}

extension Replica {
    /// Brings the search index up to date, then finds records: the best matches first; of more than
    /// 5,000, those that changed last.
    ///
    /// Unsynced edits are found, and those by other tools. Where nothing can be written, what the index
    /// lacks is indexed in memory, for this search: `PassingIndex.swift`.
    /// - Parameters:
    ///   - limit: The most records to give; `nil` or a negative number for all.
    ///   - progress: Called for each record that is indexed, with the number of all to come: the first
    ///     search of a large replica indexes every record. It runs within a transaction: a method of this
    ///     replica throws `ReplicaError.nested` there. Show the numbers, or hand them to another task.
    /// - Throws: `TooManyWords` for more than 64 different words.
    public func search(
        _ text: String, limit: Int? = nil, progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
    ) throws -> [(collection: String, id: RecordID)] {
        let query = try SearchText.query(text)
        let most = max(limit ?? Self.all, Self.all)
        do {
            guard try sealForReading() == nil else {
                return try query.map { try passingSearch($0, most, progress) } ?? []
            }
            try quietly(hurrying: true) { try refreshIndex($0, progress) }
        } catch let error as DatabaseError where error.isAboutWriting || error.forbidsWriting {
            return try query.map { try passingSearch($0, most, progress) } ?? []
        }
        guard let query else { return [] }
        return try read { try hits($0, query, most) }
    }

    /// What SQLite's LIMIT takes for none.
    private static let all = -1

    /// What an index finds, the first first: so many at most, or `all`.
    func hits(
        _ db: Database, _ query: String, _ limit: Int
    ) throws -> [(collection: String, id: RecordID)] {
        try places(db, query, limit).compactMap { place in
            let row = try Row.fetchOne(
                db.cachedStatement(
                    sql: "SELECT collection, record FROM ting_search WHERE rowid = ?"),
                arguments: [place])
            return try row.flatMap { row in
                try RecordID(row.decode(String.self, atIndex: 1)).map {
                    try (row.decode(atIndex: 0), $0)
                }
            }
        }
    }

    /// Where the matches to show lie in the index, the first first.
    private func places(_ db: Database, _ query: String, _ limit: Int) throws -> [Int64] {
        let matches = "SELECT rowid FROM ting_search WHERE ting_search MATCH ? ORDER BY"
        let newest = try Int64.storedAll(
            db, sql: "\(matches) rowid DESC LIMIT \(Limits.searchRankLimit + 1)",
            arguments: [query])
        // To rank means to look at every match: of very many it would take longer than reading them.
        guard newest.count <= Limits.searchRankLimit else {
            if (0...newest.count).contains(limit) { return Array(newest.prefix(limit)) }
            return try Int64.storedAll(
                db, sql: "\(matches) rowid DESC LIMIT \(limit)", arguments: [query])
        }
        return try Int64.storedAll(
            db, sql: "\(matches) rank LIMIT \(limit)", arguments: [query])
    }

    private func refreshIndex(_ db: Database, _ progress: (Int, Int) -> Void) throws {
        let state = try Row.fetchOne(
            db, sql: "SELECT indexed_version, version FROM ting_replica")
        guard let indexed = state?[0] as Int64?, let version = state?[1] as Int64? else { return }
        if indexed < 0 {
            try indexAll(db, progress)
        } else {
            try refreshIndex(db, since: indexed, progress)
        }
        // What is held back now may be undone before the next search.
        try db.execute(
            sql: """
                DELETE FROM ting_unindexed;
                INSERT INTO ting_unindexed SELECT DISTINCT record FROM ting_note;
                """)
        guard indexed != version else { return }
        try db.execute(sql: "UPDATE ting_replica SET indexed_version = ?", arguments: [version])
    }

    /// The records of change sets in the outbox that `ting_unindexed` names by their ids. Those that left
    /// it had their records named then.
    private func sealedSince(_ db: Database) throws -> [String] {
        let bodies = try Data.storedAll(
            db,
            sql: """
                SELECT body FROM ting_outbox
                WHERE change_set IN (SELECT record FROM ting_unindexed)
                """)
        return try bodies.flatMap { body in
            try ChangeSet(storedBytes: Array(body)).touched.map(\.description)
        }
    }

    private func indexAll(_ db: Database, _ progress: (Int, Int) -> Void) throws {
        try db.execute(sql: "DELETE FROM ting_search; DELETE FROM ting_indexed")
        try eachRecord(db, progress) { try index(db, $0, of: $1) }
    }

    /// Does something for each record that people write.
    func eachRecord(
        _ db: Database, _ progress: (Int, Int) -> Void,
        _ body: (String, CollectionSchema) throws -> Void
    ) throws {
        let count = try schema.written.reduce(0) { try $0 + tables.count(db, $1) }
        var done = 0
        for collection in schema.written {
            // Row by row: a large workspace has more ids than belong into memory.
            let rows = try Row.fetchCursor(
                db, sql: "SELECT id FROM \"\(collection.name)\" ORDER BY id")
            while let row = try rows.next() {
                try body(row.stored(atIndex: 0), collection)
                done += 1
                progress(done, count)
            }
        }
    }

    /// The records that changed, or may have, since the index was at a version.
    func changed(_ db: Database, since indexed: Int64) throws -> Set<String> {
        let noted = try String.storedAll(
            db,
            sql: """
                SELECT record FROM ting_touch WHERE version > ?
                UNION SELECT record FROM ting_note WHERE \(CaptureTriggers.namesWhole)
                UNION SELECT record FROM ting_unindexed
                """, arguments: [indexed])
        return try Set(noted).union(sealedSince(db))
    }

    private func refreshIndex(
        _ db: Database, since indexed: Int64, _ progress: (Int, Int) -> Void
    ) throws {
        let changed = try changed(db, since: indexed)
        for (done, record) in changed.sorted().enumerated() {
            progress(done, changed.count)
            try db.cachedStatement(
                sql:
                    "DELETE FROM ting_search WHERE rowid IN (SELECT place FROM ting_indexed WHERE record = ?)"
            ).execute(arguments: [record])
            guard let name = try tables.locate(db, record), let collection = schema.collection(name)
            else { continue }
            try index(db, record, of: collection)
        }
    }

    private func index(_ db: Database, _ record: String, of collection: CollectionSchema) throws {
        guard let text = try searchText(db, record, of: collection) else { return }
        try db.cachedStatement(sql: SearchText.insertion)
            .execute(arguments: [text, record, collection.name])
        try db.cachedStatement(
            sql: """
                INSERT INTO ting_indexed (record, place) VALUES (?, ?)
                ON CONFLICT (record) DO UPDATE SET place = excluded.place
                """
        ).execute(arguments: [record, db.lastInsertedRowID])
    }

    /// What is indexed of a record; `nil` where there is none, and for conflicts.
    func searchText(
        _ db: Database, _ record: String, of collection: CollectionSchema
    ) throws -> String? {
        guard collection.name != CollectionSchema.conflict.name,
            let row = try tables.raw(db, collection, record)
        else { return nil }
        let texts = collection.fields.compactMap { field -> String? in
            switch field.kind {
            case .text, .date: row[field.name].flatMap { String.fromDatabaseValue($0) }
            case .set: field.value(row[field.name] ?? .null).elements.joined(separator: " ")
            default: nil
            }
        }
        return SearchText.indexed(texts.joined(separator: "\n"))
    }
}
