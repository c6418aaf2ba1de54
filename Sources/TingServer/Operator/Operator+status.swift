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
        /// Why its file says nothing: then what only the file knows is `null`.
        package let problem: String?

        private enum CodingKeys: CodingKey {
            case slug, id, head, floor, archive, epoch, digest, bytes, used, quota, members
            case problem
        }

        package func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(slug, forKey: .slug)
            try values.encode(id, forKey: .id)
            try values.encode(problem == nil ? head : nil, forKey: .head)
            try values.encode(problem == nil ? floor : nil, forKey: .floor)
            try values.encode(archive, forKey: .archive)
            try values.encode(problem == nil ? epoch : nil, forKey: .epoch)
            try values.encode(problem == nil ? digest : nil, forKey: .digest)
            try values.encode(bytes, forKey: .bytes)
            try values.encode(problem == nil ? used : nil, forKey: .used)
            try values.encode(quota, forKey: .quota)
            try values.encode(members, forKey: .members)
            try values.encode(problem, forKey: .problem)
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
        let path = folder.workspace(row.id)
        var (version, floor, used): (Version, Version, Int64) = (0, 0, 0)
        var (epoch, digest) = ("", "")
        var problem: String?
        do {
            try UnreadableFile.naming(.workspace, of: row.slug, at: path) {
                let file = try open(row.id, row.slug)
                defer { try? file.close() }
                let head = try file.head()
                (version, floor, used) = (head.version, try file.floor(), try file.usedBytes())
                (epoch, digest) = (head.epoch.description, head.state.description)
            }
        } catch let file as UnreadableFile {
            problem = file.sentence
        }
        return .init(
            slug: row.slug, id: row.id.description, head: version, floor: floor,
            archive: Self.size(folder.archive(row.id)), epoch: epoch, digest: digest,
            bytes: Self.size(path), used: used, quota: row.quota, members: members,
            problem: problem)
    }

    private static func size(_ path: String) -> Int {
        ["", "-wal"].reduce(0) { sum, suffix in
            let attributes = try? FileManager.default.attributesOfItem(atPath: path + suffix)
            return sum + (attributes?[.size] as? Int ?? 0)
        }
    }
}
