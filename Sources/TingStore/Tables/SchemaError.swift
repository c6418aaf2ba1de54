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
    /// What a person made has a name that the newer schema gives to something else.
    case taken(Taken)

    /// What lies in the place of a collection, or of a field of a collection.
    public enum Taken: Equatable, Sendable {
        case table(String)
        case view(String)
        case index(String)
        case column(String, of: String)
    }

    public var code: String { "schema_differs" }

    public var sentence: String {
        switch self {
        case .format(let format): "The file is of format \(format), which a later program made."
        case .unreadable(let version, let known):
            "The schema\(version.map { " \($0)" } ?? "") is of a later program; this one knows \(known)."
        case .differs(let problem):
            "The schema is not one that follows or precedes this program's: \(problem)"
        case .taken(let taken):
            "\(taken.what), which Ting did not make, is in the way of a \(taken.rival) of that name in the newer schema."
        }
    }

    public var remedy: String {
        switch self {
        case .format, .unreadable:
            "Install the newest version; nothing was changed, and unsynced edits are kept."
        case .differs:
            "Look whether this is the program for this workspace; nothing was changed."
        case .taken(let taken):
            "Run `\(taken.remedy)` in the `sqlite3` shell, then the command again; nothing was changed, and unsynced edits are kept."
        }
    }
}

extension SchemaError.Taken {
    fileprivate var what: String {
        switch self {
        case .table(let name): "The table \(name)"
        case .view(let name): "The view \(name)"
        case .index(let name): "The index \(name)"
        case .column(let name, let table): "The column \(table).\(name)"
        }
    }

    fileprivate var rival: String {
        if case .column = self { "field" } else { "collection" }
    }

    /// What makes room, and keeps the rows: a statement.
    fileprivate var remedy: String {
        switch self {
        case .table(let name): "ALTER TABLE \"\(name)\" RENAME TO \"own_\(name)\""
        case .view(let name): "DROP VIEW \"\(name)\""
        case .index(let name): "DROP INDEX \"\(name)\""
        case .column(let name, let table):
            "ALTER TABLE \"\(table)\" RENAME COLUMN \"\(name)\" TO \"own_\(name)\""
        }
    }
}
