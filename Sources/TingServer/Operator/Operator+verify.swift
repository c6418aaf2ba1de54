// SPDX-License-Identifier: Apache-2.0

import Foundation
package import TingCore
import TingStore

/// What `tingd verify` found.
package struct Verification: Encodable, Sendable {
    package struct Checked: Encodable, Sendable {
        package let slug: String
        package let version: Version
        package let records: Int
    }

    package fileprivate(set) var workspaces: [Checked] = []
    package fileprivate(set) var snapshots = 0
    /// What is wrong, each a sentence; empty when all is well.
    package fileprivate(set) var problems: [String] = []
}

extension Operator {
    /// Recomputes every digest and checks every file. Nothing is changed.
    package func verify() throws -> Verification {
        var found = Verification()
        found.problems = try accounts.problems()
        for row in try accounts.workspaces() {
            do {
                let file = try open(row.id)
                defer { try? file.close() }
                let report = try file.verify()
                found.workspaces.append(
                    .init(slug: row.slug, version: report.version, records: report.records))
                let problems =
                    try report.problems + file.verify(archive: folder.archive(row.id))
                found.problems += problems.map { "\(row.slug): \($0)" }
            } catch {
                found.problems.append("\(row.slug): its file can't be read.")
            }
            verifySnapshots(of: row, &found)
        }
        verifyCertificate(&found)
        return found
    }

    private func verifySnapshots(of row: Accounts.WorkspaceRow, _ found: inout Verification) {
        let snapshots = SnapshotFolder(folder, row.id)
        for snapshot in snapshots.kept() {
            found.snapshots += 1
            let hashes = try? FileHashes(
                path: snapshots.path(snapshot), blockBytes: snapshot.blockBytes)
            if hashes?.whole != snapshot.hash || hashes?.blocks != snapshot.blockHashes {
                found.problems.append(
                    "\(row.slug): the snapshot of version \(snapshot.version) is damaged; remove it from snapshots/."
                )
            }
        }
    }

    private func verifyCertificate(_ found: inout Verification) {
        do {
            let date = Date(timeIntervalSince1970: Double(now()) / 1_000)
            let configuration = try ServerSettings.read(folder)
            let certificate = try ServerCertificate(reading: TLSFiles(folder, configuration))
            if certificate.end < date { found.problems.append("The certificate has ended.") }
        } catch let error as ServerError {
            found.problems.append(error.message)
        } catch {
            found.problems.append("The certificate can't be read.")
        }
    }
}
