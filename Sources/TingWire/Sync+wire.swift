// SPDX-License-Identifier: Apache-2.0

import Foundation
package import TingCore

/// The protocol's version, in every request.
package let protocolVersion: Int64 = 1

extension SyncRequest {
    package init(wire message: Ting_V1_SyncRequest) throws(WireError) {
        guard message.deliveries.count <= Limits.deliveryLimit else {
            throw WireError("deliveries", "more than \(Limits.deliveryLimit)")
        }
        let standing = try Standing(of: message)
        guard message.links.count <= Limits.deliveryLimit else {
            throw WireError("links", "more than \(Limits.deliveryLimit)")
        }
        var links: [SeenLink] = []
        for link in message.links { links.append(try SeenLink(wire: link)) }
        guard standing.base.version >= 0 else { throw WireError("base.version", "negative") }
        var deliveries: [Delivery] = []
        for delivery in message.deliveries {
            guard delivery.number > deliveries.last?.number ?? 0 else {
                throw WireError("deliveries.number", "not ascending from 1")
            }
            deliveries.append(
                Delivery(
                    number: delivery.number,
                    changeSet: try ChangeSet(wire: delivery.changeSet)))
        }
        self.init(
            replica: standing.replica, base: standing.base, historyDigest: standing.historyDigest,
            stateDigest: standing.stateDigest, role: standing.role,
            schema: Int(clamping: message.schema), sent: message.sent,
            membersVersion: message.membersVersion,
            pageByteLimit: message.pageByteLimit > 0
                ? Int(clamping: message.pageByteLimit) : Limits.pageByteLimit,
            links: links, deliveries: deliveries)
    }

    package var wire: Ting_V1_SyncRequest {
        var message = wire(deliveries: \.wire)
        message.replica = replica.description
        message.base = base.wire
        message.historyDigest = historyDigest.description
        message.stateDigest = stateDigest.description
        return message
    }

    /// The terse form, which asks for terse answers: `Protocol/spec/terse.md`.
    package var terseWire: Ting_V1_SyncRequest {
        var message = wire(deliveries: \.terseWire)
        message.standing.replica = Data(replica.bytes)
        message.standing.epoch = Data(base.epoch.bytes)
        message.standing.version = base.version
        message.standing.digests = Data(historyDigest.bytes + stateDigest.bytes)
        message.standing.role = Standing.number(of: role)
        // The clock dates deliveries alone.
        if deliveries.isEmpty { message.sent = 0 }
        return message
    }

    /// All but where the replica stands.
    private func wire(
        deliveries form: (ChangeSet) -> Ting_V1_ChangeSet
    ) -> Ting_V1_SyncRequest {
        var message = Ting_V1_SyncRequest()
        message.`protocol` = protocolVersion
        message.schema = Int64(schema)
        message.sent = sent
        message.membersVersion = membersVersion
        message.pageByteLimit =
            pageByteLimit == Limits.pageByteLimit ? 0 : Int64(pageByteLimit)
        message.links = links.map(\.wire)
        message.deliveries = deliveries.map { delivery in
            var one = Ting_V1_Delivery()
            one.number = delivery.number
            one.changeSet = form(delivery.changeSet)
            return one
        }
        return message
    }
}

/// Where a replica stands, in either form.
private struct Standing {
    var replica: ReplicaID
    var base: Base
    var historyDigest: Hash
    var stateDigest: Hash
    var role: Role?

    private init(
        replica: ReplicaID, base: Base, historyDigest: Hash, stateDigest: Hash, role: Role?
    ) {
        self.replica = replica
        self.base = base
        self.historyDigest = historyDigest
        self.stateDigest = stateDigest
        self.role = role
    }

    init(of message: Ting_V1_SyncRequest) throws(WireError) {
        guard !message.hasStanding else {
            try self.init(message.standing)
            return
        }
        guard message.hasBase else { throw WireError("base", "missing") }
        self.init(
            replica: try Wire.id(message.replica, "replica"), base: try Base(wire: message.base),
            historyDigest: try Wire.hash(message.historyDigest, "history_digest"),
            stateDigest: try Wire.hash(message.stateDigest, "state_digest"), role: nil)
    }

    private init(_ message: Ting_V1_Standing) throws(WireError) {
        guard let replica = ReplicaID(bytes: message.replica),
            let epoch = Epoch(bytes: message.epoch)
        else { throw WireError("standing", "an id is not of 16 bytes") }
        guard message.digests.count == 64, let history = Hash(bytes: message.digests.prefix(32)),
            let state = Hash(bytes: message.digests.suffix(32))
        else { throw WireError("standing.digests", "they are not of 64 bytes") }
        self.init(
            replica: replica, base: Base(epoch: epoch, version: message.version),
            historyDigest: history, stateDigest: state, role: Self.role(message.role))
    }

    private static let roles: [Role?] = [nil, .viewer, .editor, .owner]

    static func number(of role: Role?) -> UInt32 { UInt32(roles.firstIndex(of: role) ?? 0) }

    /// None for one that is not known: then it is told.
    private static func role(_ number: UInt32) -> Role? {
        number < UInt32(roles.count) ? roles[Int(number)] : nil
    }
}

