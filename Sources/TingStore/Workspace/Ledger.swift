// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// The server's view of a workspace during a merge, and the place where its outcome goes.
struct Ledger: MergeState {
    let db: Database
    let tables: RecordTables
    /// The same, for what runs once a record.
    let rows: RowTables
    let epoch: Epoch
    let memory = LedgerMemory()
    var hasher = RowHasher()
    private var lastSeen: SeenBefore?
    /// What the last walk came by, or would have without what was remembered.
    private var lastWalk = Walk()

    init(db: Database, tables: RecordTables, epoch: Epoch) {
        self.db = db
        self.tables = tables
        rows = RowTables(db, tables)
        self.epoch = epoch
    }

    // MARK: MergeState

    func record(_ collection: String, _ record: RecordID) throws -> RecordState? {
        if let table = try rows.of(collection), let row = try row(table, record) {
            return RecordState(isLive: true, values: table.values(row.values))
        }
        guard let shared = try shared(record), shared.collection == collection else { return nil }
        return RecordState(isLive: false, values: shared.values, deleted: shared.deleted)
    }

    func collection(of record: RecordID) throws -> String? {
        if let home = memory.home(of: record) { return home }
        return try collection(of: record, except: "")
    }

    private func collection(of record: RecordID, except known: String) throws -> String? {
        guard !memory.isKnownNew(record) else { return nil }
        return try tables.locate(db, record.description, except: known)
            ?? shared(record)?.collection
    }

    /// The same, which looks first where it mostly is: one descent, where asking every table takes
    /// as many as there are.
    /// - Parameter isRead: Whether its row will be read anyway, and may be now.
    private func collection(
        of record: RecordID, probably likely: [String], isRead: Bool
    ) throws -> String? {
        if let home = memory.home(of: record) { return home }
        for name in likely {
            guard let table = try rows.of(name) else { continue }
            if try isRead ? row(table, record) != nil : table.contains(record) { return name }
        }
        return try collection(of: record, except: likely.count == 1 ? likely[0] : "")
    }

    func row(_ table: RowTable, _ record: RecordID) throws -> HeldRow? {
        try memory.row(table.collection.name, record) { try table.read(record) }
    }

    private func shared(_ record: RecordID) throws -> SharedRecord? {
        try memory.shared(record) { try SharedRecords.read(db, record) }
    }

    /// Whether no record ever had this id. All that were ever made have edits, conflicts aside.
    private func isNew(_ record: RecordID) throws -> Bool {
        if memory.isKnownNew(record) { return true }
        let edit = try HotStatement(db, "SELECT 1 FROM ting_edit WHERE record = ? LIMIT 1")
        edit.bind(record, at: 1)
        guard try !edit.isThere(),
            try rows.of(CollectionSchema.conflict.name)?.contains(record) != true
        else { return false }
        memory.note(new: record)
        return true
    }

    func edits(of record: RecordID, unseenAfter base: Version) throws -> [AcceptedEdit] {
        let statement = try HotStatement(
            db,
            """
            SELECT version, field, time, standing, deletes FROM ting_edit
            WHERE record = ?1 AND (version > ?2 OR standing = 1) ORDER BY version
            """)
        statement.bind(record, at: 1)
        statement.bind(base, at: 2)
        defer { statement.reset() }
        var edits: [AcceptedEdit] = []
        while try statement.step() {
            let field = statement.text(1)
            edits.append(
                AcceptedEdit(
                    version: statement.integer(0), field: field.isEmpty ? nil : field,
                    time: statement.integer(2), standing: statement.integer(3) != 0,
                    deletes: statement.integer(4) != 0))
        }
        return edits
    }

    func firstAuthor(of record: RecordID) throws -> MemberID? {
        let first = try Version.storedOne(
            db.cachedStatement(
                sql: "SELECT MIN(version) FROM ting_edit WHERE record = ? AND deletes = 0"),
            arguments: [record.description])
        return try first.flatMap { try author(of: $0) }
    }

    func additions(_ record: RecordID, _ field: String) throws -> [String: Set<Version>] {
        let statement = try db.cachedStatement(
            sql: "SELECT element, version FROM ting_addition WHERE record = ? AND field = ?")
        var additions: [String: Set<Version>] = [:]
        for row in try Row.fetchAll(statement, arguments: [record.description, field]) {
            try additions[row.decode(atIndex: 0), default: []].insert(row.decode(atIndex: 1))
        }
        return additions
    }

    func start(_ record: RecordID, _ field: String) throws -> Value {
        let first = try Version.storedOne(
            db.cachedStatement(sql: "SELECT MIN(version) FROM ting_edit WHERE record = ?"),
            arguments: [record.description])
        guard let first else { return .integer(0) }
        let inserted = try memory.inserted(record, in: first) {
            try HistoryTables.entries(db, where: "h.version = ?", [first]).first?.changeSet
        }
        guard let inserted else { return .integer(try PastTable.start(db, record, field) ?? 0) }
        return inserted.first { $0.field == field }?.after ?? .integer(0)
    }

