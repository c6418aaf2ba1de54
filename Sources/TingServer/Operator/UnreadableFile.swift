// SPDX-License-Identifier: Apache-2.0

import TingStore

/// A file of one workspace that can't be read, and why. What is done to all of them goes on with the
/// others.
package struct UnreadableFile: Error, Encodable, Equatable, Sendable {
    package enum Kind: String, Encodable, Sendable { case workspace, archive }

    /// The workspace's slug.
    package let workspace: String
    /// Which of its files it is.
    package let kind: Kind
    /// Where the file lies, or should.
    package internal(set) var path: String
    /// What is wrong with it, as "is damaged".
    package let problem: String
    package let remedy: String

    private enum CodingKeys: CodingKey { case workspace, kind, path, problem }

    package init(
        _ kind: Kind, of workspace: String, at path: String, _ problem: String,
        remedy: String = standardRemedy
    ) {
        self.workspace = workspace
        self.kind = kind
        self.path = path
        self.problem = problem
        self.remedy = remedy
    }

    /// `nil` where it is not the file that the error is about: a full disk, a file that others hold.
    init?(_ kind: Kind, of workspace: String, at path: String, _ error: any Error) {
        if let known = error as? UnreadableFile {
            self = known
            return
        }
        guard !isStorageFull(error), !isBusy(error), !(error is BackupTarget) else { return nil }
        self.init(
            kind, of: workspace, at: path, ServerProblem.problem(of: error),
            remedy: (error as? SchemaError)?.remedy ?? Self.standardRemedy)
    }

    package var sentence: String {
        let name = kind == .workspace ? "The file" : "The archive"
        return "\(name) of the workspace \(workspace) \(problem) (\(path))."
    }

    private static let standardRemedy =
        "While no server runs, put it back from a backup: `tingd restore`, or that file alone, without what lies beside it as -wal, -shm or -journal."

    /// Runs what reads a file of a workspace, and names it where that fails.
    static func naming<T>(
        _ kind: Kind, of workspace: String, at path: String, _ body: () throws -> T
    ) throws -> T {
        do { return try body() } catch {
            throw UnreadableFile(kind, of: workspace, at: path, error) ?? error
        }
    }
}
