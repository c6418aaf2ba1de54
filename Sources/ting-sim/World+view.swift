// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore
import TingStore
import TingTesting

/// Records and conflicts as they must be at some place: by the model, with pending edits on top.
struct Picture {
    struct Record {
        var collection: String
        var isLive: Bool
        var values: [String: Value]
        /// Whether it is of a history that is gone.
        var isGone = false
    }

    var version: Version
    var records: [RecordID: Record]
    var conflicts: [RecordID: Oracle.Conflict]

    init(_ oracle: Oracle) {
        version = oracle.version
        records = oracle.records.mapValues { record in
            Record(
                collection: record.collection, isLive: record.isLive, values: record.values)
        }
        conflicts = oracle.conflicts
    }

    /// Puts the author's own values on top, also on a record that is deleted beneath.
    mutating func add(_ changeSet: ChangeSet, _ schema: Schema) {
        for operation in changeSet.operations {
            if operation.collection == CollectionSchema.conflict.name {
                if operation.kind == .delete {
                    conflicts[operation.record] = nil
                } else {
                    conflicts[operation.record]?.isOpen = false
                }
                continue
            }
            var record =
                records[operation.record]
                ?? Record(collection: operation.collection, isLive: false, values: [:])
            record.isLive = operation.kind != .delete
            let fields = operation.kind == .delete ? [] : operation.fields
            if operation.kind == .insert, record.isGone { record.values = [:] }
            for edit in fields {
                let standard = schema.collection(operation.collection)?.field(edit.field)?.standard
                record.values[edit.field] = edit.after == standard ? nil : edit.after
            }
            records[operation.record] = record
        }
    }
}

/// What a person sees between two syncs.
extension World {
    /// Compares a replica with the model of its own version: its tables, its history, and all that
    /// waits there. A record that was made here and is held back as a whole stays as it was written,
    /// whatever others make of its id: the model knows nothing of it.
    func checkView(_ node: Node) throws {
        guard let replica = node.replica, !node.health.isFaulty(at: clock.time) else { return }
        let (outbox, quarantine) = (try replica.outbox(), try replica.quarantine())
        let place = try replica.read { db in
            (
                digest: try digest(db),
                history: try String.fetchAll(
                    db.cachedStatement(sql: "SELECT change_set FROM history ORDER BY version")),
                unsealed: try String.fetchSet(
                    db.cachedStatement(
                        sql: """
                            SELECT record FROM ting_note
                            WHERE seq > (SELECT sealed_note FROM ting_replica) OR kind = 'i'
                            """)),
                held: try String.fetchSet(
                    db.cachedStatement(sql: "SELECT record || '/' || field FROM ting_invalid")),
                gone: try gone(db)
            )
        }
        guard let known = states[place.digest] else {
            throw Broken(.different, "\(node.machine) has a history that never was")
        }
        guard place.history == known.history.map(\.description) else {
            throw Broken(.different, "\(node.machine) has other change sets at \(known.version)")
        }
        try checkHeld(node, outbox, quarantine, known)
        var picture = Picture(known)
        picture.records.merge(place.gone) { known, _ in known }
        for delivery in outbox { picture.add(delivery.changeSet, schema) }
        try compare(
            try replica.contents(), node.machine, picture, except: place.held,
            unsealed: place.unsealed)
    }

    /// The history digest at the replica's version.
    private func digest(_ db: Database) throws -> Hash {
        try Data.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT history_digest FROM ting_entry WHERE version =
                    (SELECT version FROM ting_replica)
                    """)
        ).flatMap { Hash(bytes: $0) } ?? .zero
    }

    func digest(_ replica: Replica) throws -> Hash { try replica.read(digest) }

    /// Records that the history lacks, with the values that they had last: what is held back in them
    /// keeps their rows.
    private func gone(_ db: Database) throws -> [RecordID: Picture.Record] {
        let ids = try String.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT record FROM ting_shared WHERE state = 'absent'
                    AND record NOT IN (SELECT record FROM ting_note WHERE kind = 'i')
                    """))
        return try ids.compactMap { RecordID($0) }.reduce(into: [:]) { gone, id in
            guard let shared = try SharedRecords.read(db, id) else { return }
            gone[id] = Picture.Record(
                collection: shared.collection, isLive: false, values: shared.values, isGone: true)
        }
    }

    /// A replica that starts over from a history without a record keeps the record's last values, as
    /// the model knows them, where something is held back in it.
    func checkGone(_ node: Node, before: Oracle) throws {
        guard let replica = node.replica, !node.health.isFaulty(at: clock.time) else { return }
        let (gone, held) = try replica.read { db in
            (try self.gone(db), try String.fetchSet(db, sql: "SELECT record FROM ting_invalid"))
        }
        for (id, record) in gone where held.contains(id.description) {
            guard let last = before.records[id], last.values != record.values else { continue }
            throw Broken(
                .different, "\(node.machine): \(id) is kept as \(record.values), not \(last.values)"
            )
        }
    }

    /// What was sealed here is in the outbox, in quarantine with a reason, or in the history.
    private func checkHeld(
        _ node: Node, _ outbox: [Delivery], _ quarantine: [QuarantinedChangeSet], _ known: Oracle
    ) throws {
        let waiting = Set(outbox.map(\.changeSet.id) + quarantine.map(\.changeSet.id))
        let gone = node.holds.filter { !waiting.contains($0) && known.places[$0] == nil }
        if let id = gone.min() {
            throw Broken(.lost, "\(id) is no longer on \(node.machine)")
        }
        for rejected in quarantine where !node.quarantined.contains(rejected.changeSet.id) {
            let isTold = self.rejected.contains(rejected.changeSet.id)
            let follows = rejected.code == .dependsOnRejected
            guard isTold || follows && !(self.rejected.isEmpty && given.isEmpty) else {
                throw Broken(
                    .wrong,
                    "\(node.machine): \(rejected.changeSet.id) is in quarantine for no reason")
            }
        }
        node.quarantined = Set(quarantine.map(\.changeSet.id))
    }
}
