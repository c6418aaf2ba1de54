// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// Records as they are shared, and as they are shown with pending edits on top.
extension Replica {
    /// Puts the rows of records right: what is shared, then what is pending, then what is held back.
    /// - Parameter areTouched: Whether entries that come in within this transaction touch them all: by
    ///   these the search finds them anew.
    func materialize(
        _ db: Database, _ records: Set<RecordID>, areTouched: Bool = false
    ) throws {
        guard !records.isEmpty else { return }
        if !areTouched { try noteUnindexed(db, records) }
        let outbox = DecodedOutbox()
        let held = try heldFields(db)
        for record in records.sorted() {
            guard let shared = try SharedRecords.read(db, record) else { continue }
            let notes = held.fields(of: record, in: shared.collection)
            try checkNames(notes, of: shared.collection)
            let places = try pendingPlaces(db, record)
            let visible = try visibleValues(
                db, record, shared, at: places, ignoringDeletion: false, outbox)
            try show(db, record, shared, visible, keeping: notes)
            if notes.isEmpty, shared.state != .deleted, places.isEmpty {
                try SharedRecords.remove(db, record)
            }
        }
    }

    private func show(
        _ db: Database, _ record: RecordID, _ shared: SharedRecord, _ visible: [String: Value]?,
        keeping held: Set<String>
    ) throws {
        let collection = shared.collection
        // A row that stays for what is held back in it alone shows the last values besides; one that
        // was made here and never sealed is its own.
        let last = held.isEmpty || held.contains("") ? nil : shared.values
        guard let visible = visible ?? last else {
            if held.isEmpty { try tables.remove(db, collection, record) }
            return
        }
        // Own edits that were accepted as they are: their rows show it already.
        if held.isEmpty, try tables.holds(db, collection, record, visible) { return }
        // Made here and held back as a whole, before others made one of the same id.
        if held.contains(""), let row = schema.collection(collection),
            try tables.contains(db, row, record.description)
        {
            return
        }
        guard !held.isEmpty, try tables.read(db, collection, record) != nil else {
            return try tables.write(db, collection, record, visible)
        }
        let fields = schema.collection(collection)?.fields ?? []
        try tables.update(
            db, collection, record,
            fields.filter { !held.contains($0.name) }.map {
                FieldValue($0.name, visible[$0.name] ?? $0.standard)
            })
    }

    /// What a rotten name no longer holds back would be written over.
    func checkNames(_ held: Set<String>, of collection: String) throws {
        guard let collection = schema.collection(collection) else { return }
        for field in held { try collection.mustName(field) }
    }

    /// What other tools wrote and nothing has sealed, by record.
    func heldFields(_ db: Database) throws -> HeldFields {
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT collection, record, field FROM ting_note
                    WHERE \(CaptureTriggers.namesWhole)
                    """))
        var held = HeldFields()
        while let row = try rows.next() {
            try held.add(
                row.stored(atIndex: 2), of: row.stored(atIndex: 1), in: row.stored(atIndex: 0))
        }
        return held
    }

    /// The values that a record shows: the shared ones with the outbox's edits on top; `nil` where
    /// nothing is shown.
    func visibleValues(
        _ db: Database, _ record: RecordID, ignoringDeletion: Bool,
        _ outbox: DecodedOutbox
    ) throws -> [String: Value]? {
        guard let shared = try SharedRecords.read(db, record) else { return nil }
        return try visibleValues(
            db, record, shared, at: pendingPlaces(db, record), ignoringDeletion: ignoringDeletion,
            outbox)
    }

    /// Where in the outbox edits of the record wait.
    func pendingPlaces(_ db: Database, _ record: RecordID) throws -> [Int64] {
        try Int64.storedAll(
            db.cachedStatement(
                sql: "SELECT DISTINCT seq FROM ting_pending WHERE record = ? ORDER BY seq"),
            arguments: [record.description])
    }

    private func visibleValues(
        _ db: Database, _ record: RecordID, _ shared: SharedRecord, at places: [Int64],
        ignoringDeletion: Bool, _ outbox: DecodedOutbox
    ) throws -> [String: Value]? {
        var isLive = shared.state == .live
        var values = shared.values
        for place in places {
            for operation in try outbox.operations(db, place, of: record)
            where operation.collection == shared.collection {
                // A conflict that another history doesn't have is not made by settling it.
                let isSettling = operation.collection == CollectionSchema.conflict.name
                isLive = operation.kind != .delete && (isLive || !isSettling)
                guard isLive else { continue }
                // What is made anew does not go on from the values of a history that is gone.
                if operation.kind == .insert, shared.state == .absent { values = [:] }
                for edit in operation.fields {
                    let standard = schema.collection(operation.collection)?
                        .field(edit.field)?.standard
                    values[edit.field] = edit.after == standard ? nil : edit.after
                }
            }
        }
        return isLive || ignoringDeletion ? values : nil
    }

    /// The collection that holds, or held, the record of this id.
    func home(_ db: Database, _ id: String) throws -> String? {
        if let found = try tables.locate(db, id) { return found }
        guard let record = RecordID(id), let shared = try SharedRecords.read(db, record),
            try shared.state != .absent || isPending(db, record)
        else { return nil }
        return shared.collection
    }
}