extension SyncResponse {
    /// - Parameter own: Finds the change set that the replica delivered under a number, if it holds
    ///   one with that hash. Where it does not, `Entry.notHeld` is thrown.
    package init(
        wire message: Ting_V1_SyncResponse, own: (Int64, Hash) -> ChangeSet? = { _, _ in nil }
    ) throws(WireError) {
        var verdicts: [DeliveryVerdict] = []
        for verdict in message.verdicts {
            if let known = try DeliveryVerdict(wire: verdict) { verdicts.append(known) }
        }
        var entries: [Entry] = []
        for entry in message.entries { entries.append(try Entry(wire: entry, own: own)) }
        var members: [Member] = []
        for member in message.members { members.append(try Member(wire: member)) }
        var lineage: [EpochEnd] = []
        for end in message.lineage { lineage.append(try EpochEnd(wire: end)) }
        guard message.schema.utf8.count <= Limits.schemaByteLimit else {
            throw WireError("schema", "too long")
        }
        self.init(
            epoch: try Wire.id(message.epoch, "epoch"), verdicts: verdicts,
            clash: message.clash > 0 ? message.clash : nil, entries: entries, head: message.head,
            historyDigest: try Wire.hash(message.historyDigest, "history_digest"),
            stateDigest: try Wire.hash(message.stateDigest, "state_digest"),
            digestsAgree: message.digestsAgree, historyAgrees: message.historyAgrees,
            floor: max(message.floor, 1), lineage: lineage, time: message.time,
            members: message.hasMembers_p ? members : nil,
            membersVersion: message.membersVersion, role: Role(rawValue: message.role) ?? .viewer,
            schema: message.schema.isEmpty ? nil : message.schema)
    }

    package var wire: Ting_V1_SyncResponse { wire(entries: \.wire) }

    /// For a replica that reads terse answers.
    package func terseWire(to replica: ReplicaID) -> Ting_V1_SyncResponse {
        wire { $0.terseWire(to: replica) }
    }

    private func wire(entries form: (Entry) -> Ting_V1_Entry) -> Ting_V1_SyncResponse {
        var message = Ting_V1_SyncResponse()
        message.epoch = epoch.description
        message.verdicts = verdicts.map(\.wire)
        message.clash = clash ?? 0
        message.entries = entries.map(form)
        message.head = head
        message.historyDigest = historyDigest.description
        message.stateDigest = stateDigest.description
        message.digestsAgree = digestsAgree
        message.historyAgrees = historyAgrees
        message.floor = floor
        message.lineage = lineage.map(\.wire)
        message.time = time
        message.hasMembers_p = members != nil
        message.members = members?.map(\.wire) ?? []
        message.membersVersion = membersVersion
        message.role = role.rawValue
        message.schema = schema ?? ""
        return message
    }
}

extension SeenLink {
    fileprivate init(wire message: Ting_V1_SeenLink) throws(WireError) {
        var seen: [Hash] = []
        for text in message.seen { seen.append(try Wire.hash(text, "links.seen")) }
        self.init(hash: try Wire.hash(message.hash, "links.hash"), seen: seen)
    }

    fileprivate var wire: Ting_V1_SeenLink {
        var message = Ting_V1_SeenLink()
        message.hash = hash.description
        message.seen = seen.map(\.description)
        return message
    }
}

extension EpochEnd {
    fileprivate init(wire message: Ting_V1_EpochEnd) throws(WireError) {
        self.init(
            epoch: try Wire.id(message.epoch, "lineage.epoch"), version: message.version,
            historyDigest: try Wire.hash(message.historyDigest, "lineage.history_digest"))
    }

    fileprivate var wire: Ting_V1_EpochEnd {
        var message = Ting_V1_EpochEnd()
        message.epoch = epoch.description
        message.version = version
        message.historyDigest = historyDigest.description
        return message
    }
}

extension DeliveryVerdict {
    /// `nil` for a verdict of a kind to come: nothing is known of that change set then.
    fileprivate init?(wire message: Ting_V1_Verdict) throws(WireError) {
        let verdict: Verdict
        switch message.verdict {
        case "applied": verdict = .applied(message.version)
        case "merged": verdict = .merged(message.version)
        case "rejected":
            verdict = .rejected(
                Rejection(rawValue: message.code) ?? .unknown,
                detail: Self.detail(message, isKnown: Rejection(rawValue: message.code) != nil))
        case "deferred":
            verdict = .deferred(
                Deferral(rawValue: message.code) ?? .unknown,
                detail: Self.detail(message, isKnown: Deferral(rawValue: message.code) != nil))
        default: return nil
        }
        self.init(
            number: message.number,
            changeSet: try Wire.id(message.changeSet, "verdicts.change_set"),
            verdict: verdict)
    }

    private static func detail(_ message: Ting_V1_Verdict, isKnown: Bool) -> String {
        isKnown ? message.detail : "\(message.code.prefix(100)): \(message.detail)"
    }

    fileprivate var wire: Ting_V1_Verdict {
        var message = Ting_V1_Verdict()
        message.number = number
        message.changeSet = changeSet.description
        message.version = verdict.version ?? 0
        switch verdict {
        case .applied: message.verdict = "applied"
        case .merged: message.verdict = "merged"
        case .rejected(let code, let detail):
            (message.verdict, message.code, message.detail) = ("rejected", code.rawValue, detail)
        case .deferred(let code, let detail):
            (message.verdict, message.code, message.detail) = ("deferred", code.rawValue, detail)
        }
        return message
    }
}

extension Member {
    package init(wire message: Ting_V1_Member) throws(WireError) {
        self.init(
            id: try Wire.id(message.id, "members.id"), name: message.name, email: message.email,
            role: Role(rawValue: message.role))
    }

    package var wire: Ting_V1_Member {
        var message = Ting_V1_Member()
        message.id = id.description
        message.name = name
        message.email = email
        message.role = role?.rawValue ?? ""
        return message
    }
}
