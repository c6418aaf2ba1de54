// SPDX-License-Identifier: Apache-2.0

import CSQLiteConfig
import Foundation
import GRDB
public import TingCore

/// What a replica holds that no server has accepted.
public struct UnsyncedEdits: Equatable, Sendable {
    /// Operations in the outbox.
    public var outbox: Int
    /// Rejected change sets.
    public var quarantine: Int
    /// Invalid edits that are held back.
    public var invalid: Int

    public var isEmpty: Bool { outbox + quarantine + invalid == 0 }
}

/// An edit that is held back, as it stands in its table.
public struct HeldEdit: Equatable, Sendable {
    public enum Content: Equatable, Sendable {
        case null
        case integer(Int64)
        case text(String)
        /// A text that is not UTF-8.
        case bytes([UInt8])
    }

    public var collection: String
    public var record: String
    public var columns: [String: Content]

    public init(collection: String, record: String, columns: [String: Content]) {
        self.collection = collection
        self.record = record
        self.columns = columns
    }
}

/// Leaving a server, and coming back: edits outlive both (promise 4).
extension Replica {
    /// Seals what other tools wrote, then counts what only this file has.
    public func unsynced() throws -> UnsyncedEdits { try sealed { try unsynced($0) } }

    private func unsynced(_ db: Database) throws -> UnsyncedEdits {
        func count(_ sql: String) throws -> Int { try Int.storedOne(db, sql: sql) ?? 0 }
        return UnsyncedEdits(
            outbox: try count("SELECT coalesce(sum(operations), 0) FROM ting_outbox"),
            quarantine: try count("SELECT count(*) FROM ting_quarantine"),
            invalid: try count("SELECT count(*) FROM ting_invalid"))
    }

    private static let removed = "this replica was removed by a logout"

    /// Notices what another program did to the file's definition: a logout removed it, or tables grew.
    ///
    /// The triggers that tell other tools of a logout are off here.
    func noticeDefinition(_ db: Database) throws {
        let version = try definitionVersion(db)
        guard version != watch.definition else { return }
        let isRemoved = try HotStatement(
            db, "SELECT 1 FROM sqlite_schema WHERE name GLOB 'ting_gone_*' LIMIT 1"
        ).isThere()
        guard !isRemoved else {
            throw DatabaseError(resultCode: .SQLITE_CONSTRAINT, message: Self.removed)
        }
        tables.forgetColumns()
        watch.definition = version
    }

    /// Removes the file, if it holds no other unsynced edits than the caller knows of.
    ///
    /// A program that has it open can't edit it any more, and is told why: what it wrote would go
    /// nowhere.
    /// - Returns: Whether it was removed.
    public func remove(holding known: UnsyncedEdits) throws -> Bool {
        let isRemoved = try sealed { db in
            guard try unsynced(db) == known else { return false }
            for collection in schema.collections {
                for event in ["INSERT", "UPDATE", "DELETE"] {
                    try db.execute(
                        sql: """
                            CREATE TRIGGER "ting_gone_\(collection.name)_\(event)"
                            BEFORE \(event) ON "\(collection.name)"
                            BEGIN SELECT RAISE(ABORT, '\(Self.removed)'); END
                            """)
                }
            }
            for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
            return true
        }
        if isRemoved { try? close() }
        return isRemoved
    }

    /// Edits that are held back: of a record that never was sealed, its whole row.
    public func heldEdits() throws -> [HeldEdit] {
        try seal()
        return try read { db in
            try heldRows(db).map { row in
                HeldEdit(
                    collection: row.collection.name, record: row.record,
                    columns: row.columns.filter { $0.key != "id" }.mapValues(HeldEdit.Content.init)
                )
            }
        }
    }

    /// Takes in edits that were exported: from this replica, or from an earlier one.
    ///
    /// What is here already, or was accepted, is not taken twice.
    /// - Returns: How many change sets and held edits were taken.
    /// - Throws: `InvalidValue` for a change set that no Ting made.
    public func take(
        outbox: [ChangeSet], quarantine: [QuarantinedChangeSet], held: [HeldEdit]
    ) throws -> Int {
        for changeSet in outbox + quarantine.map(\.changeSet) {
            try changeSet.checkForm()
            for operation in changeSet.operations
            where schema.collection(operation.collection) == nil {
                throw InvalidValue(
                    "a change set edits `\(operation.collection.prefix(60))`, which is not here",
                    "Import it with the version of Ting that made it.")
            }
        }
        let taken = try sealed { db in
            var known = Set<ChangeSetID>()
            let new = try outbox.filter {
                known.insert($0.id).inserted ? try !isKnown(db, $0.id) : false
            }
            try putOnTop(db, new)
            var taken = new.count
            for changeSet in outbox where try keepOtherwise(db, changeSet) { taken += 1 }
            for item in quarantine {
                if try isKnown(db, item.changeSet.id) {
                    if try keepOtherwise(db, item.changeSet) { taken += 1 }
                    continue
                }
                try self.quarantine(
                    db, item.changeSet, code: item.code.rawValue, detail: item.detail,
                    time: item.time)
                taken += 1
            }
            return taken
        }
        let restored = try putBack(held)
        try seal()
        return taken + restored
    }

    /// How many of these change sets have the id of another that waits here: until that is judged they can't
    /// be taken in.
    public func twins(of changeSets: [ChangeSet]) throws -> Int {
        try read { db in
            try changeSets.count { try knows(db, $0.id) && !holds(db, $0) }
        }
    }

    /// Writes held edits as their author did: the triggers note them.
    private func putBack(_ held: [HeldEdit]) throws -> Int {
        try access { db in
            let connection = UnsafeMutableRawPointer(db.sqliteConnection)
            ting_sqlite_set_triggers(connection, 1)
            defer { ting_sqlite_set_triggers(connection, 0) }
            var count = 0
            try db.inTransaction(.immediate) {
                for edit in held {
                    guard let collection = schema.collection(edit.collection) else { continue }
                    let names = edit.columns.keys.sorted().filter { collection.field($0) != nil }
                    let present = try tables.raw(db, collection, edit.record)
                    let changed = names.filter {
                        present?.byField[$0] != edit.columns[$0]?.databaseValue
                    }
                    guard !changed.isEmpty else { continue }
                    if present == nil {
                        try HeldRow.insert(db, collection, edit.record)
                    }
                    for name in changed {
                        try HeldRow.set(
                            db, collection, edit.record, name, to: edit.columns[name]?.databaseValue
                        )
                    }
                    count += 1
                }
                return .commit
            }
            return count
        }
    }

    /// Binds the replica to where its workspace is now, and to the account that its owner has there.
    public func bind(server: String, member: MemberID?) throws {
        try quietly { db in
            try db.execute(
                sql: "UPDATE ting_replica SET server = ?, member = coalesce(?, member)",
                arguments: [server, member?.description])
        }
    }
}

extension HeldEdit.Content {
    fileprivate init(_ value: DatabaseValue) {
        switch value.storage {
        case .int64(let number): self = .integer(number)
        case .string(let text): self = .text(text)
        // Record tables are STRICT, and have neither real numbers nor blobs: this is a text with a flaw.
        case .blob(let bytes):
            self =
                String(validating: bytes, as: UTF8.self).map { .text($0) } ?? .bytes(Array(bytes))
        case .null, .double: self = .null
        }
    }

    fileprivate var databaseValue: DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let number): number.databaseValue
        case .text(let text):
            text.utf8.contains(0) ? Data(text.utf8).databaseValue : text.databaseValue
        case .bytes(let bytes): Data(bytes).databaseValue
        }
    }
}
