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

extension Replica {
    /// Where the values of a record's fields come from, as far as the history is here; fields that nobody wrote are
    /// left out.
    ///
    /// The last that changed a field wrote what stands: an edit that lost, a keep, or one that agreed left it.
    /// - Parameter since: Only what came after this version counts.
    package func origins(
        _ db: Database, of record: RecordID, since: Version = 0
    ) throws -> [String: FieldOrigin] {
        var origins: [String: FieldOrigin] = [:]
        var values: [String: Value] = [:]
        for entry in try history(db, of: record, since: since).reversed() {
            let edits = Dictionary(
                entry.changeSet.operations.filter { $0.record == record }.flatMap(\.fields)
                    .map { ($0.field, $0) }, uniquingKeysWith: { _, last in last })
            let effects = entry.allEffects.filter { $0.record == record }
            for set in effects.flatMap(\.values) {
                if let edit = edits[set.field], edit.wrote(set.value, over: values[set.field]) {
                    origins[set.field] = .accepted(entry)
                }
                values[set.field] = set.value
            }
        }
        for changeSet in try waiting(db, on: record) {
            for operation in changeSet.operations where operation.record == record {
                for edit in operation.fields where !edit.keeps {
                    origins[edit.field] = .waiting(changeSet)
                }
            }
        }
        return origins
    }
}

extension FieldEdit {
    /// Whether a value came of this edit.
    /// - Parameter former: What the field held before; `nil` where that is not known.
    fileprivate func wrote(_ value: Value, over former: Value?) -> Bool {
        former.map { $0 != value } ?? (!keeps && value == after)
    }
}
