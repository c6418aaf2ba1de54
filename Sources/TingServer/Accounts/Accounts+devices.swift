// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
package import TingCore

/// A machine that joined.
package struct Device: Equatable, Sendable {
    package let id: DeviceID
    package let name: String
    /// Milliseconds since 1970.
    package let created: Int64
    package let lastSeen: Int64?
}

extension Accounts {
    /// The caller's devices that may still act, by id. A device that is limited to a workspace
    /// sees those that are limited to it too.
    package func devices(of caller: Caller) throws -> [Device] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT id, name, created, last_seen FROM device
                        WHERE member = ? AND revoked IS NULL AND (? IS NULL OR workspace = ?)
                        ORDER BY id
                    """,
                arguments: [
                    caller.member.description, caller.limit?.description, caller.limit?.description,
                ]
            ).map {
                Device(
                    id: try DeviceID(column: $0[0]), name: $0[1], created: $0[2], lastSeen: $0[3])
            }
        }
    }

    /// Takes a device's token away, for good. `false` if the caller has no such device.
    package func revoke(_ device: DeviceID, by caller: Caller) throws -> Bool {
        try write { db in
            try db.execute(
                sql: """
                    UPDATE device SET revoked = ? WHERE id = ? AND member = ? AND revoked IS NULL
                        AND (? IS NULL OR workspace = ?)
                    """,
                arguments: [
                    now(), device.description, caller.member.description, caller.limit?.description,
                    caller.limit?.description,
                ])
            guard db.changesCount == 1 else { return false }
            try audit(db, "device.revoked", by: caller.member, subject: device.description)
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

extension Hash {
    var data: Data { Data(bytes) }
}

extension [UInt8] {
    var data: Data { Data(self) }
}
