// SPDX-License-Identifier: Apache-2.0

public import Foundation

/// An error that a person may meet: what happened, and what to do now, in a sentence each.
///
/// `localizedDescription` is the sentence.
public protocol ExplainedError: LocalizedError {
    /// Stable, for programs: `Docs/scripting.md` lists them.
    var code: String { get }
    /// What happened.
    var sentence: String { get }
    /// What a person can do now; commands are those of `ting`.
    var remedy: String { get }
}

extension ExplainedError {
    public var errorDescription: String? { sentence }
    public var recoverySuggestion: String? { remedy }
    // Foundation's defaults are seen only by files that import it (SE-0444).
    public var failureReason: String? { nil }
    public var helpAnchor: String? { nil }
}
