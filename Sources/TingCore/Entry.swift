// SPDX-License-Identifier: Apache-2.0

/// What an accepted change set did to one record: the values that every replica sets.
public struct Effect: Equatable, Sendable {
    public var collection: String
    public var record: RecordID
    public var state: State
    /// Absolute values, ascending by field name. `null` clears a field.
    public var values: [FieldValue]

    public enum State: String, CaseIterable, Sendable {
        /// The record lives on; `values` are set.
        case updated
        /// The record comes to be, or comes back: `values` are all that differ from the defaults.
        case live
        /// The record is gone; its last values are kept aside.
        case deleted
    }

    public init(
        _ collection: String, _ record: RecordID, _ state: State, _ values: [FieldValue] = []
    ) {
        self.collection = collection
        self.record = record
        self.state = state
        self.values = values
    }
}

public struct FieldValue: Equatable, Sendable {
    public var field: String
    public var value: Value

    public init(_ field: String, _ value: Value) {
        self.field = field
        self.value = value
    }
}

/// One version as it is sent: the change set, what it did, and the server's proof.
public struct Entry: Equatable, Sendable {
    public var version: Version
    public var changeSet: ChangeSet
    public var author: MemberID
    public var replica: ReplicaID
    public var number: Int64
    /// The server's clock when it accepted the change set, in milliseconds since 1970.
    public var accepted: Int64
    /// Receipt minus the replica's clock when it sent, in milliseconds.
    public var shift: Int64
    /// What it did, where that differs from what its author wrote; `nil` means `applied`.
    public var effects: [Effect]?
    /// The server's MAC over the acceptance: `Protocol/spec/model.md#receipts`.
    public var receipt: [UInt8]

    public init(
        version: Version, changeSet: ChangeSet, author: MemberID, replica: ReplicaID, number: Int64,
        accepted: Int64, shift: Int64, effects: [Effect]?, receipt: [UInt8] = []
    ) {
        self.version = version
        self.changeSet = changeSet
        self.author = author
        self.replica = replica
        self.number = number
        self.accepted = accepted
        self.shift = shift
        self.effects = effects
        self.receipt = receipt
    }

    /// The effects, whether written out or implied by the change set.
    public var allEffects: [Effect] { effects ?? changeSet.authoredEffects }
}

extension ChangeSet {
    /// What the change set does when nothing stands in its way: the after-values, as they are.
    public var authoredEffects: [Effect] {
        operations.map { operation in
            let values = operation.fields.map { FieldValue($0.field, $0.after) }
            return switch operation.kind {
            case .insert: Effect(operation.collection, operation.record, .live, values)
            case .update: Effect(operation.collection, operation.record, .updated, values)
            case .restore: Effect(operation.collection, operation.record, .live, values)
            case .delete: Effect(operation.collection, operation.record, .deleted)
            }
        }
    }
}

/// The server's answer for one change set.
public enum Verdict: Equatable, Sendable {
    /// Accepted as `version`, with the effects its author wrote.
    case applied(Version)
    /// Accepted as `version`, with other effects, or with conflicts.
    case merged(Version)
    /// Never accepted as it is: it goes to quarantine.
    case rejected(Rejection, detail: String)
    /// Can't be judged yet: it stays in the outbox and is tried again.
    case deferred(Deferral, detail: String)

    public var version: Version? {
        switch self {
        case .applied(let version), .merged(let version): version
        case .rejected, .deferred: nil
        }
    }
}

/// Why the server rejected a change set. The raw value is the code on the wire and is listed in
/// `Protocol/spec/errors.md`; it never changes meaning.
public enum Rejection: String, CaseIterable, Sendable {
    case roleTooLow = "role_too_low"
    case invalidValue = "invalid_value"
    case acceptedOtherwise = "accepted_otherwise"
    case dependsOnRejected = "depends_on_rejected"
    case tooLarge = "too_large"
    /// Stands for a code to come; no server sends it.
    case unknown = "unknown_rejection"

    /// What the person at the keyboard can do now.
    public var remedy: String {
        switch self {
        case .roleTooLow:
            "Ask an owner for the editor role, then run `ting quarantine retry`; or save the edits with `ting quarantine export`."
        case .invalidValue:
            "Look at it with `ting quarantine show`, then make its edits again with a valid value: `ting quarantine edit CHANGESET field=value`."
        case .acceptedOtherwise:
            "A copy of this replica sent other edits under the same id: compare with `ting quarantine show`, make what is missing again, then discard this one."
        case .dependsOnRejected:
            "It builds on a change set that was rejected or discarded: settle that one first, then run `ting quarantine retry`; if it was discarded, make the record again, then discard this one."
        case .tooLarge:
            "Make the edit again in smaller steps, then discard this one."
        case .unknown:
            "This program is older than the server and doesn't know the reason: look at it with `ting quarantine show`, and upgrade."
        }
    }
}

/// Why the server can't judge a change set yet.
public enum Deferral: String, CaseIterable, Sendable {
    case schemaNewer = "schema_newer"
    case quotaFull = "quota_full"
    case dependsOnDeferred = "depends_on_deferred"
    /// Stands for a code to come; no server sends it.
    case unknown = "unknown_deferral"

    public var remedy: String {
        switch self {
        case .schemaNewer:
            "The server's schema is older than this program's: the edits are kept and sent again after its upgrade."
        case .quotaFull:
            "The workspace is full: the administrator can raise its quota; the edits are kept and sent again."
        case .dependsOnDeferred:
            "It builds on a change set that waits: both are kept and sent again."
        case .unknown:
            "This program is older than the server and doesn't know the reason: the edits are kept and sent again."
        }
    }
}
