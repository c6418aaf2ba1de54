// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore

/// Whether the rows of records with shared values beside them are what these and the outbox come to.
/// No digest covers them: it is over what is shared.
extension Replica {
    /// Records whose rows show something else than they should, found without an index.
    func misshown(_ db: Database) throws -> [RecordID] {
        let (outbox, held) = (DecodedOutbox(), try heldFields(db))
        return try String.storedAll(db, sql: "SELECT record FROM ting_shared NOT INDEXED")
            .compactMap { text in
                guard let record = RecordID(text) else {
                    throw StoredFormError.malformed("shared record")
                }
                return try isShown(db, record, held, outbox) ? nil : record
            }
    }

    /// Whether a record's row is as `materialize` would leave it, but for what is held back.
    private func isShown(
        _ db: Database, _ record: RecordID, _ heldFields: HeldFields, _ outbox: DecodedOutbox
    ) throws -> Bool {
        guard let shared = try SharedRecords.read(db, record) else {
            throw ReplicaError.rottenIndex
        }
        let held = heldFields.fields(of: record, in: shared.collection)
        try checkNames(held, of: shared.collection)
        // A record that is held back as a whole shows what waits to be put right.
        guard !held.contains("") else { return true }
        let visible = try visibleValues(db, record, ignoringDeletion: false, outbox)
        guard let collection = schema.collection(shared.collection) else {
            throw StoredFormError.malformed("shared record")
        }
        let row = try tables.raw(db, collection, record.description)
        guard let visible else { return row == nil || !held.isEmpty }
        guard let row else { return false }
        return collection.fields.allSatisfy { field in
            held.contains(field.name)
                || row.flaws[field.name] == nil
                    && (visible[field.name] ?? field.standard).column
                        .isIdentical(to: row[field.name] ?? .null)
        }
    }

    /// Whether what is noted of pending edits is what the change sets of the outbox say. Those that no
    /// longer give their hash are put together from the notes: of them nothing can be said.
    func isPendingRight(_ db: Database) throws -> Bool {
        let (wanted, unsound) = try wantedPending(db)
        let noted = try pending(db).filter { !unsound.contains($0.seq) }
        return PendingRow.fields(noted) == PendingRow.fields(wanted)
    }

    /// Shows every record as it should be, with what is pending on it.
    func mendShown(_ db: Database) throws {
        if try !isPendingRight(db) {
            let (wanted, unsound) = try wantedPending(db)
            let kept = try pending(db).filter { unsound.contains($0.seq) }
            // Emptied, not searched: the order of its keys may have rotted.
            try db.execute(sql: "DELETE FROM ting_pending")
            for row in kept + wanted { try pend(db, row) }
        }
        let wrong = try misshown(db)
        for record in wrong {
            guard let shared = try SharedRecords.read(db, record) else { continue }
            let row = try tables.read(db, shared.collection, record).map {
                RecordContent(shared.collection, record, $0)
            }
            try setAside(db, record, row, shared.collection)
        }
        try materialize(db, Set(wrong))
    }

    private func pend(_ db: Database, _ row: PendingRow) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO ting_pending (record, field, seq, epoch, version)
                VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """
        ).execute(arguments: [row.record, row.field, row.seq, row.epoch, row.version])
    }

    private func pending(_ db: Database) throws -> [PendingRow] {
        let rows = try Row.fetchAll(
            db, sql: "SELECT record, field, seq, epoch, version FROM ting_pending")
        return try rows.map { row in
            try PendingRow(
                record: row.stored(atIndex: 0), field: row.stored(atIndex: 1),
                seq: row.stored(atIndex: 2), epoch: row.stored(atIndex: 3),
                version: row.stored(atIndex: 4))
        }
    }

    /// What the outbox's sound change sets have pending, and the places of the others.
    private func wantedPending(_ db: Database) throws -> ([PendingRow], unsound: Set<Int64>) {
        let rows = try Row.fetchAll(db, sql: "SELECT seq, hash, body FROM ting_outbox NOT INDEXED")
        var (wanted, unsound): ([PendingRow], Set<Int64>) = ([], [])
        for row in rows {
            let seq: Int64 = try row.stored(atIndex: 0)
            let changeSet = try ChangeSet(
                storedBytes: row.stored(atIndex: 2), hash: row.stored(atIndex: 1))
            guard let changeSet else {
                unsound.insert(seq)
                continue
            }
            for operation in changeSet.operations {
                try PendingFields.each(of: operation, changeSet.base) { fields, base in
                    wanted.append(
                        PendingRow(
                            record: operation.record.description,
                            field: String(decoding: fields, as: UTF8.self), seq: seq,
                            epoch: base.epoch.description, version: base.version))
                }
            }
        }
        return (wanted, unsound)
    }
}

/// A row of `ting_pending`: that a change set of the outbox edits a record, and on what.
struct PendingRow: Hashable {
    var record: String
    /// As `PendingFields` reads it.
    var field: String
    /// The change set's place in the outbox.
    var seq: Int64
    var epoch: String
    var version: Version

    /// Each field by itself: rows may name one or several. Of two rows of one key the first stays.
    static func fields(_ rows: [PendingRow]) -> Set<PendingRow> {
        var found: Set<PendingRow> = []
        var keys: Set<[String]> = []
        for row in rows where keys.insert([row.record, row.field, "\(row.seq)"]).inserted {
            for name in PendingFields(row.field).names {
                var one = row
                one.field = name
                found.insert(one)
            }
        }
        return found
    }
}
