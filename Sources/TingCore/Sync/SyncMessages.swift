// SPDX-License-Identifier: Apache-2.0

/// One change set on its way from a replica to the server.
public struct Delivery: Equatable, Sendable {
    /// The change set's place on its replica: 1, 2, 3, …
    public var number: Int64
    public var changeSet: ChangeSet

    public init(number: Int64, changeSet: ChangeSet) {
        self.number = number
        self.changeSet = changeSet
    }
}

/// What a replica says in one exchange: who it is, where it stands, and what lies in its outbox.
public struct SyncRequest: Equatable, Sendable {
    public var replica: ReplicaID
    /// The epoch and version that the replica has integrated.
    public var base: Base
    /// The digests that the replica computed itself at that version.
    public var historyDigest: Hash
    public var stateDigest: Hash
    /// The role that the replica was last told, if it was.
    public var role: Role?
    /// The version of the schema that the replica has; 0 to be sent the server's.
    public var schema: Int
    /// The replica's clock as the request leaves, in milliseconds since 1970.
    public var sent: Int64
    /// The state of the member list that the replica holds; 0 for none.
    public var membersVersion: Int64
    /// The most bytes of entries that the replica wants in the reply.
    public var pageByteLimit: Int
    /// What change sets list that left the outbox without being sent.
    public var links: [SeenLink]
    /// A page of the outbox, in order.
    public var deliveries: [Delivery]

    public init(
        replica: ReplicaID, base: Base, historyDigest: Hash, stateDigest: Hash, role: Role? = nil,
        schema: Int, sent: Int64, membersVersion: Int64, pageByteLimit: Int, links: [SeenLink] = [],
        deliveries: [Delivery]
    ) {
        self.replica = replica
        self.base = base
        self.historyDigest = historyDigest
        self.stateDigest = stateDigest
        self.role = role
        self.schema = schema
        self.sent = sent
        self.membersVersion = membersVersion
        self.pageByteLimit = pageByteLimit
        self.links = links
        self.deliveries = deliveries
    }
}

/// What a change set lists as seen, though it never reaches the server itself.
public struct SeenLink: Equatable, Sendable {
    public var hash: Hash
    public var seen: [Hash]

    public init(hash: Hash, seen: [Hash]) {
        self.hash = hash
        self.seen = seen
    }
}

/// The server's answer to one delivery.
public struct DeliveryVerdict: Equatable, Sendable {
    public var number: Int64
    public var changeSet: ChangeSetID
    public var verdict: Verdict

    public init(number: Int64, changeSet: ChangeSetID, verdict: Verdict) {
        self.number = number
        self.changeSet = changeSet
        self.verdict = verdict
    }
}

/// What the server says in one exchange.
public struct SyncResponse: Equatable, Sendable {
    public var epoch: Epoch
    /// One for each delivery that was judged, in the order they came.
    public var verdicts: [DeliveryVerdict]
    /// The number of a delivery that another change set was delivered under. Nothing from it on
    /// was judged: the replica is a copy, and takes a new id.
    public var clash: Int64?
    /// Entries after the replica's version, in order, up to the page limit.
    public var entries: [Entry]
    /// The newest version.
    public var head: Version
    /// The digests at the version of the last entry (at the replica's version, without entries).
    public var historyDigest: Hash
    public var stateDigest: Hash
    /// Whether the server's digests at the version the replica came with are those it sent.
    public var digestsAgree: Bool
    /// The same of the history digest alone: if it differs, so does what lies behind.
    public var historyAgrees: Bool
    /// The oldest version whose entry the server still sends.
    public var floor: Version
    /// Where earlier epochs of this history ended, for a replica of another epoch.
    public var lineage: [EpochEnd]
    /// The server's clock, in milliseconds since 1970.
    public var time: Int64
    /// All members, past ones too, if the list is newer than the replica's.
    public var members: [Member]?
    public var membersVersion: Int64
    /// The role of the member who asks.
    public var role: Role
    /// The JSON of the server's schema, where the request's is older.
    public var schema: String?

