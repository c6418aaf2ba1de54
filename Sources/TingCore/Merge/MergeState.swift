// SPDX-License-Identifier: Apache-2.0

/// What the merge may ask about the workspace as it stands before a change set.
///
/// Every answer is about accepted history alone, so the same history gives the same effects.
public protocol MergeState {
    /// The record, alive or deleted; `nil` if it never was.
    func record(_ collection: String, _ record: RecordID) throws -> RecordState?
    /// The collection that holds, or held, a record of this id.
    func collection(of record: RecordID) throws -> String?
    /// The accepted edits of the record that stand as writers, or are after `base`, in version order.
    func edits(of record: RecordID, unseenAfter base: Version) throws -> [AcceptedEdit]
    /// Who wrote the record first.
    func firstAuthor(of record: RecordID) throws -> MemberID?
    /// The additions that stand of each element of a set.
    func additions(_ record: RecordID, _ field: String) throws -> [String: Set<Version>]
    /// What a counter began with, when the record was first inserted.
    func start(_ record: RecordID, _ field: String) throws -> Value
    /// A live record of the collection, outside `excluded`, that holds the text in the field.
    func holder(
        _ collection: String, _ field: String, _ text: String, excluding: Set<RecordID>
    ) throws -> RecordID?
    /// A number up to which every suffix of the text, from 2 on, is known to be held by a live record; 1
    /// where nothing is known.
    func heldSuffix(_ text: UniqueText) throws -> Int
    /// Live records whose parent this is.
    func liveChildren(of record: RecordID) throws -> [(collection: String, record: RecordID)]
    /// Open conflicts about the field in which this value waits.
    func openConflicts(
        _ record: RecordID, _ field: String, other: Value
    ) throws -> [OpenConflict]
    /// Who wrote the version.
    func author(of version: Version) throws -> MemberID?
}

/// A field whose texts are unique in a collection.
public struct UniquePlace: Hashable, Sendable {
    public var collection: String
    public var field: String
}

/// A text that a record wants in such a field.
public struct UniqueText: Hashable, Sendable {
    public var place: UniquePlace
    public var text: String
}

/// A record as it stands.
public struct RecordState: Equatable, Sendable {
    public var isLive: Bool
    /// Fields unlike their default; of a deleted record the last ones.
    public var values: [String: Value]
    /// The version that deleted it last.
    public var deleted: Version?

    public init(isLive: Bool, values: [String: Value], deleted: Version? = nil) {
        self.isLive = isLive
        self.values = values
        self.deleted = deleted
    }
}

/// One accepted edit of a record, as the server keeps it.
public struct AcceptedEdit: Equatable, Sendable {
    public var version: Version
    /// The field, or `nil` for an edit of the record as a whole.
    public var field: String?
    /// Edit time, in milliseconds of the server's clock.
    public var time: Int64
    /// Whether it is a writer of the field's value: it put the value there, or agreed with it.
    public var standing: Bool
    /// Whether it deleted the record.
    public var deletes: Bool

    public init(
        version: Version, field: String?, time: Int64, standing: Bool, deletes: Bool = false
    ) {
        self.version = version
        self.field = field
        self.time = time
        self.standing = standing
        self.deletes = deletes
    }
}

/// A conflict that nobody has settled.
public struct OpenConflict: Equatable, Sendable {
    public var id: RecordID
    /// The version of the change set whose value it is.
    public var otherVersion: Version

    public init(id: RecordID, otherVersion: Version) {
        self.id = id
        self.otherVersion = otherVersion
    }
}

/// The circumstances of one acceptance.
public struct Acceptance: Sendable {
    public var version: Version
    public var epoch: Epoch
    public var author: MemberID
    /// Milliseconds since 1970; never less than an earlier acceptance.
    public var accepted: Int64
    /// Receipt minus the replica's clock when it sent, in milliseconds.
    public var shift: Int64
    /// Accepted versions that the author had in the outbox when they sealed.
    public var seen: Set<Version>
    /// The edit time of that replica's change set before this one.
    public var previousEditTime: Int64
    /// When the version of a base was accepted; 0 where that is not known.
    public var acceptedAt: @Sendable (Base) -> Int64
    /// What a version of this history was called in an earlier epoch; `nil` if it was not in it.
    public var earlierName: @Sendable (Version, Epoch) -> Version?
    /// What aligning the texts of the change set may cost, in steps of `Protocol/spec/merge.md#text`.
    public var mergeSteps = Limits.mergeStepLimit

    public init(
        version: Version, epoch: Epoch, author: MemberID, accepted: Int64, shift: Int64,
        seen: Set<Version>, previousEditTime: Int64,
        acceptedAt: @escaping @Sendable (Base) -> Int64,
        earlierName: @escaping @Sendable (Version, Epoch) -> Version? = { _, _ in nil }
    ) {
        self.version = version
        self.epoch = epoch
        self.author = author
        self.accepted = accepted
        self.shift = shift
        self.seen = seen
        self.previousEditTime = previousEditTime
        self.acceptedAt = acceptedAt
        self.earlierName = earlierName
    }

    /// Whether an author whose base is `base` had seen the version.
    func hasSeen(_ version: Version, _ base: Base) -> Bool {
        if seen.contains(version) { return true }
        if base.epoch == epoch { return version <= base.version }
        return earlierName(version, base.epoch).map { $0 <= base.version } ?? false
    }

    /// Edit time by the server's clock: the time that passed on the replica's own clock since the
    /// edit, taken from the receipt, within what must be true.
    func editTime(_ clock: Int64, _ base: Base) -> Int64 {
        let (shifted, overflow) = clock.addingReportingOverflow(shift)
        let claimed = overflow ? accepted : shifted
        let earliest = max(previousEditTime, acceptedAt(base))
        return min(max(claimed, earliest), accepted)
    }
}
