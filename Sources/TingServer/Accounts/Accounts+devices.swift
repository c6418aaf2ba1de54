// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import TingCore
import TingStore

/// A machine that joined.
package struct Device: Equatable, Sendable {
    package let id: DeviceID
    package let name: String
    /// Milliseconds since 1970.
    package let created: Int64
    package let lastSeen: Int64?
}

extension Accounts {
    /// The caller's devices that may still act, by id. A device that is limited to workspaces sees
    /// those that act nowhere else.
    package func devices(of caller: Caller) throws -> [Device] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT id, name, created, last_seen, workspace FROM device
                        WHERE member = ? AND revoked IS NULL ORDER BY id
                    """, arguments: [caller.member.description]
            ).filter {
                try isSeen(
                    db, $0.stored(atIndex: 0), first: $0.storedIfAny(atIndex: 4), by: caller)
            }.map { try Device($0) }
        }
    }

    /// Whether the caller's own device acts wherever another does.
    private func isSeen(
        _ db: Database, _ device: String, first: String?, by caller: Caller
    ) throws -> Bool {
        guard let seen = caller.limits else { return true }
        return try limits(db, of: device, first: first)?.isSubset(of: seen) ?? false
    }

    /// Takes a device's token away, for good. `false` if the caller has no such device.
    package func revoke(_ device: DeviceID, by caller: Caller) throws -> Bool {
        try write { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT id, workspace FROM device
                        WHERE id = ? AND member = ? AND revoked IS NULL
                    """, arguments: [device.description, caller.member.description])
            guard let row,
                try isSeen(
                    db, row.stored(atIndex: 0), first: row.storedIfAny(atIndex: 1), by: caller)
            else { return false }
            try db.execute(
                sql: "UPDATE device SET revoked = ? WHERE id = ?",
                arguments: [now(), device.description])
            try audit(db, "device.revoked", by: caller.member, subject: device.description)
            return true
        }
    }

    /// A device as the operator sees it.
    package struct DeviceRow: Equatable, Sendable {
        package let device: Device
        package let email: String
        /// Milliseconds since 1970.
        package let revoked: Int64?

        package func isOf(email other: String) -> Bool {
            Accounts.key(of: email) == Accounts.key(of: other)
        }
    }

    /// All devices, by e-mail address and age; revoked ones too.
    package func deviceRows() throws -> [DeviceRow] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT device.id, device.name, device.created, last_seen, email, revoked
                        FROM device JOIN member ON member.id = device.member
                        ORDER BY email_key, device.created, device.id
                    """
            ).map { row in
                DeviceRow(
                    device: try Device(row), email: try row.stored(String.self, atIndex: 4),
                    revoked: try row.storedIfAny(Int64.self, atIndex: 5))
            }
        }
    }

    /// Takes any device's token away, as the operator. `false` if there is none, or no more.
    package func revoke(_ device: DeviceID) throws -> Bool {
        try write { db in
            try db.execute(
                sql: "UPDATE device SET revoked = ? WHERE id = ? AND revoked IS NULL",
                arguments: [now(), device.description])
            guard db.changesCount == 1 else { return false }
            try audit(db, "device.revoked", by: nil, subject: device.description)
            return true
        }
    }

    /// Notes when devices were last heard of.
    package func noteSeen(_ devices: [DeviceID: Int64]) throws {
        guard !devices.isEmpty else { return }
        try write { db in
            for (device, time) in devices {
                try db.execute(
                    sql: "UPDATE device SET last_seen = ? WHERE id = ?",
                    arguments: [time, device.description])
            }
        }
    }
}

extension Device {
    fileprivate init(_ row: Row) throws {
        self.init(
            id: try DeviceID(column: row.stored(atIndex: 0)),
            name: try row.stored(String.self, atIndex: 1),
            created: try row.stored(Int64.self, atIndex: 2),
            lastSeen: try row.storedIfAny(Int64.self, atIndex: 3))
    }
}

extension Hash {
    var data: Data { Data(bytes) }
}

extension [UInt8] {
    var data: Data { Data(self) }
}
