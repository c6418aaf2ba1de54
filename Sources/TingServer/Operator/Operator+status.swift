// SPDX-License-Identifier: Apache-2.0

package import Foundation
import TingCore
import TingStore

/// What `tingd status` tells.
package struct ServerStatus: Encodable, Sendable {
    package struct WorkspaceStatus: Encodable, Sendable {
        package let slug: String
        package let id: String
        package let head: Int64
        /// The oldest version outside the archive, and the archive's bytes.
        package let floor: Int64
        package let archive: Int
        package let epoch: String
        package let digest: String
        package let bytes: Int
        /// Bytes of what it holds, and the most that it may: `nil` for any number.
        package let used: Int64
        package let quota: Int64?
        package let members: Int

        private enum CodingKeys: CodingKey {
            case slug, id, head, floor, archive, epoch, digest, bytes, used, quota, members
        }

        package func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(slug, forKey: .slug)
            try values.encode(id, forKey: .id)
            try values.encode(head, forKey: .head)
            try values.encode(floor, forKey: .floor)
            try values.encode(archive, forKey: .archive)
            try values.encode(epoch, forKey: .epoch)
            try values.encode(digest, forKey: .digest)
            try values.encode(bytes, forKey: .bytes)
            try values.encode(used, forKey: .used)
            try values.encode(quota, forKey: .quota)
            try values.encode(members, forKey: .members)
        }
    }

    package let running: Bool
    package let address: String
    package let workspaces: [WorkspaceStatus]
    package let lastBackup: Date?
    package let certificateEnd: Date
    package let certificateNames: [String]

    private enum CodingKeys: String, CodingKey {
        case running, address, workspaces
        case lastBackup = "last_backup"
        case certificateEnd = "certificate_end"
        case certificateNames = "certificate_names"
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(running, forKey: .running)
        try values.encode(address, forKey: .address)
        try values.encode(workspaces, forKey: .workspaces)
        // Every field is there, `null` when empty.
        try values.encode(lastBackup, forKey: .lastBackup)
        try values.encode(certificateEnd, forKey: .certificateEnd)
        try values.encode(certificateNames, forKey: .certificateNames)
    }
}

extension Operator {
    package func status() throws -> ServerStatus {
        let configuration = try ServerSettings.read(folder)
        let certificate = try ServerCertificate(reading: TLSFiles(folder, configuration))
        let members = Dictionary(grouping: try accounts.memberRows(), by: \.workspace)
        return ServerStatus(
            running: isRunning,
            address: "https://\(configuration.publicAddress(names: certificate.names))",
            workspaces: try accounts.workspaces().map { row in
                try status(of: row, members: members[row.slug]?.count ?? 0)
            },
            lastBackup: try accounts.lastTime(of: "backup").map {
                Date(timeIntervalSince1970: Double($0) / 1_000)
            }, certificateEnd: certificate.end, certificateNames: certificate.names)
    }

    /// Whether a server holds the folder's lock.
    var isRunning: Bool { FolderLock.isHeld(folder) }

    private func status(
        of row: Accounts.WorkspaceRow, members: Int
    ) throws -> ServerStatus.WorkspaceStatus {
        let file = try open(row.id)
        defer { try? file.close() }
        let head = try file.head()
        return .init(
            slug: row.slug, id: row.id.description, head: head.version, floor: try file.floor(),
            archive: Self.size(folder.archive(row.id)),
            epoch: file.epoch.description, digest: head.state.description,
            bytes: Self.size(folder.workspace(row.id)), used: try file.usedBytes(),
            quota: row.quota, members: members)
    }

    private static func size(_ path: String) -> Int {
        ["", "-wal"].reduce(0) { sum, suffix in
            let attributes = try? FileManager.default.attributesOfItem(atPath: path + suffix)
            return sum + (attributes?[.size] as? Int ?? 0)
        }
    }
}
