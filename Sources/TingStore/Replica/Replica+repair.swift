// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// Change sets of the outbox whose bytes rotted: the server must never take them for edits.
extension Replica {
    /// Puts change sets that no longer give their hash together anew, under their ids, from what is
    /// pending and shown. Whatever the server had accepted of them stays accepted once.
    func repairOutbox() throws {
        let isSound = try read { db in try outboxRows(db).allSatisfy { $0.changeSet != nil } }
        guard !isSound else { return }
        try quietly { db in
            var rows = try outboxRows(db)
            // In order: what the one before came to is what the next one saw.
            for index in rows.indices where rows[index].changeSet == nil {
                rows[index].changeSet = try repair(db, rows[index], among: rows)
            }
        }
    }

    private struct OutboxRow {
        var seq: Int64
        var id: String
        var hash: Data
        var seen: Data
        var time: Int64
        /// `nil` where the body doesn't give the hash.
        var changeSet: ChangeSet?
    }

    private func outboxRows(_ db: Database) throws -> [OutboxRow] {
        try Row.fetchAll(
            db, sql: "SELECT seq, change_set, hash, seen, time, body FROM ting_outbox ORDER BY seq"
        ).map { row in
            let hash = try row.decode(Data.self, atIndex: 2)
            let body = try row.decode(Data.self, atIndex: 5)
            return OutboxRow(
                seq: try row.decode(Int64.self, atIndex: 0),
                id: try row.decode(String.self, atIndex: 1), hash: hash,
                seen: try row.decode(Data.self, atIndex: 3),
                time: try row.decode(Int64.self, atIndex: 4),
                changeSet: ChangeSet(storedBytes: body, hash: hash))
        }
    }

    private func repair(_ db: Database, _ row: OutboxRow, among rows: [OutboxRow]) throws
        -> ChangeSet
    {
        guard let id = ChangeSetID(row.id) else {
            throw ReplicaError.damaged("an unsynced change set")
        }
        let pending = try Row.fetchAll(
            db,
            sql: """
                SELECT record, field, epoch, version FROM ting_pending WHERE seq = ?
                ORDER BY record, field
                """, arguments: [row.seq]
        ).map { row in
            (
                record: try row.decode(String.self, atIndex: 0),
                field: try row.decode(String.self, atIndex: 1),
                base: Base(
                    epoch: Epoch(try row.decode(String.self, atIndex: 2))
                        ?? Epoch(high: 0, low: 0),
                    version: try row.decode(Version.self, atIndex: 3))
            )
        }
        var operations: [TingCore.Operation] = []
        for (text, edits) in Dictionary(grouping: pending, by: \.record).sorted(by: {
            $0.key < $1.key
        }) {
            guard let record = RecordID(text), let shared = try SharedRecords.read(db, record)
            else { throw ReplicaError.damaged("an unsynced change set") }
            let bases = edits.flatMap { edit in
                PendingFields(edit.field).names.map { ($0, edit.base) }
            }
            operations += try rebuilt(
                db, record, shared, Dictionary(bases, uniquingKeysWith: { a, _ in a }), row, rows)
        }
        guard let base = pending.map(\.base).max(by: { $0.version < $1.version }) else {
            throw ReplicaError.damaged("an unsynced change set")
        }
        var random = SQLiteRandomness(db: db)
        let changeSet = ChangeSet(
            id: id, seed: (0..<16).map { _ in .random(in: 0...255, using: &random) },
            schema: schema.version, base: base, seen: Hash.list(row.seen), time: row.time,
            operations: operations)
        try db.execute(
            sql: "UPDATE ting_outbox SET hash = ?, body = ?, operations = ? WHERE seq = ?",
            arguments: [
                Data(changeSet.hash.bytes), Data(changeSet.storedBytes), operations.count, row.seq,
            ])
        // Later ones list it by its old hash: who follows that finds the new one.
        try keepLink(db, row.hash, seen: Data(changeSet.hash.bytes))
        return changeSet
    }

    /// What the change set did to a record: from the values before it to those that the next edit
    /// saw, or that are shown.
    private func rebuilt(
        _ db: Database, _ record: RecordID, _ shared: SharedRecord, _ bases: [String: Base],
        _ row: OutboxRow, _ rows: [OutboxRow]
    ) throws -> [TingCore.Operation] {
        let collection = shared.collection
        let earlier = Self.operations(rows.filter { $0.seq < row.seq }, of: record)
        let later = Self.operations(rows.filter { $0.seq > row.seq }, of: record)
        if let base = bases[""] {
            return [Operation(.delete, collection, record, base: base, time: row.time)]
        }
        let shown = try tables.read(db, collection, record)
        let isNew = bases["*"] != nil && shared.state == .absent && earlier.isEmpty
        var edits: [FieldEdit] = []
        for field in schema.collection(collection)?.fields ?? [] {
            guard let base = bases[field.name] else { continue }
            let before =
                earlier.compactMap { Self.edit($0, field.name)?.after }.last
                ?? shared.values[field.name] ?? field.standard
            let after =
                later.compactMap { Self.edit($0, field.name)?.before }.first
                ?? shown.map { $0[field.name] ?? field.standard }
            guard let after else { continue }
            edits.append(
                FieldEdit(
                    field.name, before: isNew ? .null : before, after: after, base: base,
                    time: row.time))
        }
        edits.sort { $0.field.utf8.lexicographicallyPrecedes($1.field.utf8) }
        if isNew {
            return [Operation(.insert, collection, record, time: row.time, fields: edits)]
        }
        let restore =
            bases["*"].map { [Operation(.restore, collection, record, base: $0, time: row.time)] }
        let update =
            edits.isEmpty
            ? [] : [Operation(.update, collection, record, time: row.time, fields: edits)]
        return (restore ?? []) + update
    }

    private static func operations(_ rows: [OutboxRow], of record: RecordID)
        -> [TingCore.Operation]
    {
        rows.flatMap { $0.changeSet?.operations ?? [] }.filter { $0.record == record }
    }

    private static func edit(_ operation: TingCore.Operation, _ field: String) -> FieldEdit? {
        operation.kind == .delete ? nil : operation.fields.first { $0.field == field }
    }
}

extension ChangeSet {
    /// Reads stored bytes that must give a hash; `nil` where they don't.
    init?(storedBytes bytes: Data, hash: Data) {
        guard let changeSet = try? ChangeSet(storedBytes: Array(bytes)),
            changeSet.hash.bytes == Array(hash)
        else { return nil }
        self = changeSet
    }
}
