// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// What a damaged replica file still gave.
public struct CarriedOver: Equatable, Sendable {
    /// Change sets that wait here now.
    public var outbox = 0
    public var quarantine = 0
    /// Change sets that are there and can't be read.
    public var damaged = 0
    /// Records that other tools edited there, or that were held back: what is not sealed stays there.
    public var unsealed = 0

    public init() {}
}

/// Saving what waits in a replica file that SQLite can't use any more (promise 4).
extension Replica {
    /// Takes over outbox and quarantine of a damaged file of this workspace, which stays as it is.
    ///
    /// Change sets that no longer give their hash are counted, not taken. What this replica knows
    /// already is left out.
    /// - Parameter email: The member's address, where no sync has brought the members yet.
    /// - Throws: `DatabaseError` when nothing of the file can be read; `ReplicaError.otherWorkspace`;
    ///   `.otherMember`, since what is sent from here is sent under its own member's name.
    public func carryOver(from path: String, email: String? = nil) throws -> CarriedOver {
        let wreck = try Wreck(at: path)
        if let workspace = wreck.workspace, try identity().workspace != workspace {
            throw ReplicaError.otherWorkspace(workspace)
        }
        if let owner = wreck.owner, try !isOwner(owner, email) {
            throw ReplicaError.otherMember("\(owner.name) <\(owner.email)>")
        }
        guard wreck.outbox != nil || wreck.quarantine != nil else {
            throw ReplicaError.notAReplica(path)
        }
        return try sealed { db in
            var carried = CarriedOver()
            carried.unsealed = wreck.unsealed
            var back: [ChangeSet] = []
            var found: Set<ChangeSetID> = []
            for row in wreck.outbox ?? [nil] {
                guard let hash = try? row?.decode(Data.self, atIndex: 1),
                    let body = try? row?.decode(Data.self, atIndex: 2),
                    let changeSet = ChangeSet(storedBytes: body, hash: hash)
                else {
                    carried.damaged += 1
                    continue
                }
                // One that was read from both ends of its table comes twice.
                guard found.insert(changeSet.id).inserted else { continue }
                if try keepOtherwise(db, changeSet) { carried.quarantine += 1 }
                if try isKnown(db, changeSet.id) { continue }
                back.append(changeSet)
            }
            try putOnTop(db, back)
            carried.outbox = back.count
            for row in wreck.quarantine ?? [nil] {
                guard let row, let changeSet = wreck.rejected(row) else {
                    carried.damaged += 1
                    continue
                }
                // It may have been accepted since that file was left, or another one with its id.
                guard try !isKnown(db, changeSet.id) else {
                    if try keepOtherwise(db, changeSet) { carried.quarantine += 1 }
                    continue
                }
                try self.quarantine(
                    db, changeSet, code: try row.decode(String.self, atIndex: 1),
                    detail: (try? row.decode(String.self, atIndex: 3)) ?? "",
                    time: (try? row.decode(Int64.self, atIndex: 4)) ?? clock())
                carried.quarantine += 1
            }
            return carried
        }
    }
}

extension Replica {
    /// Whether a file of this member's is this replica's member's. Who joined a server that was made anew
    /// has another account there, and the same address.
    private func isOwner(_ member: Member, _ email: String?) throws -> Bool {
        guard let own = try identity().member, own != member.id else { return true }
        let known = try email ?? members().first { $0.id == own }?.email
        return known.map { $0.lowercased() == member.email.lowercased() } ?? true
    }
}

/// What can be read of a damaged replica file.
private struct Wreck {
    /// `nil` where it can't be read; so are the rows of a table, and one row among others.
    let workspace: String?
    /// Whose file it was, as far as it tells.
    let owner: Member?
    private(set) var outbox: [Row?]?
    private(set) var quarantine: [Row?]?
    /// Records that had edits which nothing had sealed.
    let unsealed: Int
    private var hashes: [String: Hash] = [:]

