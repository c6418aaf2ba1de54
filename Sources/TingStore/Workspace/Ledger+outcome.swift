// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// Where verdicts and the outcome of a merge are written.
extension Ledger {
    struct KnownDelivery {
        var changeSet: ChangeSetID
        var hash: Hash
        var verdict: Verdict
    }

    func delivery(_ replica: ReplicaID, _ number: Int64) throws -> KnownDelivery? {
        let statement = try HotStatement(
            db,
            """
            SELECT change_set, hash, verdict, detail, version FROM ting_delivery
            WHERE replica = ? AND number = ?
            """)
        statement.bind(replica, at: 1)
        statement.bind(number, at: 2)
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        guard let id = try ChangeSetID(statement.strictText(0)), let hash = statement.hash(1),
            let verdict = try Self.verdict(
                statement.strictText(2), detail: statement.strictText(3),
                version: statement.isNull(4) ? nil : statement.strictInteger(4))
        else { return nil }
        return KnownDelivery(changeSet: id, hash: hash, verdict: verdict)
    }

    private static func verdict(_ code: String, detail: String, version: Version?) -> Verdict? {
        switch (code, version) {
        case ("applied", let version?): .applied(version)
        case ("merged", let version?): .merged(version)
        default: Rejection(rawValue: code).map { .rejected($0, detail: detail) }
        }
    }

    /// The acceptance of a change set id, whoever brought it.
    func accepted(_ id: ChangeSetID) throws -> (version: Version, hash: Hash, verdict: Verdict)? {
        let statement = try HotStatement(
            db,
            """
            SELECT h.version, h.verdict, e.hash FROM history h
            JOIN ting_entry e ON e.version = h.version WHERE h.change_set = ?
            """)
        statement.bind(id, at: 1)
        defer { statement.reset() }
        guard try statement.step() else { return try PastTable.accepted(db, id) }
        guard let hash = statement.hash(2) else { return nil }
        let (version, verdict) = try (statement.strictInteger(0), statement.strictText(1))
        return (version, hash, verdict == "applied" ? .applied(version) : .merged(version))
    }

    /// Remembers a verdict for ever; a deferral is not one.
    func record(
        _ verdict: Verdict, _ delivery: Delivery, _ hash: Hash, _ replica: ReplicaID,
        _ member: MemberID
    ) throws {
        let (code, detail): (String, String) =
            switch verdict {
            case .applied: ("applied", "")
            case .merged: ("merged", "")
            case .rejected(let rejection, let detail): (rejection.rawValue, detail)
            case .deferred(let deferral, let detail): (deferral.rawValue, detail)
            }
        let insert = try HotStatement(
            db,
            """
            INSERT INTO ting_delivery
            (replica, number, change_set, hash, verdict, detail, version, seen)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
            """)
        insert.bind(replica, at: 1)
        insert.bind(delivery.number, at: 2)
        insert.bind(delivery.changeSet.id, at: 3)
        insert.bind(hash, at: 4)
        insert.bind(code, at: 5)
        insert.bind(detail, at: 6)
        insert.bind(verdict.version, at: 7)
        insert.bind(
            verdict.version == nil ? delivery.changeSet.seen.flatMap(\.bytes) : [], at: 8)
        try insert.run()
        try note(replica, member, editTime: 0)
    }

    /// The member whose replica this is.
    func owner(of replica: ReplicaID) throws -> MemberID? {
        try sender(replica)?.member
    }

    func editTime(of replica: ReplicaID) throws -> Int64 { try sender(replica)?.editTime ?? 0 }

    private func sender(
        _ replica: ReplicaID
    ) throws -> (member: MemberID?, editTime: Int64)? {
        if let known = memory.senders[replica] { return known }
        let statement = try HotStatement(
            db, "SELECT member, edit_time FROM ting_sender WHERE replica = ?")
        statement.bind(replica, at: 1)
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        let sender = try (
            member: MemberID(statement.strictText(0)), editTime: statement.strictInteger(1)
        )
        memory.senders[replica] = sender
        return sender
    }

