// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// What the writing that ends did itself, beside notes of the file: those that were held back before
/// it, and its *keeps*.
struct OwnEdits {
    let watch: EditWatch
    /// The last note before the writing.
    let after: Int64
    /// Whether the file holds notes.
    let hasNotes: Bool

    /// - Parameter after: The last note before the writing; 0 without one.
    init(_ db: Database, _ watch: EditWatch, after: Int64) throws {
        self.watch = watch
        self.after = after
        hasNotes = try HotStatement(db, "SELECT 1 FROM ting_note LIMIT 1").isThere()
    }

    var rows: [NotedRow] { watch.rows }

    /// Whether what the verbs wrote stands as they wrote it, and nothing else goes with it.
    var isPlain: Bool { !hasNotes && watch.isCertain }

    /// Whether an edit that may not be sealed is of this writing, asked before it is sealed; `nil` for
    /// "always".
    func places(_ db: Database, _ tables: RecordTables) throws -> Set<String>? {
        guard hasNotes else { return nil }
        return try rows.reduce(into: []) { places, row in
            let fields = try changed(db, tables, row)
            places.formUnion((fields ?? [""]).map { "\(row.record)/\($0)" })
        }
    }

    /// The fields of a row that were written; `nil` for all of it.
    func changed(_ db: Database, _ tables: RecordTables, _ row: NotedRow) throws -> [String]? {
        guard let before = row.before, row.removal == nil,
            let now = try tables.raw(db, row.collection, row.record)
        else { return nil }
        return zip(row.collection.fields, try tables.columns(db, row.collection))
            .filter { field, column in
                let old = before.indices.contains(column) ? before[column] : .null
                return !old.isIdentical(to: now[field.name] ?? .null)
            }.map(\.0.name)
    }

    /// The collections of records that were there and were taken away, by id.
    var removed: [String: String] {
        rows.reduce(into: [:]) { homes, row in
            guard row.removal != nil, row.before != nil else { return }
            homes[row.record] = row.collection.name
        }
    }

    // MARK: Folds

    func folds(_ db: Database, _ tables: RecordTables) throws -> [Fold] {
        var (held, kept) = try notes(db, tables.schema)
        var folds: [Fold] = []
        for row in rows {
            let key = Key(collection: row.collection.name, record: row.record)
            let columns = try tables.columns(db, row.collection)
            var fold = try Self.fold(row.collection, held[key] ?? [])
            if fold == nil {
                fold = Fold(row, columns: columns)
            } else {
                fold?.take(row, columns: columns)
            }
            for note in kept.removeValue(forKey: key) ?? [] { try fold?.take(note) }
            if let fold { folds.append(fold) }
        }
        let rest = try kept.map { key, notes in
            (key, notes, seq: try notes[0].decode(Int64.self, atIndex: 7))
        }
        for (key, notes, _) in rest.sorted(by: { $0.seq < $1.seq }) {
            guard let collection = tables.schema.collection(key.collection) else {
                throw StoredFormError.malformed("the collection of a note")
            }
            if let fold = try Self.fold(collection, (held[key] ?? []) + notes) {
                folds.append(fold)
            }
        }
        return folds
    }

    private struct Key: Hashable {
        let collection: String
        let record: String
    }

    private static func fold(_ collection: CollectionSchema, _ notes: [Row]) throws -> Fold? {
        guard let first = notes.first else { return nil }
        var fold = try Fold(collection, first)
        for note in notes.dropFirst() { try fold.take(note) }
        return fold
    }

    /// The file's notes by record: those from before the writing, and its own.
    private func notes(_ db: Database, _ schema: Schema) throws -> (
        held: [Key: [Row]], kept: [Key: [Row]]
    ) {
        let notes = try Row.fetchAll(db, sql: CaptureTriggers.notes(schema))
        var (held, kept): ([Key: [Row]], [Key: [Row]]) = ([:], [:])
        for note in notes {
            let key = try Key(
                collection: note.decode(atIndex: 1),
                record: String(decoding: note.decode(Data.self, atIndex: 2), as: UTF8.self))
            let seq: Int64 = try note.decode(atIndex: 7)
            if seq <= after {
                held[key, default: []].append(note)
            } else {
                kept[key, default: []].append(note)
            }
        }
        return (held, kept)
    }
}

/// Whether new records have ids that no other collection holds, asked once for all that the verbs made.
struct NewIDs {
    private let db: Database
    private let tables: RecordTables
    /// Whether no record but these lies between the first and the last of them.
    private let areAlone: Bool

    init(_ db: Database, _ tables: RecordTables, _ rows: [NotedRow]) throws {
        self.db = db
        self.tables = tables
        guard rows.count > 8 else {
            areAlone = false
            return
        }
        var counts: [ObjectIdentifier: Int] = [:]
        var ids: Set<RecordID> = []
        ids.reserveCapacity(rows.count)
        var areVerbs = true
        for row in rows where row.before == nil {
            guard let id = row.written?.id, row.removal == nil, ids.insert(id).inserted else {
                areVerbs = false
                break
            }
            counts[ObjectIdentifier(row.collection), default: 0] += 1
        }
        // Ids are ordered as their texts are.
        guard areVerbs, ids.count > 8, let first = ids.min(), let last = ids.max() else {
            areAlone = false
            return
        }
        areAlone = try tables.schema.collections.allSatisfy { collection in
            let count = counts[ObjectIdentifier(collection)] ?? 0
            let statement = try HotStatement(
                db,
                """
                SELECT count(*) FROM (SELECT 1 FROM "\(collection.name)"
                WHERE id BETWEEN ? AND ? LIMIT ?)
                """)
            statement.bind(first, at: 1)
            statement.bind(last, at: 2)
            statement.bind(Int64(count + 1), at: 3)
            defer { statement.reset() }
            return try statement.step() && statement.integer(0) == Int64(count)
        }
    }

    func isFree(_ row: NotedRow) throws -> Bool {
        try areAlone || tables.locate(db, row.record, except: row.collection.name) == nil
    }
}
