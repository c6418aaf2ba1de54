// SPDX-License-Identifier: Apache-2.0

import Foundation
public import GRDB
public import TingCore

/// The truth about a replica (promise 12). Times in milliseconds since 1970.
public struct ReplicaStatus: Equatable, Sendable {
    public var workspace: String
    public var replica: ReplicaID
    public var epoch: Epoch
    public var digest: Hash
    public var version: Version
    /// The newest version heard of.
    public var head: Version
    /// Operations not yet accepted, invalid ones aside.
    public var outbox: Int
    public var quarantine: Int
    public var conflicts: Int
    public var invalid: [InvalidEdit]
    public var oldestUnsynced: Int64?
    public var lastSync: Int64?
    public var nextRetry: Int64?
    public var lastError: String?
    /// `nil` where none is known: before the first sync, and after a removal.
    public var role: Role?
    /// Whether the server said at the last try that the workspace is there for others, or not at all.
    public var isRemoved: Bool
    /// Why change sets in the outbox wait, if the server said so.
    public var deferred: [String]
    /// Whether `verify` found records that differ from what was received.
    public var isSuspect: Bool
    /// Why what other tools wrote could not be sealed, if so: it counts in `outbox` all the same.
    public var unsealed: ResultCode?
}

extension Replica {
    /// Seals what other tools wrote, then tells how things stand. Needs no network.
    ///
    /// Tells it also where nothing can be written: `unsealed` says why.
    public func status() throws -> ReplicaStatus {
        let failure = try sealForReading()
        return try read { db in
            let noted = try failure == nil ? nil : unsealed(db)
            let identity = try identity(db)
            guard let row = try Row.fetchOne(db, sql: "SELECT * FROM ting_replica"),
                let box = try Row.fetchOne(
                    db, sql: "SELECT coalesce(sum(operations), 0), min(time) FROM ting_outbox")
            else { throw ReplicaError.notAReplica(path) }
            return try ReplicaStatus(
                workspace: identity.workspace, replica: identity.replica,
                epoch: identity.base.epoch, digest: HistoryTables.stateHash(db),
                version: identity.base.version, head: row.decode(forColumn: "head"),
                outbox: (noted?.records ?? 0) + box.decode(Int.self, atIndex: 0),
                quarantine: Int.storedOne(db, sql: "SELECT count(*) FROM ting_quarantine") ?? 0,
                conflicts: Int.storedOne(
                    db, sql: "SELECT count(*) FROM conflict WHERE \(Self.openConflict)") ?? 0,
                invalid: held(db),
                oldestUnsynced: [noted?.oldest, box.decode(Int64?.self, atIndex: 1)]
                    .compactMap { $0 }.min(),
                lastSync: row.decode(forColumn: "last_sync"),
                nextRetry: row.decode(forColumn: "next_retry"),
                lastError: row.decode(forColumn: "last_error"),
                role: row.decode(String?.self, forColumn: "role").flatMap(Role.init(rawValue:)),
                isRemoved: row.decode(String?.self, forColumn: "role") == Self.noRole,
                deferred: String.storedAll(
                    db,
                    sql: """
                        SELECT DISTINCT deferred FROM ting_outbox WHERE deferred IS NOT NULL
                        ORDER BY 1
                        """),
                isSuspect: row.decode(Int.self, forColumn: "suspect") > 0, unsealed: failure)
        }
    }

    /// SQL for a row of `conflict` that the merge made: one that another tool made up is held back, and none.
    package static let sharedConflict = """
        id NOT IN (SELECT record FROM ting_invalid WHERE collection = 'conflict' AND field = '')
        """
    package static let openConflict = "status = 'open' AND \(sharedConflict)"

    /// What other tools wrote and nothing has sealed: how many records, and when first.
    private func unsealed(_ db: Database) throws -> (records: Int, oldest: Int64?)? {
        // Of what an upsert may have replaced no time is noted.
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT count(DISTINCT record), min(nullif(time, 0)) FROM ting_note
                WHERE kind <> 'k'
                """)
        return try row.map { try ($0.decode(atIndex: 0), $0.decode(atIndex: 1)) }
    }

    /// What stands for the role of who is no member. To programs that don't know it, it is no role.
    static let noRole = "none"

    /// Notes that the server has no such workspace for this member; the next sync that goes well brings
    /// the role back.
    public func noteRemoval() throws {
        try quietly { db in
            try db.execute(sql: "UPDATE ting_replica SET role = ?", arguments: [Self.noRole])
        }
    }

    /// All members, past ones too, as of the last sync.
    public func members() throws -> [Member] {
        try read { db in
            try Row.fetchAll(db, sql: "SELECT id, name, email, role FROM member ORDER BY id")
                .compactMap(Member.init)
        }
    }
}

extension Member {
    /// A member of a row of id, name, e-mail address and role; `nil` where the id is none.
    init?(_ row: Row) throws {
        guard let id = try MemberID(row.decode(String.self, atIndex: 0)) else { return nil }
        try self.init(
            id: id, name: row.decode(atIndex: 1), email: row.decode(atIndex: 2),
            role: row.decode(String?.self, atIndex: 3).flatMap(Role.init(rawValue:)))
    }
}

extension DatabaseError {
    /// Whether reading goes on where writing failed.
    var isAboutWriting: Bool {
        [.SQLITE_FULL, .SQLITE_READONLY, .SQLITE_BUSY, .SQLITE_LOCKED].contains(resultCode)
    }

    /// Whether nothing can be written where the file is: trying again changes nothing.
    var forbidsWriting: Bool {
        [.SQLITE_FULL, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM].contains(resultCode)
    }
}
