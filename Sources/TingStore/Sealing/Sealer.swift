// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// Turns noted edits into change sets in the outbox.
///
/// Folds to the first before and the last after of each field, drops what did not change, writes
/// canonical values back, and holds back what is invalid together with what refers to it.
struct Sealer {
    let replica: Replica
    let db: Database
    let identity: Replica.Identity
    let own: OwnEdits?
    /// Only records with a note after this one, or with own edits, are sealed.
    private let after: Int64
    let tables: RecordTables
    let room: ChangeSetRoom

    /// - Parameters:
    ///   - own: What the writing that ends did; without it, what other tools did is sealed.
    ///   - room: How much goes into one change set.
    init(
        _ replica: Replica, _ db: Database, own: OwnEdits? = nil, room: ChangeSetRoom = .init()
    ) throws {
        self.replica = replica
        self.db = db
        self.own = own
        self.room = room
        after = own?.after ?? 0
        identity = try replica.identity(db)
        tables = replica.tables
    }

    /// Seals every valid noted edit; gives those back that it found invalid.
    @discardableResult
    func seal(message: String) throws -> [InvalidEdit] {
        guard try isAnythingNew() else { return [] }
        if own != nil { try cascadeOwn() } else { try cascade() }
        let (drafts, drafter) = try draft(holdsBack: holdsBack())
        try hold(drafts)
        for draft in drafts { try settle(draft, drafter) }
        try pack(drafts, message)
        if drafts.contains(where: { !$0.invalid.isEmpty }) { try noteSeen() }
        // What came in beneath a field that was held back is shown where nothing lies on it now.
        let released = drafts.filter { draft in
            draft.heldBases.keys.contains { !draft.invalid.keys.contains($0) }
        }
        try replica.materialize(db, Set(released.compactMap(\.id)))
        try noteSealed()
        return drafts.flatMap { draft in
            draft.invalid.keys.sortedByBytes.compactMap { field in
                draft.invalid[field].map { InvalidEdit(draft.fold, field, $0) }
            }
        }
    }

    private func draft(holdsBack: Bool) throws -> ([SealDraft], Drafter) {
        guard let own, own.isPlain else {
            let folds = try fold()
            let homes = folds.filter(\.existed).map { ($0.record, $0.collection.name) }
            let drafter = try Drafter(
                self, holdsBack: holdsBack,
                homes: Dictionary(homes, uniquingKeysWith: { first, _ in first }))
            return (try folds.flatMap(drafter.drafts), drafter)
        }
        let drafter = try Drafter(self, holdsBack: holdsBack, homes: own.removed)
        var drafts: [SealDraft] = []
        drafts.reserveCapacity(own.rows.count)
        for row in own.rows {
            if let draft = try drafter.draft(row) {
                drafts.append(draft)
            } else {
                let columns = try tables.columns(db, row.collection)
                drafts += try drafter.drafts(Fold(row, columns: columns))
            }
        }
        return (drafts, drafter)
    }

    // MARK: Notes

    /// Whether there are notes other than those held back when the replica was here last.
    private func isAnythingNew() throws -> Bool {
        if own?.rows.isEmpty == false { return true }
        guard let newest = try replica.lastNote(db), newest > after else { return false }
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT sealed_note, sealed_version FROM ting_replica"))
        guard after == 0, let row else { return true }
        let (note, version): (Int64, Version) = try (
            row.decode(atIndex: 0), row.decode(atIndex: 1)
        )
        return newest > note || identity.base.version != version
    }

    private func noteSealed() throws {
        let update = try HotStatement(
            db,
            """
            UPDATE ting_replica SET sealed_note = ?1, sealed_version = ?2
            WHERE sealed_note <> ?1 OR (?1 > 0 AND sealed_version <> ?2)
            """)
        update.bind(try replica.lastNote(db) ?? 0, at: 1)
        update.bind(identity.base.version, at: 2)
        try update.run()
    }