    public init(
        epoch: Epoch, verdicts: [DeliveryVerdict], clash: Int64?, entries: [Entry], head: Version,
        historyDigest: Hash, stateDigest: Hash, digestsAgree: Bool, historyAgrees: Bool,
        floor: Version = 1, lineage: [EpochEnd] = [], time: Int64, members: [Member]?,
        membersVersion: Int64, role: Role, schema: String? = nil
    ) {
        self.epoch = epoch
        self.verdicts = verdicts
        self.clash = clash
        self.entries = entries
        self.head = head
        self.historyDigest = historyDigest
        self.stateDigest = stateDigest
        self.digestsAgree = digestsAgree
        self.historyAgrees = historyAgrees
        self.floor = floor
        self.lineage = lineage
        self.time = time
        self.members = members
        self.membersVersion = membersVersion
        self.role = role
        self.schema = schema
    }
}

extension SyncResponse {
    /// What a replica hears that has everything, and was told everything.
    public static func nothingNew(to request: SyncRequest, role: Role, time: Int64) -> SyncResponse
    {
        SyncResponse(
            epoch: request.base.epoch, verdicts: [], clash: nil, entries: [],
            head: request.base.version, historyDigest: request.historyDigest,
            stateDigest: request.stateDigest, digestsAgree: true, historyAgrees: true, time: time,
            members: nil, membersVersion: request.membersVersion, role: role)
    }

    /// Whether it says that and no more: then it need not be written out.
    public func saysNothingNew(to request: SyncRequest) -> Bool {
        guard let known = request.role, !request.base.version.isBelow(floor: floor) else {
            return false
        }
        var said = self
        said.floor = 1
        return said == .nothingNew(to: request, role: known, time: time)
    }
}

/// Where an earlier epoch of a history ended.
public struct EpochEnd: Equatable, Sendable {
    public var epoch: Epoch
    /// The last version that the history shares with the epoch, and the history digest there.
    public var version: Version
    public var historyDigest: Hash

    public init(epoch: Epoch, version: Version, historyDigest: Hash) {
        self.epoch = epoch
        self.version = version
        self.historyDigest = historyDigest
    }
}

/// Asks what a replica whose records differ should hold.
public struct MendRequest: Equatable, Sendable {
    public var base: Base
    public var schema: Int
    /// Computed from the replica's records.
    public var digest: StateDigest

    public init(base: Base, schema: Int, digest: StateDigest) {
        self.base = base
        self.schema = schema
        self.digest = digest
    }
}

/// The server's records in the buckets that differ.
public struct MendResponse: Equatable, Sendable {
    public var epoch: Epoch
    /// The newest version; buckets stand here only if it is the request's.
    public var head: Version
    public var stateDigest: Hash
    /// Live records by bucket, all of each bucket; as many buckets as fit a page, at least one.
    public var buckets: [Int: [RecordContent]]

    public init(
        epoch: Epoch, head: Version, stateDigest: Hash, buckets: [Int: [RecordContent]]
    ) {
        self.epoch = epoch
        self.head = head
        self.stateDigest = stateDigest
        self.buckets = buckets
    }
}

/// Brings back entries that a restored server lost.
public struct GiveBackRequest: Equatable, Sendable {
    /// The epoch in which the replica holds them.
    public var epoch: Epoch
    public var schema: Int
    /// Ascending by version, with their receipts.
    public var entries: [Entry]

    public init(epoch: Epoch, schema: Int, entries: [Entry]) {
        self.epoch = epoch
        self.schema = schema
        self.entries = entries
    }
}

/// What became of entries that were brought back.
public struct GiveBackResponse: Equatable, Sendable {
    public var epoch: Epoch
    public var head: Version
    /// Those that this history holds now, by their versions in the request.
    public var taken: [Version]
    /// Those that the server can't prove to have accepted.
    public var refused: [Version]

    public init(epoch: Epoch, head: Version, taken: [Version], refused: [Version]) {
        self.epoch = epoch
        self.head = head
        self.taken = taken
        self.refused = refused
    }
}

/// What a member may do in a workspace.
public enum Role: String, CaseIterable, Codable, Sendable, Comparable {
    case viewer, editor, owner

    public static func < (a: Role, b: Role) -> Bool { a.rank < b.rank }

    private var rank: Int {
        switch self {
        case .viewer: 0
        case .editor: 1
        case .owner: 2
        }
    }
}

/// An account that belongs, or belonged, to a workspace.
public struct Member: Equatable, Sendable {
    public var id: MemberID
    public var name: String
    public var email: String
    /// `nil` for a member who left: the name stays, for history.
    public var role: Role?

    public init(id: MemberID, name: String, email: String, role: Role?) {
        self.id = id
        self.name = name
        self.email = email
        self.role = role
    }
}
