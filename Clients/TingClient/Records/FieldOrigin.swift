// SPDX-License-Identifier: Apache-2.0

package import GRDB
package import TingCore
package import TingStore

/// What gave a field the value that it holds.
package enum FieldOrigin {
    case accepted(Entry)
    /// An own edit that waits in the outbox.
    case waiting(ChangeSet)
}

/// Where the values of many records' fields come from, within one reading.
package struct FieldOrigins {
    private let replica: Replica
    private let db: Database
    private let entries: DecodedEntries
    private let outbox = DecodedOutbox()

    package init(_ replica: Replica, _ db: Database) {
        self.replica = replica
        self.db = db
        entries = DecodedEntries(db)
    }

    /// By field, as far as the history is here; fields that nobody wrote are left out.
    ///
    /// The last that changed a field wrote what stands: an edit that lost, a keep, or one that agreed left it.
    /// - Parameter since: Only what came after this version counts.
    package func origins(
        of record: RecordID, in collection: CollectionSchema, since: Version = 0
    ) throws -> [String: FieldOrigin] {
        var origins: [String: FieldOrigin] = [:]
        var values: [String: Value] = [:]
        for part in try entries.parts(touching: record, since: since) {
            let edits = Dictionary(
                part.operations.flatMap(\.fields).map { ($0.field, $0) },
                uniquingKeysWith: { _, last in last })
            for set in part.effects.flatMap(\.values) {
                if let edit = edits[set.field], let field = collection.field(set.field),
                    edit.wrote(set.value, in: field, over: values[set.field])
                {
                    origins[set.field] = .accepted(part.entry)
                }
                values[set.field] = set.value
            }
        }
        for (changeSet, operations) in try outbox.edits(db, of: record) {
            for edit in operations.flatMap(\.fields) where !edit.keeps {
                origins[edit.field] = .waiting(changeSet)
            }
        }
        return origins
    }
}

extension FieldEdit {
    /// Whether a value came of this edit.
    /// - Parameter former: What the field held before; `nil` where that is not known.
    fileprivate func wrote(_ value: Value, in field: Field, over former: Value?) -> Bool {
        if let former { return former != value }
        // What is merged holds a part of each edit.
        let isMerged = [.text, .set, .counter].contains(field.policy)
        return !keeps && (value == after || isMerged && value != before)
    }
}
