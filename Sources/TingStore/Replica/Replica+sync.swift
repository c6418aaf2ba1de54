// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
public import TingCore

/// The replica's end of a sync: what it says, and how it takes in what comes back.
extension Replica {
    /// Seals what is noted, then says where the replica stands, with a page of the outbox.
    /// - Parameters:
    ///   - number: The outbox after this number; 0 for its beginning.
    ///   - deferred: Change sets that the server can't judge yet: what builds on them stays here.
    ///   - asksForSchema: Whether the server is to send its schema, whatever its version.
    ///   - leavesDigest: Whether a clone that has neither computed its state digest nor ended a sync yet
    ///     reports none.
    public func nextRequest(
        after number: Int64 = 0, deferred: Set<ChangeSetID> = [], asksForSchema: Bool = false,
        leavesDigest: Bool = false
    ) throws -> SyncRequest {
        try seal()
        if number == 0 {
            try repairOutbox()
            if try !leavesDigest || hasSynced() { try computeFirstDigest() }
        }
        return try read { db in
            let identity = try identity(db)
            let deliveries = try deliveries(db, after: number, deferred)
            return SyncRequest(
                replica: identity.replica, base: identity.base,
                historyDigest: try HistoryTables.digest(db, at: identity.base.version) ?? .zero,
                stateDigest: try reportedDigest(db), role: try toldRole(db),
                schema: asksForSchema ? 0 : schema.version, sent: clock(),
                membersVersion: try Int64.storedOne(
                    db, sql: "SELECT members_version FROM ting_replica") ?? 0,
                pageByteLimit: Limits.pageByteLimit, links: try links(db), deliveries: deliveries)
        }
    }

    private func hasSynced() throws -> Bool {
        try read { try Int64.storedOne($0, sql: "SELECT last_sync FROM ting_replica") != nil }
    }

    private func toldRole(_ db: Database) throws -> Role? {
        try String.storedOne(db.cachedStatement(sql: "SELECT role FROM ting_replica"))
            .flatMap(Role.init(rawValue:))
    }

    /// The digest of the shared records; none that could agree where `verify` found a difference, or
    /// none was computed.
    private func reportedDigest(_ db: Database) throws -> Hash {
        let doubt = try Int.storedOne(
            db.cachedStatement(sql: "SELECT suspect FROM ting_replica"))
        return try doubt ?? 0 != 0 ? .zero : HistoryTables.stateHash(db)
    }

