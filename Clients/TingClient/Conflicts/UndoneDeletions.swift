// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore
import TingStore

/// Deletions that a conflict undid for one record alone: what went with it stays gone. Lives no longer than one
/// reading.
final class UndoneDeletions {
    private let replica: Replica
    private let db: Database
    private let entries: DecodedEntries
    private var families: [Version: [String: [Child]]] = [:]

    /// A record that a change set deleted.
    private struct Child {
        var id: String
        /// Whether that deletion stands.
        var isGone: Bool
    }

    init(_ replica: Replica, _ db: Database) {
        self.replica = replica
        self.db = db
        entries = DecodedEntries(db)
    }

    /// The change set that deleted a record and what lay below it, of which something is still gone; `nil` where
    /// there is none up to a version, or the history here begins after it.
    func changeSet(of record: RecordID, upTo version: Version) throws -> ChangeSetID? {
        let deleting = try entries.parts(touching: record).filter { part in
            part.entry.version <= version && part.operations.contains { $0.kind == .delete }
        }
        return try deleting.last { try hasGone(below: record, by: $0.entry) }?.entry.changeSet.id
    }

    private func hasGone(below record: RecordID, by entry: Entry) throws -> Bool {
        var family = try families[entry.version] ?? deleted(by: entry)
        families[entry.version] = family
        var waiting = [record.description]
        while let next = waiting.popLast() {
            // Each is looked at once: a record may be its own child.
            let children = family.removeValue(forKey: next) ?? []
            if children.contains(where: \.isGone) { return true }
            waiting += children.map(\.id)
        }
        return false
    }

    /// The records that an entry deleted, by the parents that they have, or had.
    private func deleted(by entry: Entry) throws -> [String: [Child]] {
        var family: [String: [Child]] = [:]
        for effect in entry.allEffects where effect.state == .deleted {
            guard let collection = replica.schema.collection(effect.collection),
                let parent = collection.parent
            else { continue }
            let table = RecordTable(collection)
            let live = try table.record(db, effect.record)
            let known = try live ?? table.lastRecord(db, effect.record)
            guard let held = known?[parent.name].text else { continue }
            let shared = try SharedRecords.read(db, effect.record)
            family[held, default: []].append(
                Child(
                    id: effect.record.description,
                    isGone: live == nil && shared?.deleted == entry.version))
        }
        return family
    }
}
