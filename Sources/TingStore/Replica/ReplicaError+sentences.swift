// SPDX-License-Identifier: Apache-2.0

public import TingCore

extension ReplicaError: ExplainedError {
    public var code: String {
        switch self {
        case .notFound: "no_replica"
        case .notAReplica: "not_a_replica"
        case .closed: "replica_closed"
        case .digestDiffers: "digest_differs"
        case .historyDiffers, .snapshotLacks: "history_differs"
        case .schemaBehind: "schema_differs"
        case .unknownRecord, .notInQuarantine: "not_found"
        case .unknownCollection, .unknownField: "unknown_field"
        case .transactionEnded, .wroteWhileReading: "transaction"
        case .nested: "replica_nested"
        case .refused: "own_constraint"
        case .damaged: "replica_damaged"
        case .otherWorkspace: "other_workspace"
        case .otherMember: "other_member"
        case .displaced: "replica_displaced"
        }
    }

    public var sentence: String {
        switch self {
        case .notFound(let path): "There is no replica at \(path)."
        case .notAReplica(let path): "The file \(path) is not a replica."
        case .closed: "The replica was closed while it was in use."
        case .digestDiffers(let version):
            "What arrived does not give the state that the server has at version \(version); it was not kept."
        case .historyDiffers, .snapshotLacks:
            "The server's history is not the one that this replica goes on from."
        case .schemaBehind(let version):
            "Version \(version) holds fields that neither this replica nor the server's schema has; it was not kept."
        case .unknownRecord(let id): "There is no record \(id) here."
        case .unknownCollection(let name), .unknownField(let name): "The schema has no \(name)."
        case .transactionEnded:
            "What is written is one transaction, and can't end within; nothing was changed."
        case .wroteWhileReading: "What only reads can't write; nothing was changed."
        case .nested: "The replica is in use by the very code that asks for it."
        case .notInQuarantine(let id): "The change set \(id) is in quarantine no more."
        case .refused(let what, let added):
            "What somebody added to the replica refuses what came (\(added.joined(separator: ", "))): \(what)."
        case .damaged(let what): "The file is damaged: \(what) can't be read."
        case .displaced(let path):
            "Somebody moved, replaced or deleted \(path) while it was open."
        case .otherWorkspace(let name): "The file is a replica of the workspace \(name)."
        case .otherMember(let name): "The file is the replica of \(name)."
        }
    }

    public var remedy: String {
        switch self {
        case .notFound: "Check the path, or make one with `ting clone SLUG`."
        case .notAReplica: "Name a file that `ting clone` made."
        case .closed: "Open it again; what was written before is kept."
        case .digestDiffers:
            "Run `ting verify`, then `ting sync` again; unsynced edits are kept."
        case .historyDiffers, .snapshotLacks:
            "Run `ting sync`: it gives back what the server lost; edits are kept."
        case .schemaBehind:
            "Install the newest version, then run `ting sync`; unsynced edits are kept."
        case .unknownRecord: "Look for it with `ting search` or `ting list`."
        case .unknownCollection, .unknownField:
            "Use a collection and a field of the schema; `ting schema` lists both."
        case .transactionEnded:
            "Leave out BEGIN, COMMIT, END and ROLLBACK; savepoints may take back a part."
        case .wroteWhileReading: "Write inside `write`."
        case .nested:
            "Call it before or after the closure, ask in SQL, or open the file a second time."
        case .notInQuarantine:
            "`ting quarantine` lists what is; `ting log` and `ting outbox` show the rest."
        case .refused:
            "Take it away with `sqlite3 \"$(ting path)\" \"DROP INDEX NAME\"`, or `ALTER TABLE … DROP COLUMN`; then run `ting sync`."
        case .damaged:
            "Keep it, and run `ting clone SLUG --to NEW --carry-over FILE`: a new replica, with what waits in this one."
        case .displaced:
            "Open the file that counts, or follow it again: what waits in each is sent by its own sync."
        case .otherWorkspace(let name):
            "Its edits are not this workspace's to see; use it with `ting clone \(name)`."
        case .otherMember:
            "Its edits are that member's to send: hand the file back, or make the edits again as your own."
        }
    }
}

extension InvalidEdit: ExplainedError {
    public var code: String { "invalid_value" }
    public var sentence: String {
        let place = field.map { "\(collection).\($0)" } ?? collection
        return "\(place): \(problem)."
    }
}

extension InvalidValue: ExplainedError {
    public var code: String { "invalid_value" }
    public var sentence: String { problem + "." }
}

extension TooManyWords: ExplainedError {
    public var code: String { "usage" }
    public var sentence: String { "A search takes \(limit) different words; these are \(count)." }
    public var remedy: String { "Name the rarest few: each must be in what is found." }
}