    /// Deleting a record deletes its children, and theirs: each gets a note of its own.
    private func cascade() throws {
        var waiting = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT DISTINCT collection, record FROM ting_note
                    WHERE seq > ? AND kind IN ('d', 'x', 'r', 'i') AND instr(record, char(0)) = 0
                    """), arguments: [after]
        ).map {
            try (
                collection: $0.decode(String.self, atIndex: 0),
                record: $0.decode(String.self, atIndex: 1)
            )
        }
        var renamed = waiting.isEmpty ? [] : try renamed()
        while let (name, record) = waiting.popLast() {
            guard let collection = replica.schema.collection(name), !renamed.contains(record),
                try !tables.contains(db, collection, record)
            else { continue }
            for child in replica.schema.collections {
                guard let parent = child.parent, parent.mayName(name) else { continue }
                let ids = try CaptureTriggers.delete(db, child, where: parent.name, is: record)
                renamed.subtract(ids)
                waiting += ids.map { (child.name, $0) }
            }
        }
    }

    /// The same for what was written here. The children's going is noted as it happens.
    private func cascadeOwn() throws {
        var waiting = (own?.rows ?? []).filter { $0.removal == .deleted }.map {
            ($0.collection, $0.record)
        }
        guard !waiting.isEmpty else { return }
        own?.watch.resume()
        defer { own?.watch.end(db) }
        while let (collection, record) = waiting.popLast() {
            guard try !tables.contains(db, collection, record) else { continue }
            for child in replica.schema.collections {
                guard let parent = child.parent, parent.mayName(collection.name) else {
                    continue
                }
                let ids = try tables.removeAll(db, child, where: parent.name, is: record)
                waiting += ids.map { (child, $0) }
            }
        }
    }

    /// Ids that no row has since it was given another: the last that is noted of their going.
    private func renamed() throws -> Set<String> {
        try Set(
            String.storedAll(
                db.cachedStatement(
                    sql: """
                        SELECT record FROM (
                          SELECT record, kind, max(seq) FROM ting_note WHERE kind IN ('d', 'x')
                          GROUP BY record
                        ) WHERE kind = 'x'
                        """)))
    }

    private func fold() throws -> [Fold] {
        if let own { return try own.folds(db, tables) }
        var folds: [String: Fold] = [:]
        var order: [String] = []
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT kind, collection, CAST(record AS BLOB), field, before, time, draft, seq
                    FROM ting_note ORDER BY seq
                    """))
        while let row = try rows.next() {
            let name: String = try row.stored(atIndex: 1)
            guard let collection = replica.schema.collection(name) else {
                throw StoredFormError.malformed("the collection of a note")
            }
            let id = String(decoding: try row.stored(Data.self, atIndex: 2), as: UTF8.self)
            let key = "\(name)/\(id)"
            if folds[key] == nil {
                folds[key] = try Fold(collection, row)
                order.append(key)
            } else {
                try folds[key]?.take(row)
            }
        }
        return order.compactMap { folds[$0] }
    }

    // MARK: Holding back

    private func holdsBack() throws -> Bool {
        try HotStatement(db, "SELECT 1 FROM ting_invalid LIMIT 1").isThere()
    }

    /// Holds back inserts with an invalid field, and everything that refers to them.
    private func hold(_ drafts: [SealDraft]) throws {
        var held = try heldInserts()
        guard !held.isEmpty || drafts.contains(where: { !$0.invalid.isEmpty }) else { return }
        var grew = true
        while grew {
            grew = false
            for index in drafts.indices {
                for (field, targets) in drafts[index].references {
                    let known: Bool = drafts[index].invalid.keys.contains(field)
                    guard !known, !held.isDisjoint(with: targets) else { continue }
                    drafts[index].invalid[field] = InvalidValue(
                        "it refers to a record that is held back",
                        "Mend that record first; `ting status` names it.")
                }
                guard !drafts[index].invalid.isEmpty else { continue }
                if drafts[index].inserts || drafts[index].invalid.keys.contains("") {
                    drafts[index].operation = nil
                    if drafts[index].isShared { continue }
                    let (isNew, _) = held.insert(drafts[index].fold.record)
                    if isNew { grew = true }
                } else {
                    drafts[index].dropInvalid()
                }
            }
            // What was held before and is sealed now holds back nothing more.
            for draft in drafts where draft.inserts && draft.invalid.isEmpty {
                held.remove(draft.fold.record)
            }
        }
    }

    /// Records that were never sealed, held back by an earlier seal and not drafted anew now.
    private func heldInserts() throws -> Set<String> {
        guard after > 0 else { return [] }
        return Set(
            try String.storedAll(
                db,
                sql: """
                    SELECT i.record FROM ting_invalid i JOIN ting_shared s ON s.record = i.record
                    WHERE s.state = 'absent' AND NOT EXISTS
                    (SELECT 1 FROM ting_pending p WHERE p.record = i.record)
                    AND i.record NOT IN (SELECT record FROM ting_note WHERE seq > ?)
                    """, arguments: [after])
        ).filter { own?.watch.holds($0) != true }
    }

    /// Writes canonical values back, keeps what is shared, and leaves notes only of what is held.
    private func settle(_ draft: SealDraft, _ drafter: Drafter) throws {
        let record = draft.fold.record
        if let id = draft.id {
            try tables.update(db, draft.fold.collection.name, id, draft.canonical)
            if let shared = draft.shared, draft.operation != nil || !draft.invalid.isEmpty {
                try SharedRecords.write(db, id, shared)
            }
        }
        let collection = draft.fold.collection.name
        if drafter.holdsBack {
            try db.cachedStatement(
                sql: """
                    DELETE FROM ting_invalid WHERE record = CAST(? AS TEXT) AND collection = ?
                    """
            ).execute(arguments: [Data(record.utf8), collection])
        }
        guard !draft.invalid.isEmpty else {
            try dropNotes(draft.fold)
            return try forgetIfNeverWas(draft)
        }
        if draft.inserts || draft.invalid.keys.contains("") {
            try noteOwn(draft.fold)
        } else {
            try keepNotes(draft)
        }
        for (field, invalid) in draft.invalid {
            let base = try draft.id.flatMap { try drafter.base($0, field, draft) } ?? identity.base
            try db.cachedStatement(
                sql: """
                    INSERT INTO ting_invalid
                    (record, field, collection, problem, remedy, epoch, version, seen)
                    VALUES (CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
                    problem = excluded.problem, remedy = excluded.remedy
                    """
            ).execute(arguments: [
                Data(record.utf8), field, collection, invalid.problem, invalid.remedy,
                base.epoch.description, base.version,
                draft.heldSeen[field].map { Data($0.flatMap(\.bytes)) },
            ])
        }
    }

    /// Keeps what lies in the outbox as an edit is held back: its author had seen that, also when it has
    /// long left the outbox.
    private func noteSeen() throws {
        let heads = try replica.outboxHeads(db).flatMap(\.bytes)
        try db.execute(
            sql: "UPDATE ting_invalid SET seen = ? WHERE seen IS NULL", arguments: [Data(heads)])
    }

    /// A record that was held back and is deleted again leaves nothing.
    private func forgetIfNeverWas(_ draft: SealDraft) throws {
        guard draft.operation == nil, let id = draft.id,
            try SharedRecords.read(db, id)?.state == .absent, try !replica.isPending(db, id)
        else { return }
        try SharedRecords.remove(db, id)
    }

    /// The notes of a record that is held back as a whole stay: what was written now joins them.
    private func noteOwn(_ fold: Fold) throws {
        guard let own,
            let row = own.rows.first(where: {
                $0.record == fold.record && $0.collection.name == fold.collection.name
            }), let fields = try own.changed(db, tables, row)
        else { return }
        for field in fields {
            try db.cachedStatement(
                sql: """
                    INSERT INTO ting_note (kind, collection, record, field, time)
                    VALUES ('u', ?, ?, ?, ?)
                    """
            ).execute(arguments: [
                fold.collection.name, fold.record, field, fold.time(of: field),
            ])
        }
    }

    private func dropNotes(_ fold: Fold) throws {
        guard !fold.notes.isEmpty else { return }
        let statement = try HotStatement(db, "DELETE FROM ting_note WHERE seq = ?")
        for place in fold.notes {
            statement.bind(place, at: 1)
            try statement.run()
        }
    }

    /// Leaves one note a held field, with its first value before.
    private func keepNotes(_ draft: SealDraft) throws {
        try dropNotes(draft.fold)
        for field in draft.invalid.keys.sortedByBytes {
            let before =
                draft.before[field] ?? draft.fold.collection.field(field)?.standard ?? .null
            try db.cachedStatement(
                sql: """
                    INSERT INTO ting_note (kind, collection, record, field, before, time)
                    VALUES ('u', ?, ?, ?, ?, ?)
                    """
            ).execute(arguments: [
                draft.fold.collection.name, draft.fold.record, field, before.column,
                draft.fold.time(of: field),
            ])
        }
    }
}

extension Field {
    fileprivate func mayName(_ collection: String) -> Bool { to.isEmpty || to.contains(collection) }
}

extension InvalidEdit {
    fileprivate init(_ fold: Fold, _ field: String, _ invalid: InvalidValue) {
        self.init(
            collection: fold.collection.name, record: fold.record,
            field: field.isEmpty ? nil : field, problem: invalid.problem, remedy: invalid.remedy)
    }
}

extension SealDraft {
    /// Leaves out of the operation what is held back.
    fileprivate func dropInvalid() {
        operation?.fields.removeAll { invalid[$0.field] != nil }
        if operation?.kind == .update, operation?.fields.isEmpty == true,
            !fold.keeps.contains("")
        {
            operation = nil
        }
    }
}