    func holder(
        _ collection: String, _ field: String, _ text: String, excluding: Set<RecordID>
    ) throws -> RecordID? {
        let statement = try db.cachedStatement(
            sql: "SELECT id FROM \"\(collection)\" WHERE \"\(field)\" = ?")
        return try String.storedAll(statement, arguments: [text]).compactMap { RecordID($0) }
            .first { !excluding.contains($0) }
    }

    func heldSuffix(_ text: UniqueText) -> Int { memory.heldSuffixes[text] ?? 1 }

    func liveChildren(of record: RecordID) throws -> [(collection: String, record: RecordID)] {
        try tables.children(db, of: record.description)
    }

    func openConflicts(
        _ record: RecordID, _ field: String, other: Value
    ) throws -> [OpenConflict] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT id, iif(kind = 'unique', opened_version, other_version) FROM conflict
                WHERE record = ? AND field = ? AND status = 'open' AND other IS ? ORDER BY id
                """)
        let waiting = other.isNull ? nil : other.json
        return try Row.fetchAll(statement, arguments: [record.description, field, waiting])
            .compactMap { row in
                guard let id = try RecordID(row.decode(String.self, atIndex: 0)),
                    let version = try row.decode(Version?.self, atIndex: 1)
                else { return nil }
                return OpenConflict(id: id, otherVersion: version)
            }
    }

    func author(of version: Version) throws -> MemberID? {
        try String.storedOne(
            db.cachedStatement(sql: "SELECT author FROM history WHERE version = ?"),
            arguments: [version]
        ).flatMap { MemberID($0) } ?? PastTable.author(db, of: version)
    }

    // MARK: What an author had seen

    /// The versions of the change sets that it lists, and of what those list.
    mutating func seen(by changeSet: ChangeSet) throws -> Set<Version> {
        let oldest = changeSet.oldestBase(in: epoch)
        // A replica's outbox is mostly a chain: what the one before it had seen, and that one.
        if changeSet.seen.count == 1, let before = lastSeen, before.hash == changeSet.seen[0],
            before.oldest <= oldest, let known = before.within(Limits.seenLimit)
        {
            lastWalk = known.walk
            return known.versions
        }
        var found: Set<Version> = []
        var visited: Set<Hash> = []
        var walk = Walk()
        var waiting = changeSet.seen
        while visited.count < Limits.seenLimit, let hash = waiting.popLast() {
            if !waiting.isEmpty { walk.chain = nil }
            guard visited.insert(hash).inserted else { continue }
            let accepted = try listed(byAccepted: hash)
            if let accepted {
                found.insert(accepted.version)
                if accepted.version > oldest { waiting += accepted.seen }
            } else {
                waiting += try listed(by: hash)
            }
            walk.chain?.append(accepted?.version)
        }
        walk.count = visited.count
        // From the newest back: the next one of the outbox puts itself at the end.
        walk.chain?.reverse()
        lastWalk = walk
        return found
    }

    /// Remembers what was seen with an accepted change set, for the one that follows it.
    mutating func note(_ changeSet: ChangeSet, _ hash: Hash, _ version: Version, seen: Set<Version>)
    {
        var walk = lastWalk
        walk.count += 1
        walk.chain?.append(version)
        lastSeen = SeenBefore(
            hash: hash, oldest: changeSet.oldestBase(in: epoch), versions: seen.union([version]),
            walk: walk)
        lastWalk = Walk()
    }

    /// What a walk along lists of what was seen came by.
    private struct Walk {
        /// How many hashes.
        var count = 0
        /// Their versions, the oldest first, where each listed one other at most; `nil` of what was not
        /// accepted.
        var chain: [Version?]? = []
    }

    /// What someone had seen who lists one change set and nothing else.
    private struct SeenBefore {
        /// That change set.
        let hash: Hash
        let oldest: Version
        let versions: Set<Version>
        let walk: Walk

        /// What a walk finds that goes so far; `nil` where only the walk itself can tell.
        func within(_ limit: Int) -> (versions: Set<Version>, walk: Walk)? {
            if walk.count <= limit { return (versions, walk) }
            guard walk.count == limit + 1, var chain = walk.chain, chain.count == walk.count else {
                return nil
            }
            var versions = versions
            if let oldest = chain.removeFirst() { versions.remove(oldest) }
            return (versions, Walk(count: limit, chain: chain))
        }
    }

    private func listed(byAccepted hash: Hash) throws -> (version: Version, seen: [Hash])? {
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT version, seen FROM ting_entry WHERE hash = ?"),
            arguments: [Data(hash.bytes)])
        return try row.map {
            try ($0.decode(atIndex: 0), Hash.list($0.decode(Data.self, atIndex: 1)))
        } ?? PastTable.seen(db, hash)
    }

    /// What a change set lists that was rejected, or never came.
    private func listed(by hash: Hash) throws -> [Hash] {
        for place in ["ting_delivery WHERE version IS NULL AND", "ting_link WHERE"] {
            let stored = try Data.storedOne(
                db.cachedStatement(sql: "SELECT seen FROM \(place) hash = ? LIMIT 1"),
                arguments: [Data(hash.bytes)])
            if let stored, !stored.isEmpty { return Hash.list(stored) }
        }
        return []
    }

    /// Keeps what change sets list that left an outbox unsent.
    func keep(_ links: [SeenLink]) throws {
        for link in links {
            try db.cachedStatement(
                sql: "INSERT INTO ting_link (hash, seen) VALUES (?, ?) ON CONFLICT DO NOTHING"
            ).execute(arguments: [Data(link.hash.bytes), Data(link.seen.flatMap(\.bytes))])
        }
    }

    /// When the bases of the change set were accepted.
    func acceptanceTimes(of changeSet: ChangeSet) throws -> @Sendable (Base) -> Int64 {
        var times: [Base: Int64] = [:]
        let statement = try db.cachedStatement(
            sql: "SELECT accepted FROM history WHERE version = ?")
        for base in changeSet.bases where times[base] == nil {
            times[base] = try here(base).flatMap { version in
                if let known = memory.times[version] { return known }
                let time =
                    try Int64.storedOne(statement, arguments: [version])
                    ?? PastTable.acceptance(db, of: version)
                memory.times[version] = time
                return time
            }
        }
        return { [times] in times[$0] ?? 0 }
    }

    /// The edits that leave a value as it stands, whatever limits it crosses: a merge made it.
    func kept(by changeSet: ChangeSet) throws -> Set<EditPlace> {
        var kept: Set<EditPlace> = []
        for operation in changeSet.operations where operation.kind == .update {
            let edits = operation.fields.filter(\.keeps)
            guard !edits.isEmpty,
                let state = try record(operation.collection, operation.record)
            else { continue }
            for edit in edits
            where state.values[edit.field]?.canonicalBytes == edit.after.canonicalBytes {
                kept.insert(EditPlace(operation.record, edit.field))
            }
        }
        return kept
    }

    func validateReferences(_ changeSet: ChangeSet, _ schema: Schema) throws {
        let inserted = Dictionary(
            changeSet.operations.lazy.filter { $0.kind == .insert }
                .map { ($0.record, $0.collection) }, uniquingKeysWith: { first, _ in first })
        // Found once, however many of its records refer to it.
        var homes: [RecordID: String] = [:]
        for operation in changeSet.operations {
            let isNew = try operation.kind == .insert && isNew(operation.record)
            let found =
                isNew
                ? nil
                : try collection(
                    of: operation.record, probably: [operation.collection], isRead: true)
            let home = found ?? inserted[operation.record]
            if let home, home != operation.collection {
                throw InvalidValue(
                    "\(operation.record) is a \(home), not a \(operation.collection)",
                    "Give the new record an id of its own.")
            }
            if home == nil, operation.collection != CollectionSchema.conflict.name {
                throw InvalidValue(
                    "there is no \(operation.collection) \(operation.record)",
                    "Edit a record that exists, or add it.")
            }
            for edit in operation.fields {
                let field = schema.collection(operation.collection)?.field(edit.field)
                guard let field, operation.kind != .delete else { continue }
                try validate(field, edit.after, inserted, &homes)
            }
        }
    }

    private func validate(
        _ field: Field, _ value: Value, _ inserted: [RecordID: String],
        _ homes: inout [RecordID: String]
    ) throws {
        guard field.kind == .reference || field.references else { return }
        for text in [value.text].compactMap({ $0 }) + value.elements {
            guard let target = RecordID(text) else { continue }
            // A parent is read when it is asked whether it lives.
            let known =
                try homes[target]
                ?? collection(of: target, probably: field.to, isRead: field.parent)
            homes[target] = known
            guard let home = known ?? inserted[target] else {
                throw InvalidValue(
                    "\(field.name) names \(text), which doesn't exist",
                    "Name a record that exists.")
            }
            if !field.to.isEmpty, !field.to.contains(home) {
                throw StrayReference(
                    invalid: InvalidValue(
                        "\(field.name) names a \(home)",
                        "Name a record of \(field.to.joined(separator: " or ")).")
                )
            }
        }
    }
}

/// That a field names a record of a collection which this schema does not let it name; a later one may.
struct StrayReference: Error {
    let invalid: InvalidValue
}
