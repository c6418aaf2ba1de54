// SPDX-License-Identifier: Apache-2.0

public import TingCore

/// What a replica can't do, or what is wrong with it.
public enum ReplicaError: Error, Equatable, Sendable {
    case notFound(String)
    case notAReplica(String)
    /// `close` was called before this, or while it went on.
    case closed
    /// The records don't give the digest that the server names.
    case digestDiffers(version: Version)
    /// The server's history is not the one that this replica goes on from.
    case historyDiffers(SyncPlan.StartOver)
    /// The snapshot lacks this version, which the server took back.
    case snapshotLacks(Version)
    /// An entry names what the replica's schema doesn't have; it was not kept.
    case schemaBehind(version: Version)
    case unknownRecord(String)
    /// The schema has no such collection, or no such `collection.field`.
    case unknownCollection(String)
    case unknownField(String)
    /// What ran inside `write` or `read` tried to commit or roll back by itself.
    case transactionEnded
    /// Something was written inside `read`.
    case wroteWhileReading
    /// A closure that has the replica to itself called another of its methods.
    case nested
    /// Another program took it out of quarantine.
    case notInQuarantine(ChangeSetID)
    /// Something that a person added to a table refuses what came from the server: what SQLite says, and
    /// all that was added.
    case refused(String, by: [String])
    /// The file's bytes are not those that were written.
    case damaged(String)
    /// Somebody moved, replaced or deleted the file while it was open.
    case displaced(String)
    /// The file is of the workspace of this name, and not of this replica's.
    case otherWorkspace(String)
    /// The file is that of this member, and not of this replica's.
    case otherMember(String)

    /// An index gave another row than the one that was asked for.
    static let rottenIndex = ReplicaError.damaged("an index")
}
