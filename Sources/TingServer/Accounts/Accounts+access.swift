// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import TingCore
import TingStore

/// Who sends a request: a member, through one of their devices.
package struct Caller: Equatable, Sendable {
    package let member: MemberID
    package let device: DeviceID
    package let name: String
    package let email: String
    /// The only workspaces that the device may act in; `nil` for all of its member's.
    package let limits: Set<WorkspaceID>?

    func mayAct(in workspace: WorkspaceID) -> Bool { limits?.contains(workspace) ?? true }
}

/// What a caller may do in one workspace.
package struct Access: Equatable, Sendable {
    package let workspace: WorkspaceID
    package let slug: String
    package let role: Role
    /// Grows with every change of the member list.
    package let membersVersion: Int64
    /// The most bytes that the workspace may take; `nil` for any number.
    package let quota: Int64?
    /// Whether the caller was invited by an owner, and is called there still what that owner wrote.
    package var isNew = false
}

/// What a token and a slug amount to.
package struct Authorization: Sendable {
    package let caller: Caller
    /// `nil` for a workspace that does not exist or is not the caller's, and where none was named.
    package let access: Access?
    /// Whether the device has not used its token before.
    package let isFirstUse: Bool
}

extension Accounts {
    /// The caller whom a token names, and what they may do in the workspace `slug`.
    ///
    /// Does the same work for a workspace that does not exist and for one that is not the caller's.
    package func authorize(token: Hash, slug: String?) throws -> Authorization? {
        let found = try read { db -> Authorization? in
            guard let (caller, lastSeen) = try caller(db, token: token) else { return nil }
            return Authorization(
                caller: caller, access: try slug.flatMap { try access(db, of: caller, slug: $0) },
                isFirstUse: lastSeen == nil)
        }
        try noteFirstVisit(of: found?.caller, to: found?.access)
        return found
    }

    /// Who goes to a workspace accepts an owner's invitation to it. One whose device an owner invited
    /// does not: the owner had the code as well.
    private func noteFirstVisit(of caller: Caller?, to access: Access?) throws {
        guard let caller, caller.limits == nil, let access, access.isNew else { return }
        do {
            try write { try accept($0, caller.member, workspace: access.workspace) }
        } catch  where isStorageFull(error) {
            // Reads go on; the next visit notes it.
        }
    }

    /// The caller and the public key of a device that is not revoked: who signs a bundle.
    package func sender(_ device: DeviceID) throws -> (caller: Caller, publicKey: [UInt8])? {
        try read { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT member.id, device.id, member.name, email, device.workspace, public_key
                        FROM device JOIN member ON member.id = device.member
                        WHERE device.id = ? AND revoked IS NULL
                    """, arguments: [device.description])
            guard let row else { return nil }
            return (try caller(db, of: row), Array(try row.stored(Data.self, atIndex: 5)))
        }
    }

    /// What a caller may do in the workspace `slug`; `nil` for one that is not theirs.
    package func access(of caller: Caller, slug: String) throws -> Access? {
        let found = try read { try access($0, of: caller, slug: slug) }
        try noteFirstVisit(of: caller, to: found)
        return found
    }

    /// Whether a device still may read a workspace.
    package func mayRead(device: DeviceID, workspace: WorkspaceID) throws -> Bool {
        try read { try role($0, device, workspace) != nil }
    }

    /// The roles of those that follow, where they still have one: asked again whenever the file has changed.
    package func roles(
        of followers: [WorkspaceID: Set<DeviceID>]
    ) throws -> [WorkspaceID: [DeviceID: Role]] {
        try read { db in
            var roles: [WorkspaceID: [DeviceID: Role]] = [:]
            for (workspace, devices) in followers {
                for device in devices {
                    roles[workspace, default: [:]][device] = try role(db, device, workspace)
                }
            }
            return roles
        }
    }

    private func role(
        _ db: Database, _ device: DeviceID, _ workspace: WorkspaceID
    ) throws -> Role? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT membership.role FROM device
                JOIN membership ON membership.member = device.member
                WHERE device.id = ? AND device.revoked IS NULL
                AND membership.workspace = ? AND membership.removed IS NULL
                AND \(Self.deviceActsThere)
                """)
        return try String.fetchOne(
            statement, arguments: [device.description, workspace.description]
        ).flatMap { Role(rawValue: $0) }
    }