    init(at path: String) throws {
        var configuration = Configuration()
        configuration.readonly = true
        // A rotten definition of one table must not hide the others.
        // Source: https://sqlite.org/pragma.html#pragma_writable_schema
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA writable_schema = ON") }
        let file = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? file.close() }
        workspace = try? file.read {
            try String.fetchOne($0, sql: "SELECT workspace FROM ting_replica")
        }
        owner = try? file.read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT member.id, name, email, member.role FROM ting_replica
                    JOIN member ON member.id = ting_replica.member
                    """
            ).flatMap(Member.init)
        }
        let unsealed = try? file.read { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM (SELECT record FROM ting_note WHERE record IS NOT NULL
                    UNION SELECT record FROM ting_invalid)
                    """)
        }
        self.unsealed = unsealed ?? 0
        func all(_ db: Database) throws -> ([Row?]?, [Row?]?, [String: Hash]) {
            (
                try Self.salvage(db, "ting_outbox", "seq", "hash, body"),
                try Self.salvage(db, "ting_quarantine", "rowid", "code, body, detail, time"),
                (try? Replica.quarantineHashes(db)) ?? [:]
            )
        }
        // SQLite ends a transaction itself where a page is rotten: then without one.
        (outbox, quarantine, hashes) = try (try? file.read(all)) ?? file.inDatabase(all)
    }

    /// A change set of its quarantine; `nil` for one that no longer gives its hash.
    func rejected(_ row: Row) -> ChangeSet? {
        guard (try? row.decode(String.self, atIndex: 1)) != nil,
            let body = try? row.decode(Data.self, atIndex: 2),
            let changeSet = try? ChangeSet(storedBytes: Array(body)),
            hashes.isEmpty || hashes[changeSet.id.description] == changeSet.hash
        else { return nil }
        return changeSet
    }

    /// The rows of a table that can be read, from both of its ends; `nil` for each that can't be. No list
    /// where the file does not know the table.
    private static func salvage(
        _ db: Database, _ table: String, _ key: String, _ columns: String
    ) throws -> [Row?]? {
        var found: [Row] = []
        var last = Int64.min
        var isBroken = false
        do {
            while let row = try next(db, table, key, columns, "> ?", "ASC", last) {
                let key = try row.decode(Int64.self, atIndex: 0)
                // A rotten tree may lead back to where it was.
                guard key > last else { throw DatabaseError(resultCode: .SQLITE_CORRUPT) }
                last = key
                found.append(row)
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT {
            isBroken = true
        } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
            return nil
        }
        // A rotten page may also end the rows early without an error.
        var (ending, first): ([Row], Int64) = ([], .max)
        while let row = try? next(db, table, key, columns, "< ?", "DESC", first),
            let key = try? row.decode(Int64.self, atIndex: 0), key > last, key < first
        {
            first = key
            ending.append(row)
        }
        let readable = found.count + ending.count
        let missing = max(isBroken ? 1 : 0, (indexed(db, table) ?? 0) - readable)
        return found + Array(repeating: nil, count: missing) + ending.reversed()
    }

    /// How many rows the table's index of change sets has, which lies on pages of its own; `nil` if it
    /// can't be read.
    private static func indexed(_ db: Database, _ table: String) -> Int? {
        try? Int.fetchOne(
            db, sql: "SELECT count(*) FROM (SELECT change_set FROM \(table) ORDER BY change_set)")
    }

    private static func next(
        _ db: Database, _ table: String, _ key: String, _ columns: String, _ beyond: String,
        _ order: String, _ place: Int64
    ) throws -> Row? {
        try Row.fetchOne(
            db,
            sql: """
                SELECT \(key), \(columns) FROM \(table) NOT INDEXED WHERE \(key) \(beyond)
                ORDER BY \(key) \(order) LIMIT 1
                """, arguments: [place])
    }
}
