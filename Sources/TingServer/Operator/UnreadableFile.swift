// SPDX-License-Identifier: Apache-2.0

import TingStore

/// A file of one workspace that can't be read, and why. What is done to all of them goes on with the
/// others.
package struct UnreadableFile: Error, Encodable, Equatable, Sendable {
    /// The workspace's slug.
    package let workspace: String
    /// Where the file lies, or should.
    package internal(set) var path: String
    /// A sentence.
    package let reason: String

    /// `nil` where it is not the file that the error is about: a full disk, a file that others hold.
    init?(of workspace: String, _ path: String, _ error: any Error) {
        if isStorageFull(error) || isBusy(error) { return nil }
        self.workspace = workspace
        self.path = path
        reason = (error as? ServerError)?.message ?? ServerProblem.explain(error).message
    }
}
