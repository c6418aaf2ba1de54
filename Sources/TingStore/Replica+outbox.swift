// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
public import TingCore

/// Edits that the server has not yet accepted, and those that it rejected.
extension Replica {
    /// The outbox, in order.
    public func outbox() throws -> [Delivery] {
        try read { db in
            try Row.fetchAll(db, sql: "SELECT number, body FROM ting_outbox ORDER BY seq").map {
                Delivery(number: $0[0], changeSet: try ChangeSet(storedBytes: Array($0[1] as Data)))
            }
        }
    }

    /// Discards change sets of the outbox for good: their author asked for it.
    public func discardOutbox(_ ids: [ChangeSetID]) throws {
        try quietly { db in
            var dirty: Set<RecordID> = []
            for id in ids { dirty.formUnion(try leave(db, id) ?? []) }
            try materialize(db, dirty)
        }
    }

    /// Change sets that the server rejected, oldest first.
    public func quarantine() throws -> [QuarantinedChangeSet] {
        try read { db in
            try Row.fetchAll(
                db, sql: "SELECT body, code, detail, time FROM ting_quarantine ORDER BY time, rowid"
            ).compactMap { row in
                guard let code = Rejection(rawValue: row[1]) else { return nil }
                return QuarantinedChangeSet(
                    changeSet: try ChangeSet(storedBytes: Array(row[0] as Data)), code: code,
                    detail: row[2], time: row[3])
            }
        }
    }

    /// Puts change sets back into the outbox, under new numbers, to be judged again.
    public func retryQuarantine(_ ids: [ChangeSetID]) throws {
        try quietly { db in
            for id in ids {
                let body = try Data.fetchOne(
                    db, sql: "SELECT body FROM ting_quarantine WHERE change_set = ?",
                    arguments: [id.description])
                guard let body else { continue }
                let changeSet = try ChangeSet(storedBytes: Array(body))
                for operation in changeSet.operations where try shared(db, operation.record) == nil
                {
                    let values = try tables.read(db, operation.collection, operation.record)
                    try SharedRecords.write(
                        db, operation.record,
                        SharedRecord(
                            collection: operation.collection,
                            state: values == nil ? .absent : .live, values: values ?? [:],
                            deleted: nil))
                }
                try enqueue(db, changeSet, changeSet.base)
                try db.execute(
                    sql: "DELETE FROM ting_quarantine WHERE change_set = ?",
                    arguments: [id.description])
                try materialize(db, changeSet.touched)
            }
        }
    }

    /// Discards rejected change sets for good: their author asked for it.
    public func discardQuarantine(_ ids: [ChangeSetID]) throws {
        try quietly { db in
            for id in ids {
                try db.execute(
                    sql: "DELETE FROM ting_quarantine WHERE change_set = ?",
                    arguments: [id.description])
            }
        }
    }

    // MARK: Within a transaction

    /// Appends a sealed change set; its edits lie on top of the shared state from now on.
    func enqueue(_ db: Database, _ changeSet: ChangeSet, _ base: Base) throws {
        let number =
            try Int64.fetchOne(
                db.cachedStatement(
                    sql: """
                        UPDATE ting_replica SET next_number = next_number + 1
                        RETURNING next_number - 1
                        """)) ?? 1
        try db.cachedStatement(
            sql: """
                INSERT INTO ting_outbox (number, change_set, hash, body, operations, time)
                VALUES (?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            number, changeSet.id.description, Data(changeSet.hash.bytes),
            Data(changeSet.storedBytes), changeSet.operations.count, changeSet.time,
        ])
        let seq = db.lastInsertedRowID
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO ting_pending (record, field, seq, epoch, version)
                VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """)
        for operation in changeSet.operations {
            let whole = operation.base ?? base
            if operation.kind != .update || operation.fields.isEmpty {
                let field = operation.kind == .delete ? "" : "*"
                try insert.execute(arguments: [
                    operation.record.description, field, seq, whole.epoch.description,
                    whole.version,
                ])
            }
            for edit in operation.fields where operation.kind != .delete {
                let base = edit.base ?? whole
                try insert.execute(arguments: [
                    operation.record.description, edit.field, seq, base.epoch.description,
                    base.version,
                ])
            }
        }
    }

    /// Takes a change set out of the outbox; gives the records to show anew, `nil` if it isn't there.
    func leave(_ db: Database, _ id: ChangeSetID) throws -> Set<RecordID>? {
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT seq, body FROM ting_outbox WHERE change_set = ?"),
            arguments: [id.description])
        guard let row else { return nil }
        let seq: Int64 = row[0]
        let records = try ChangeSet(storedBytes: Array(row[1] as Data)).touched
        try db.cachedStatement(sql: "DELETE FROM ting_outbox WHERE seq = ?")
            .execute(arguments: [seq])
        let forget = try db.cachedStatement(
            sql: "DELETE FROM ting_pending WHERE record = ? AND seq = ?")
        for record in records { try forget.execute(arguments: [record.description, seq]) }
        return records
    }

    /// Moves a rejected change set, and those in the outbox that build on it, to quarantine.
    func reject(
        _ db: Database, _ id: ChangeSetID, _ code: Rejection, _ detail: String
    ) throws -> (records: Set<RecordID>, count: Int) {
        let outbox = try Row.fetchAll(
            db, sql: "SELECT change_set, body FROM ting_outbox ORDER BY seq")
        var rejected: Set<RecordID> = []
        var count = 0
        for row in outbox {
            let changeSet = try ChangeSet(storedBytes: Array(row[1] as Data))
            let isIt = changeSet.id == id
            guard isIt || !rejected.isDisjoint(with: changeSet.concerned) else { continue }
            rejected.formUnion(changeSet.touched)
            try db.execute(
                sql: """
                    INSERT INTO ting_quarantine (change_set, code, detail, body, time)
                    VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                    """,
                arguments: [
                    changeSet.id.description,
                    isIt ? code.rawValue : Rejection.dependsOnRejected.rawValue,
                    isIt ? detail : "It builds on change set \(id), which was rejected.",
                    row[1] as Data, clock(),
                ])
            _ = try leave(db, changeSet.id)
            count += 1
        }
        return (rejected, count)
    }

    /// Takes a new replica id and numbers what is left in the outbox anew.
    func rename(_ db: Database) throws {
        try db.execute(
            sql: "UPDATE ting_replica SET replica = ?", arguments: [newReplicaID().description])
        try db.execute(sql: "UPDATE ting_outbox SET number = -seq")
        let left = try Int64.fetchAll(db, sql: "SELECT seq FROM ting_outbox ORDER BY seq")
        for (position, seq) in left.enumerated() {
            try db.execute(
                sql: "UPDATE ting_outbox SET number = ? WHERE seq = ?",
                arguments: [position + 1, seq])
        }
        try db.execute(
            sql: "UPDATE ting_replica SET next_number = ?", arguments: [left.count + 1])
    }

    /// Whether the id is in the outbox, the quarantine or the history.
    func knows(_ db: Database, _ id: ChangeSetID) throws -> Bool {
        try Bool.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT EXISTS (SELECT 1 FROM ting_outbox WHERE change_set = ?1)
                    OR EXISTS (SELECT 1 FROM ting_quarantine WHERE change_set = ?1)
                    """), arguments: [id.description]) ?? false
    }
}

/// A change set that the server rejected, waiting for its author.
public struct QuarantinedChangeSet: Equatable, Sendable {
    public var changeSet: ChangeSet
    public var code: Rejection
    public var detail: String
    /// When it was rejected, in milliseconds since 1970 on this machine's clock.
    public var time: Int64
}
