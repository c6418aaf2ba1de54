// SPDX-License-Identifier: Apache-2.0

/// Why a program and a file, or a server, of different releases can't work together. Nothing was
/// changed.
public enum SchemaError: ExplainedError, Equatable, Sendable {
    /// The file is of a later format.
    case format(Int)
    /// The schema is of a later program, and this one can't read it.
    case unreadable(version: Int?, known: Int)
    /// Neither schema follows the other.
    case differs(String)

    public var code: String { "schema_differs" }

    public var sentence: String {
        switch self {
        case .format(let format): "The file is of format \(format), which a later program made."
        case .unreadable(let version, let known):
            "The schema\(version.map { " \($0)" } ?? "") is of a later program; this one knows \(known)."
        case .differs(let problem):
            "The schema is not one that follows or precedes this program's: \(problem)"
        }
    }

    public var remedy: String {
        switch self {
        case .format, .unreadable:
            "Install the newest version; nothing was changed, and unsynced edits are kept."
        case .differs:
            "Look whether this is the program for this workspace; nothing was changed."
        }
    }
}
