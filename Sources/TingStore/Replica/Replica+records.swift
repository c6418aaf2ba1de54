// SPDX-License-Identifier: Apache-2.0

import Foundation
public import GRDB
public import TingCore

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

    func shared(_ db: Database, _ record: RecordID) throws -> SharedRecord? {
        try SharedRecords.read(db, record)
    }

    /// The collection that holds, or held, the record of this id.
    func home(_ db: Database, _ id: String) throws -> String? {
        if let found = try tables.locate(db, id) { return found }
        guard let record = RecordID(id), let shared = try SharedRecords.read(db, record),
            try shared.state != .absent || isPending(db, record)
        else { return nil }
        return shared.collection
    }

    // MARK: Verbs inside `write`

    /// Notes a *keep*: an edit of a field (or of the whole record) to what it is.
    /// - Throws: `ReplicaError.unknownCollection`, `.unknownField`.
    public func keep(
        _ db: Database, _ collection: String, _ record: RecordID, field: String?
    ) throws {
        let known = try tables.known(collection)
        if let field, known.field(field) == nil {
            throw ReplicaError.unknownField("\(collection).\(field)")
        }
        try db.execute(
            sql: "INSERT INTO ting_note (kind, collection, record, field) VALUES ('k', ?, ?, ?)",
            arguments: [collection, record.description, field ?? ""])
    }

    /// Deletes a record with its children; gives the number of records that go: 0 where it is not there.
    /// - Throws: `ReplicaError.unknownCollection`.
    @discardableResult
    public func delete(_ db: Database, _ collection: String, _ record: RecordID) throws -> Int {
        _ = try tables.known(collection)
        var count = 0
        var waiting = [(collection: collection, record: record)]
        while let next = waiting.popLast() {
            let children = try tables.children(db, of: next.record.description)
            // Gone before its children are: a record that is its own child ends the descent.
            try tables.remove(db, next.collection, next.record)
            guard db.changesCount > 0 else { continue }
            count += 1
            waiting += children.reversed()
        }
        return count
    }

    /// Brings a deleted record back, with the children that the same change set deleted; gives their number.
    /// - Throws: `ReplicaError.unknownCollection`.
    @discardableResult
    public func restore(_ db: Database, _ collection: String, _ record: RecordID) throws -> Int {
        _ = try tables.known(collection)
        var deletions = watch.verbs.deletions ?? Deletions()
        var count = 0
        var waiting = [(collection: collection, record: record)]
        while let next = waiting.popLast() {
            guard let shared = try SharedRecords.read(db, next.record),
                try tables.read(db, next.collection, next.record) == nil,
                let values = try visibleValues(
                    db, next.record, ignoringDeletion: true, deletions.outbox)
            else { continue }
            try tables.write(db, next.collection, next.record, values)
            count += 1
            let children = try deletions.children(self, db, of: next.record, shared.deleted)
            waiting += children.reversed()
        }
        // What others see and what waits stays as it is until the writing is sealed.
        if watch.isNoting { watch.verbs.deletions = deletions }
        return count
    }

    /// Records, deleted ones too (also those that were never sent), whose id ends as given.
    public func locate(_ db: Database, ending: String) throws
        -> [(collection: String, id: RecordID)]
    {
        guard !ending.isEmpty, ending.utf8.allSatisfy({ $0 == 0x2d || isalnum(Int32($0)) != 0 })
        else { return [] }
        var found: [(collection: String, id: RecordID)] = []
        for collection in schema.collections {
            let sql =
                ending.utf8.count == 36
                ? "SELECT id FROM \"\(collection.name)\" WHERE id = ?"
                : "SELECT id FROM \"\(collection.name)\" WHERE id LIKE '%' || ? LIMIT 3"
            for text in try String.storedAll(db, sql: sql, arguments: [ending]) {
                if let id = RecordID(text) { found.append((collection.name, id)) }
            }
        }
        let gone = try Row.fetchAll(
            db,
            sql: """
                SELECT collection, record FROM ting_shared
                WHERE \(ending.utf8.count == 36 ? "record = ?" : "record LIKE '%' || ?")
                """, arguments: [ending])
        for row in gone {
            guard let id = try RecordID(row.decode(String.self, atIndex: 1)),
                !found.contains(where: { $0.id == id })
            else { continue }
            found.append((try row.decode(atIndex: 0), id))
        }
        return found
    }
}

/// What deletions took with them, of which a writing brings records back: each is read once, however many
/// come back of it.
struct Deletions {
    let outbox = DecodedOutbox()
    private var families: [Deletion: [String: [(collection: String, record: RecordID)]]] = [:]

    /// Until a deletion has a version, its place in the outbox tells it from others.
    private struct Deletion: Hashable {
        var version: Version?
        var place: Int64?
    }

    /// The children of a record that the same deletion took.
    mutating func children(
        _ replica: Replica, _ db: Database, of record: RecordID, _ version: Version?
    ) throws -> [(collection: String, record: RecordID)] {
        var deletion = Deletion(version: version, place: nil)
        if version == nil {
            deletion.place = try Int64.storedOne(
                db.cachedStatement(
                    sql: "SELECT max(seq) FROM ting_pending WHERE record = ? AND field = ''"),
                arguments: [record.description])
        }
        if families[deletion] == nil { families[deletion] = try family(replica, db, deletion) }
        return families[deletion]?[record.description] ?? []
    }

    /// The records that a deletion took, by the parents that they had.
    private func family(
        _ replica: Replica, _ db: Database, _ deletion: Deletion
    ) throws -> [String: [(collection: String, record: RecordID)]] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT record, collection FROM ting_shared s
                WHERE deleted IS ?1 AND (?1 IS NOT NULL OR
                (SELECT max(seq) FROM ting_pending WHERE record = s.record AND field = '') IS ?2)
                """, arguments: [deletion.version, deletion.place])
        return try rows.reduce(into: [:]) { family, row in
            let collection: String = try row.decode(atIndex: 1)
            guard let record = try RecordID(row.decode(String.self, atIndex: 0)),
                let parent = replica.schema.collection(collection)?.parent,
                let last = try replica.visibleValues(db, record, ignoringDeletion: true, outbox),
                let held = last[parent.name]?.text, held != record.description
            else { return }
            family[held, default: []].append((collection, record))
        }
    }
}

/// The outbox's change sets, each decoded once while many records are shown anew.
final class DecodedOutbox {
    private var operations: [Int64: [RecordID: [TingCore.Operation]]] = [:]

    func operations(_ db: Database, _ place: Int64, of record: RecordID) throws
        -> [TingCore.Operation]
    {
        if let known = operations[place] { return known[record] ?? [] }
        let body = try Data.storedOne(
            db.cachedStatement(sql: "SELECT body FROM ting_outbox WHERE seq = ?"),
            arguments: [place])
        let changeSet = try body.map { try ChangeSet(storedBytes: Array($0)) }
        let decoded = Dictionary(grouping: changeSet?.operations ?? [], by: \.record)
        operations[place] = decoded
        return decoded[record] ?? []
    }
}

/// The fields of records that other tools wrote and nothing has sealed, as notes name them; `""` for all
/// of a record that was made here.
struct HeldFields {
    private var fields: [String: [String: Set<String>]] = [:]

    mutating func add(_ field: String, of record: String, in collection: String) {
        fields[record, default: [:]][collection, default: []].insert(field)
    }

    func fields(of record: RecordID, in collection: String) -> Set<String> {
        fields.isEmpty ? [] : fields[record.description]?[collection] ?? []
    }
}