    /// A page of the outbox after the number, without what builds on a deferred change set.
    private func deliveries(
        _ db: Database, after number: Int64, _ deferred: Set<ChangeSetID>
    ) throws -> [Delivery] {
        var page: [Delivery] = []
        var bytes = 0
        var blocked = try touched(db, deferred)
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: "SELECT number, body FROM ting_outbox WHERE number > ? ORDER BY seq"),
            arguments: [number])
        while let row = try rows.next(), page.count < Limits.deliveryLimit {
            let body: Data = try row.stored(atIndex: 1)
            let changeSet = try ChangeSet(storedBytes: Array(body))
            if !blocked.isEmpty, !blocked.isDisjoint(with: changeSet.concerned) {
                blocked.formUnion(changeSet.touched)
                continue
            }
            bytes += body.count
            if !page.isEmpty, bytes > Limits.outboxPageByteLimit { break }
            page.append(try Delivery(number: row.stored(atIndex: 0), changeSet: changeSet))
        }
        return page
    }

    private func touched(_ db: Database, _ changeSets: Set<ChangeSetID>) throws -> Set<RecordID> {
        try changeSets.reduce(into: []) { records, id in
            let body = try Data.storedOne(
                db.cachedStatement(sql: "SELECT body FROM ting_outbox WHERE change_set = ?"),
                arguments: [id.description])
            guard let body else { return }
            records.formUnion(try ChangeSet(storedBytes: Array(body)).touched)
        }
    }

    /// Whether the outbox holds more to send after this number.
    func isWaiting(after number: Int64, deferred: Set<ChangeSetID> = []) throws -> Bool {
        try read { db in
            guard deferred.isEmpty else {
                return try !deliveries(db, after: number, deferred).isEmpty
            }
            return try Bool.storedOne(
                db.cachedStatement(
                    sql: "SELECT EXISTS (SELECT 1 FROM ting_outbox WHERE number > ?)"),
                arguments: [number]) ?? false
        }
    }

    /// Takes a response in, in slices of whole versions, each one transaction.
    ///
    /// An answer to an earlier replica id or epoch is ignored.
    /// - Parameter summary: What it came to, also where an error is thrown half-way.
    /// - Throws: `ReplicaError.historyDiffers` before anything is kept, `.digestDiffers` before
    ///   anything wrong is, `.schemaBehind` before anything unknown is, `.refused` where an index or a
    ///   constraint that a person added refuses what came.
    public func integrate(
        _ response: SyncResponse, to request: SyncRequest,
        checking check: DigestCheck = .stateAndHistory, into summary: inout IntegrateSummary
    ) throws {
        try naming { () throws in
            try take(response, to: request, checking: check, into: &summary)
        }
    }

    private func take(
        _ response: SyncResponse, to request: SyncRequest, checking check: DigestCheck,
        into summary: inout IntegrateSummary
    ) throws {
        let identity = try identity()
        guard request.replica == identity.replica, request.base.epoch == identity.base.epoch,
            request.base.version <= identity.base.version
        else { return }
        guard response.epoch == identity.base.epoch else {
            throw ReplicaError.historyDiffers(.anotherEpoch)
        }
        guard response.historyAgrees else { throw ReplicaError.historyDiffers(.otherHistory) }
        if let schema = response.schema { try take(schema: schema) }
        let isBelow = request.base.version.isBelow(floor: response.floor)
        var first = IntegrateSummary()
        // Every transaction seals first: another tool may write between two of them.
        try sealed { db in
            try takeMembers(db, response, asking: request)
            try takeVerdicts(db, response, &first)
            if isBelow { try noteAccepted(db, response) }
        }
        summary.add(first)
        if isBelow { throw ReplicaError.historyDiffers(.belowFloor) }
        if check == .stateAndHistory, !response.digestsAgree, try !isDigestDue() {
            throw ReplicaError.digestDiffers(version: request.base.version)
        }
        let hashed = HashedEntries(response.entries)
        defer { hashed.stop() }
        var position = 0
        while position < response.entries.count {
            try sealed { db in
                var integration = try Integration(
                    self, db, answering: request)
                position = try takeSlice(
                    response, hashed, from: position, check, &integration, &summary)
                if integration.sealedElsewhere, !summary.renamed {
                    try rename(db)
                    summary.renamed = true
                }
            }
        }
        try sealed { db in
            if response.clash != nil, !summary.renamed {
                try rename(db)
                summary.renamed = true
            }
            try db.cachedStatement(sql: "UPDATE ting_replica SET head = max(?, version)")
                .execute(arguments: [response.head])
            try forgetLinks(db, at: response.head)
        }
    }

    private func takeMembers(
        _ db: Database, _ response: SyncResponse, asking request: SyncRequest
    ) throws {
        // An answer that comes after newer ones, as by a courier, may know less of people.
        let known = try Int64.storedOne(db, sql: "SELECT members_version FROM ting_replica") ?? 0
        guard try request.base == identity(db).base || response.membersVersion >= known else {
            return
        }
        try db.cachedStatement(sql: "UPDATE ting_replica SET role = ?")
            .execute(arguments: [response.role.rawValue])
        guard let members = response.members else { return }
        try db.execute(sql: "DELETE FROM member")
        for member in members {
            try db.execute(
                sql: "INSERT INTO member (id, name, email, role) VALUES (?, ?, ?, ?)",
                arguments: [
                    member.id.description, member.name, member.email, member.role?.rawValue,
                ])
        }
        try db.execute(
            sql: "UPDATE ting_replica SET members_version = ?",
            arguments: [response.membersVersion])
    }

    /// Rejections go to quarantine, deferrals are noted; acceptances wait for their entry.
    private func takeVerdicts(
        _ db: Database, _ response: SyncResponse, _ summary: inout IntegrateSummary
    ) throws {
        var dirty: Set<RecordID> = []
        var rejections: [ChangeSetID: (code: Rejection, detail: String)] = [:]
        for verdict in response.verdicts {
            switch verdict.verdict {
            case .applied(let version), .merged(let version):
                // A known acceptance that this replica has integrated already: nothing to wait for.
                // Its entry may lie below the floor of the snapshot that holds its effects.
                let known = try HistoryTables.entries(db, where: "h.version = ?", [version])
                let isBelow = try HistoryFloor.read(db).map { version < $0.version } ?? false
                guard isBelow || known.first?.changeSet.id == verdict.changeSet,
                    let records = try leave(db, verdict.changeSet)
                else { continue }
                dirty.formUnion(records)
                summary.sent += 1
                if case .merged = verdict.verdict { summary.merged += 1 }
            case .rejected(let code, let detail):
                // Under another number it was tried again since.
                guard try isWaiting(db, verdict.changeSet, as: verdict.number) else { continue }
                rejections[verdict.changeSet] = (code, detail)
            case .deferred(let code, let detail):
                guard try isWaiting(db, verdict.changeSet, as: verdict.number) else { continue }
                summary.deferred += 1
                try db.execute(
                    sql: "UPDATE ting_outbox SET deferred = ? WHERE change_set = ?",
                    arguments: ["\(code.rawValue): \(detail)", verdict.changeSet.description])
            }
        }
        let outcome = try reject(db, rejections)
        summary.quarantined += outcome.count
        try materialize(db, dirty.union(outcome.records))
    }

    private func isWaiting(_ db: Database, _ id: ChangeSetID, as number: Int64) throws -> Bool {
        try Int64.storedOne(
            db, sql: "SELECT number FROM ting_outbox WHERE change_set = ?",
            arguments: [id.description]) == number
    }

    /// What the outbox notes of a change set whose acceptance is known, and whose entry can't come.
    package static let acceptedMark = "accepted"

    /// Notes which change sets were accepted whose entries the server no longer sends: they leave the
    /// outbox with the snapshot that holds them, and until then nobody is to make them again.
    private func noteAccepted(_ db: Database, _ response: SyncResponse) throws {
        for verdict in response.verdicts {
            switch verdict.verdict {
            case .applied, .merged:
                try db.execute(
                    sql: "UPDATE ting_outbox SET deferred = ? WHERE change_set = ?",
                    arguments: [
                        "\(Self.acceptedMark): The server accepted them, and no longer sends what they come with.",
                        verdict.changeSet.description,
                    ])
            case .rejected, .deferred: break
            }
        }
    }

    /// How many change sets in the outbox are known to be accepted.
    package func accepted() throws -> Int {
        try read { db in
            try Int.storedOne(
                db, sql: "SELECT count(*) FROM ting_outbox WHERE deferred GLOB ?",
                arguments: [Self.acceptedMark + ":*"]) ?? 0
        }
    }

    /// Integrates entries until the slice's time is up; gives the position of the next.
    private func takeSlice(
        _ response: SyncResponse, _ hashed: HashedEntries, from start: Int, _ check: DigestCheck,
        _ integration: inout Integration, _ summary: inout IntegrateSummary
    ) throws -> Int {
        let began = uptime()
        var position = start
        var slice = IntegrateSummary()
        while position < response.entries.count {
            let entry = response.entries[position]
            position += 1
            guard entry.version > integration.version else { continue }
            try integration.take(entry, hashed, at: position - 1, &slice)
            if uptime() - began > Limits.integrateSliceMilliseconds {
                break
            }
        }
        let isLast = position == response.entries.count
        if isLast, integration.version == response.entries.last?.version {
            guard integration.historyDigest == response.historyDigest else {
                throw ReplicaError.historyDiffers(.otherHistory)
            }
            guard check == .history || integration.digest.hash == response.stateDigest else {
                throw ReplicaError.digestDiffers(version: integration.version)
            }
        }
        try integration.finish()
        summary.add(slice)
        return position
    }

    /// Notes the newest version that the server told of, for `status`.
    public func hear(of head: Version) throws {
        try quietly { db in
            try db.execute(
                sql: "UPDATE ting_replica SET head = ?1 WHERE head < ?1", arguments: [head])
        }
    }

    /// Notes how the last try ended, for `status`. Times in milliseconds since 1970.
    public func note(error: String?, nextRetry: Int64?, synced: Int64?) throws {
        try quietly { db in
            try db.execute(
                sql: """
                    UPDATE ting_replica SET last_error = ?, next_retry = ?,
                    last_sync = coalesce(?, last_sync)
                    """, arguments: [error, nextRetry, synced])
        }
    }

    /// Notes that word came from the server another way than by a sync; how the last sync ended stays.
    public func note(contact: Int64) throws {
        try quietly { db in
            try db.execute(sql: "UPDATE ting_replica SET last_sync = ?", arguments: [contact])
        }
    }
}

/// What integrating a response came to.
public struct IntegrateSummary: Equatable, Sendable {
    /// Own change sets that were accepted, those of others, and own ones that were merged.
    public var sent = 0
    public var received = 0
    public var merged = 0
    public var quarantined = 0
    public var deferred = 0
    /// Conflicts that opened.
    public var conflicts: [RecordID] = []
    /// Whether this file turned out to be a copy, and took a new replica id.
    public var renamed = false
    /// Who wrote what was received.
    public var authors: Set<MemberID> = []

    public init() {}

    public mutating func add(_ other: IntegrateSummary) {
        sent += other.sent
        received += other.received
        merged += other.merged
        quarantined += other.quarantined
        deferred += other.deferred
        conflicts += other.conflicts
        renamed = renamed || other.renamed
        authors.formUnion(other.authors)
    }
}