    /// Whether `device` may act in the workspace of `membership`, in SQL.
    static let deviceActsThere = """
        (device.workspace IS NULL OR device.workspace = membership.workspace OR EXISTS (
            SELECT 1 FROM device_workspace AS further
            WHERE further.device = device.id AND further.workspace = membership.workspace))
        """

    /// The workspaces that the caller belongs to, and may act in by this device, by slug.
    package func workspaces(of caller: Caller) throws -> [Access] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT workspace.id, slug, role, members_version, quota FROM membership
                        JOIN workspace ON workspace.id = membership.workspace
                        WHERE member = ? AND removed IS NULL ORDER BY slug
                    """, arguments: [caller.member.description]
            ).map(Access.init).filter { caller.mayAct(in: $0.workspace) }
        }
    }

    private func caller(
        _ db: Database, token: Hash
    ) throws -> (caller: Caller, lastSeen: Int64?)? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT member.id, device.id, member.name, email, device.workspace, last_seen
                    FROM device
                    JOIN member ON member.id = device.member
                    WHERE token_hash = ? AND revoked IS NULL
                """)
        guard let row = try Row.fetchOne(statement, arguments: [token.data]) else { return nil }
        return (try caller(db, of: row), try row.storedIfAny(Int64.self, atIndex: 5))
    }

    /// - Parameter row: Member, device, name, address and the device's workspace.
    private func caller(_ db: Database, of row: Row) throws -> Caller {
        let device = try row.stored(String.self, atIndex: 1)
        let first = try row.storedIfAny(String.self, atIndex: 4)
        return Caller(
            member: try MemberID(column: row.stored(atIndex: 0)),
            device: try DeviceID(column: device),
            name: try row.stored(String.self, atIndex: 2),
            email: try row.stored(String.self, atIndex: 3),
            limits: try limits(db, of: device, first: first))
    }

    /// The only workspaces that a device may act in; `nil` for all of its member's.
    /// - Parameter first: The workspace in the device's own row.
    func limits(_ db: Database, of device: String, first: String?) throws -> Set<WorkspaceID>? {
        guard let first else { return nil }
        let further = try String.storedAll(
            db, sql: "SELECT workspace FROM device_workspace WHERE device = ?",
            arguments: [device])
        return try Set(([first] + further).map { try WorkspaceID(column: $0) })
    }

    private func access(_ db: Database, of caller: Caller, slug: String) throws -> Access? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT workspace.id, slug, role, members_version, quota,
                        invited_name IS NOT NULL FROM workspace
                    JOIN membership ON membership.workspace = workspace.id
                    WHERE slug = ? AND member = ? AND removed IS NULL
                """)
        let row = try Row.fetchOne(statement, arguments: [slug, caller.member.description])
        guard let row else { return nil }
        var access = try Access(row)
        access.isNew = try row.stored(Bool.self, atIndex: 5)
        return caller.mayAct(in: access.workspace) ? access : nil
    }
}

extension Access {
    fileprivate init(_ row: Row) throws {
        self.init(
            workspace: try WorkspaceID(column: row.stored(atIndex: 0)),
            slug: try row.stored(String.self, atIndex: 1),
            role: try Role(column: row.stored(atIndex: 2)),
            membersVersion: try row.stored(Int64.self, atIndex: 3),
            quota: try row.storedIfAny(Int64.self, atIndex: 4))
    }
}

extension Role {
    init(column text: String) throws {
        guard let role = Role(rawValue: text) else {
            throw ServerError(
                "server.sqlite holds an unknown role.", hint: "Restore it from a backup.")
        }
        self = role
    }
}