    func note(_ replica: ReplicaID, _ member: MemberID, editTime: Int64) throws {
        let known = try sender(replica)
        if let known, known.member != nil, known.editTime >= editTime { return }
        let upsert = try HotStatement(
            db,
            """
            INSERT INTO ting_sender (replica, member, edit_time) VALUES (?, ?, ?)
            ON CONFLICT (replica) DO UPDATE SET edit_time = max(edit_time, excluded.edit_time)
            """)
        upsert.bind(replica, at: 1)
        upsert.bind(member, at: 2)
        upsert.bind(editTime, at: 3)
        try upsert.run()
        memory.senders[replica] = (
            known == nil ? member : known?.member, max(known?.editTime ?? 0, editTime)
        )
    }

    /// Sets what an effect says, and keeps the digest in step.
    mutating func apply(
        _ effect: Effect, _ version: Version, _ digest: inout StateDigest
    ) throws {
        guard let table = try rows.of(effect.collection) else { return }
        let record = effect.record
        let isNothingShared = memory.isNothingShared(of: record)
        let known = try row(table, record)
        memory.forget(record)
        if effect.state == .live {
            guard let row = table.row(nil, setting: effect.values) else {
                throw InvalidValue(
                    "a \(effect.collection) has no such field", "Make its edits again.")
            }
            guard try !table.insert(record, row) else {
                if !isNothingShared { try SharedRecords.remove(db, record) }
                digest.add(hasher.hash(table.collection, record, row), of: record)
                return
            }
        }
        // What it held may be free now.
        if table.collection.fields.contains(where: \.unique) { memory.heldSuffixes = [:] }
        guard let old = try known ?? table.read(record) else { return }
        digest.remove(hasher.hash(table.collection, record, old.values), of: record)
        guard effect.state != .deleted else {
            try table.remove(record)
            return try SharedRecords.write(
                db, record,
                SharedRecord(
                    collection: effect.collection, state: .deleted,
                    values: table.values(old.values),
                    deleted: version))
        }
        let row =
            table.row(effect.state == .live ? nil : old.values, setting: effect.values)
            ?? old.values
        try table.update(
            record, old, to: row, setting: effect.state == .live ? nil : effect.values)
        digest.add(hasher.hash(table.collection, record, row), of: record)
    }

    /// Keeps who wrote what, for those who come later.
    func record(_ merge: Merge, _ version: Version) throws {
        let fall = try HotStatement(
            db,
            "UPDATE ting_edit SET standing = 0 WHERE record = ? AND version = ? AND field = ?")
        let insert = try HotStatement(
            db,
            """
            INSERT INTO ting_edit (record, version, field, time, standing, deletes)
            VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
            time = excluded.time, standing = excluded.standing,
            deletes = excluded.deletes
            """)
        insert.bind(version, at: 2)
        for edit in merge.edits {
            let field = edit.field ?? ""
            for version in edit.fallen {
                fall.bind(edit.record, at: 1)
                fall.bind(version, at: 2)
                fall.bind(field, at: 3)
                try fall.run()
            }
            insert.bind(edit.record, at: 1)
            insert.bind(field, at: 3)
            insert.bind(edit.time, at: 4)
            insert.bind(edit.standing ? 1 : 0, at: 5)
            insert.bind(edit.deletes ? 1 : 0, at: 6)
            try insert.run()
        }
        for set in merge.additions { try record(set) }
        memory.heldSuffixes.merge(merge.heldSuffixes) { max($0, $1) }
    }

    /// Writes what changed of the additions that stand in a set.
    private func record(_ set: Merge.SetAdditions) throws {
        let remove = try HotStatement(
            db,
            """
            DELETE FROM ting_addition
            WHERE record = ? AND field = ? AND element = ? AND version = ?
            """)
        let add = try HotStatement(
            db,
            "INSERT INTO ting_addition (record, field, element, version) VALUES (?, ?, ?, ?)")
        for (statement, from, to) in [
            (remove, set.elements, set.before), (add, set.before, set.elements),
        ] {
            statement.bind(set.record, at: 1)
            statement.bind(set.field, at: 2)
            for (element, versions) in to where from[element] != versions {
                statement.bind(element, at: 3)
                for version in versions.subtracting(from[element] ?? []) {
                    statement.bind(version, at: 4)
                    try statement.run()
                }
            }
        }
    }
}
