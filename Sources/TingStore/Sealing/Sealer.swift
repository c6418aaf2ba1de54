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
    let after: Int64
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

    /// Seals every valid noted edit; gives those back that it found invalid, or put back.
    @discardableResult
    func seal(message: String) throws -> [InvalidEdit] {
        guard try isAnythingNew() else { return [] }
        if own != nil {
            try cascadeOwn()
        } else {
            try makeReadable()
            try cascade()
        }
        let (drafts, drafter) = try draft(holdsBack: holdsBack())
        try hold(drafts)
        for draft in drafts {
            try settle(draft, drafter)
            if own == nil { try replica.tellPutBack(db, draft) }
        }
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
            } + draft.undone
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
        return try after > 0 || replica.hasUnsealed(db, at: identity.base.version)
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

    private func fold() throws -> [Fold] {
        if let own { return try own.folds(db, tables) }
        var folds: [String: Fold] = [:]
        var order: [String] = []
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: CaptureTriggers.notes(replica.schema)))
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

    /// Gives rows whose ids are not UTF-8 others that can be named: they are held back under those.
    private func makeReadable() throws {
        let odd = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT DISTINCT collection, CAST(record AS BLOB) FROM ting_note
                    WHERE record GLOB '*[^-0-9a-f]*' OR length(CAST(record AS BLOB)) <> 36
                    """))
        for row in odd {
            let (collection, id): (String, Data) = try (
                row.stored(atIndex: 0), row.stored(atIndex: 1)
            )
            guard String(validating: id, as: UTF8.self) == nil,
                replica.schema.collection(collection) != nil
            else { continue }
            let bytes = id.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            let name = "\(String(decoding: id, as: UTF8.self)) (\(bytes))"
            try db.execute(
                sql: "UPDATE OR IGNORE \"\(collection)\" SET id = ? WHERE id = CAST(? AS TEXT)",
                arguments: [name, id])
            try db.execute(
                sql: """
                    UPDATE ting_note SET record = ?
                    WHERE record = CAST(? AS TEXT) AND collection = ?
                    """, arguments: [name, id, collection])
        }
    }
}

extension InvalidEdit {
    fileprivate init(_ fold: Fold, _ field: String, _ invalid: InvalidValue) {
        self.init(
            collection: fold.collection.name, record: fold.record,
            field: field.isEmpty ? nil : field, problem: invalid.problem, remedy: invalid.remedy)
    }
}
