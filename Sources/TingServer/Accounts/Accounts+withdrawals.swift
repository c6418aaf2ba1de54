// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore
import TingStore

/// What has been taken away from people: devices, memberships, roles, join codes.
///
/// A restored backup knows nothing of what was withdrawn after it was made. A stolen device must not
/// come back with it.
struct Withdrawals: Sendable {
    /// When each device was revoked, by id.
    fileprivate var revoked: [String: Int64] = [:]
    fileprivate var memberships: [Membership] = []
    /// The hashes of the codes that may still be used.
    fileprivate var openCodes: Set<Data> = []

    fileprivate struct Membership {
        let workspace: String
        let member: String
        let role: Role
        let removed: Int64?
    }
}

extension Accounts {
    /// - Throws: `ServerError` where what can't be read is among it: then nothing of it is known.
    func withdrawals() throws -> Withdrawals {
        try read { db in
            var found = Withdrawals()
            let devices = try Row.fetchAll(
                db, sql: "SELECT id, revoked FROM device WHERE revoked IS NOT NULL")
            for row in devices {
                let device = try row.stored(String.self, atIndex: 0)
                found.revoked[device] = try row.stored(Int64.self, atIndex: 1)
            }
            found.memberships = try Row.fetchAll(
                db, sql: "SELECT workspace, member, role, removed FROM membership"
            ).map { row in
                Withdrawals.Membership(
                    workspace: try row.stored(String.self, atIndex: 0),
                    member: try row.stored(String.self, atIndex: 1),
                    role: try Role(column: row.stored(atIndex: 2)),
                    removed: try row.storedIfAny(Int64.self, atIndex: 3))
            }
            found.openCodes = try Set(
                Data.storedAll(db, sql: "SELECT code_hash FROM invitation WHERE used IS NULL"))
            return found
        }
    }

    /// Whether these accounts went on from others, as those of a backup: they hold its last line of the audit log.
    func goesOn(from other: Accounts) throws -> Bool {
        let last = try other.read { db in
            try Row.fetchOne(
                db, sql: "SELECT id, time, event, subject FROM audit ORDER BY id DESC LIMIT 1")
        }
        guard let last else { return true }
        return try read { db in
            try Bool.fetchOne(
                db,
                sql: """
                    SELECT EXISTS (SELECT 1 FROM audit
                    WHERE id = ? AND time = ? AND event = ? AND subject IS ?)
                    """, arguments: StatementArguments(last.databaseValues)) ?? false
        }
    }

    /// Takes away what had been taken away elsewhere; gives nobody anything.
    ///
    /// - Parameter later: `nil` where it is not known: then every join code that is not yet used ends.
    /// - Returns: How many devices, members, roles and codes lost something.
    func withdraw(_ later: Withdrawals?) throws -> Int {
        try write { db in
            var count = 0
            let codes = try Data.fetchAll(
                db, sql: "SELECT code_hash FROM invitation WHERE used IS NULL")
            for code in codes where later?.openCodes.contains(code) != true {
                try db.execute(sql: "DELETE FROM invitation WHERE code_hash = ?", arguments: [code])
                count += 1
            }
            for (device, time) in later?.revoked ?? [:] {
                try db.execute(
                    sql: "UPDATE device SET revoked = ? WHERE id = ? AND revoked IS NULL",
                    arguments: [time, device])
                count += db.changesCount
            }
            for membership in later?.memberships ?? [] where try withdraw(db, membership) {
                count += 1
            }
            return count
        }
    }

    private func withdraw(_ db: Database, _ later: Withdrawals.Membership) throws -> Bool {
        let role = try String.fetchOne(
            db,
            sql: """
                SELECT role FROM membership WHERE workspace = ? AND member = ? AND removed IS NULL
                """, arguments: [later.workspace, later.member])
        guard let role else { return false }
        if let removed = later.removed {
            try db.execute(
                sql: "UPDATE membership SET removed = ? WHERE workspace = ? AND member = ?",
                arguments: [removed, later.workspace, later.member])
            return true
        }
        if try later.role < Role(column: role) {
            try db.execute(
                sql: "UPDATE membership SET role = ? WHERE workspace = ? AND member = ?",
                arguments: [later.role.rawValue, later.workspace, later.member])
            return true
        }
        return false
    }
}
