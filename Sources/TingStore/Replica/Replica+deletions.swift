// SPDX-License-Identifier: Apache-2.0

public import GRDB
public import TingCore

/// Deleting records with what lies below them, and bringing them back, inside `write`.
extension Replica {
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

    /// Whether the deletion that stands is that of a change set.
    /// - Parameter version: Its version; `nil` while it waits in the outbox.
    package func isDeleted(
        _ db: Database, _ record: RecordID, by id: ChangeSetID, _ version: Version?
    ) throws -> Bool {
        let last = try String.storedOne(
            db.cachedStatement(
                sql: """
                    SELECT change_set FROM ting_outbox WHERE seq =
                    (SELECT max(seq) FROM ting_pending WHERE record = ?)
                    """), arguments: [record.description])
        if let last { return last == id.description }
        return try version != nil && SharedRecords.read(db, record)?.deleted == version
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
