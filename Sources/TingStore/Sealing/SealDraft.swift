// SPDX-License-Identifier: Apache-2.0

import TingCore

/// What sealing one record comes to.
final class SealDraft {
    let fold: Fold
    var operation: TingCore.Operation?
    /// The record as everyone shares it, if nothing was pending on it yet.
    var shared: SharedRecord?
    /// What the author saw before the first note.
    var before: [String: Value] = [:]
    /// What may not be sealed, by field; "" for the whole record.
    var invalid: [String: InvalidValue] = [:]
    /// Canonical values that go back to the row.
    var canonical: [FieldValue] = []
    /// What was written that only the merge may write: `canonical` has what goes back.
    var putBack: [FieldValue] = []
    var references: [(field: String, targets: [String])] = []
    var id: RecordID?
    /// Whether its record is there for nobody else, nor on its way to be.
    var isNowhere = false
    var inserts = false
    /// Whether all have the record, that inserts it: others made one of its id while it was held back.
    var isShared = false
    /// What the author had seen of fields that are held back already.
    var heldBases: [String: Base] = [:]
    /// What the author had seen when the record was held back as a whole.
    var heldBase: Base?
    /// What lay in the outbox when they were held back.
    var heldSeen: [String: [Hash]] = [:]
    /// What pending edits of the record had been made on.
    var pendingBases: [(fields: PendingFields, base: Base)] = []

    init(_ fold: Fold) { self.fold = fold }
}
