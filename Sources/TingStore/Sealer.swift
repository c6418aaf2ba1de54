// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// Turns noted edits into change sets in the outbox.
///
/// Folds to the first before and the last after of each field, drops what did not change, writes
/// canonical values back, and holds back what is invalid together with what refers to it.
struct Sealer {
    private let replica: Replica
    private let db: Database
    private let identity: Replica.Identity
    private let after: Int64
    private var schema: Schema { replica.schema }
    private var tables: RecordTables { replica.tables }

    init(_ replica: Replica, _ db: Database, after: Int64 = 0) throws {
        self.replica = replica
        self.db = db
        self.after = after
        identity = try replica.identity(db)
    }

    /// Seals every valid noted edit; gives the others back.
    func seal(message: String) throws -> [InvalidEdit] {
        let folds = try fold()
        guard !folds.isEmpty else { return try held() }
        var drafts: [Draft] = []
        for fold in folds { drafts += try draft(fold) }
        hold(&drafts)
        for draft in drafts { try settle(draft) }
        try pack(drafts.filter { $0.operation != nil }, message)
        return try held()
    }

    private func held() throws -> [InvalidEdit] {
        try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT collection, record, field, problem, remedy FROM ting_invalid
                    WHERE (SELECT COUNT(*) FROM ting_note WHERE ting_note.record = ting_invalid.record
                    AND seq > ?) > 0 ORDER BY record, field
                    """), arguments: [after]
        ).map { row in
            let field: String = row[2]
            return InvalidEdit(
                collection: row[0], record: row[1], field: field.isEmpty ? nil : field,
                problem: row[3], remedy: row[4])
        }
    }

    // MARK: Folding

    /// The noted edits of one record.
    fileprivate struct Fold {
        var collection: CollectionSchema
        var record: String
        var existed = true
        /// First values before, by field, as they stood.
        var before: [String: DatabaseValue] = [:]
        var times: [String: Int64] = [:]
        var time: Int64 = 0
        var keeps: Set<String> = []
        var renamed = false
        var draft: [UInt8] = []
        /// Whether `before` has the whole row.
        var complete = false
    }

    private func fold() throws -> [Fold] {
        var folds: [String: Fold] = [:]
        var order: [String] = []
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT kind, collection, record, field, before, time, draft FROM ting_note
                    WHERE record IN (SELECT record FROM ting_note WHERE seq > ?) ORDER BY seq
                    """), arguments: [after])
        while let row = try rows.next() {
            let name: String = row[1]
            guard let collection = schema.collection(name) else { continue }
            let record: String = row[2]
            let key = "\(name)/\(record)"
            if folds[key] == nil {
                folds[key] = Fold(
                    collection: collection, record: record, draft: Array(row[6] as Data))
                folds[key]?.existed = (row[0] as String) != "i"
                folds[key]?.complete = (row[0] as String) == "i"
                order.append(key)
            }
            try folds[key]?.take(row)
        }
        return order.compactMap { folds[$0] }
    }

    // MARK: One record

    /// What sealing one record comes to.
    private struct Draft {
        var fold: Fold
        var operation: TingCore.Operation?
        /// The record as everyone shares it, if nothing was pending on it yet.
        var shared: SharedRecord?
        var invalid: [String: InvalidValue] = [:]
        var canonical: [FieldValue] = []
        var references: [String: [String]] = [:]
        var id: RecordID?
        var inserts = false
    }

    private func draft(_ fold: Fold) throws -> [Draft] {
        var draft = Draft(fold: fold)
        let raw = try tables.raw(db, fold.collection, fold.record)
        guard let id = RecordID(fold.record) else {
            if raw == nil { return [draft] }
            draft.invalid[""] = InvalidValue(
                "`\(fold.record)` is not an id",
                "Leave `id` out: a new record gets one, a lower-case UUID.")
            return [draft]
        }
        draft.id = id
        let known = try SharedRecords.read(db, id)
        let before = try originals(fold, raw)
        if known == nil {
            draft.shared = SharedRecord(
                collection: fold.collection.name, state: fold.existed ? .live : .absent,
                values: fold.existed ? before : [:], deleted: nil)
        }
        guard let raw else {
            guard fold.existed else { return [draft] }
            return try [deletion(draft, id)] + children(fold, id)
        }
        if fold.collection.name == CollectionSchema.conflict.name {
            return [try settlement(draft, id, raw, before)]
        }
        if fold.existed {
            draft.operation = try update(&draft, id, before, raw)
            return [draft]
        }
        if let known, known.state != .absent {
            let last = try replica.visibleValues(db, id, ignoringDeletion: true) ?? known.values
            draft.operation = try update(&draft, id, last, raw)
            var restore = draft
            restore.operation = Operation(
                .restore, fold.collection.name, id, base: try base(id, "", fold), time: fold.time)
            restore.canonical = []
            restore.invalid = [:]
            return draft.invalid.isEmpty ? [restore, draft] : [draft]
        }
        draft.inserts = true
        draft.operation = try insert(&draft, id, raw)
        return [draft]
    }

    /// The canonical values of the row before the first note, unlike their defaults.
    private func originals(_ fold: Fold, _ raw: [String: DatabaseValue]?) throws -> [String: Value]
    {
        var values: [String: Value] = [:]
        for field in fold.collection.fields {
            guard let column = fold.before[field.name] ?? raw?[field.name] else { continue }
            let value = field.value(column)
            if value != field.standard { values[field.name] = value }
        }
        return values
    }

    private func update(
        _ draft: inout Draft, _ id: RecordID, _ before: [String: Value],
        _ raw: [String: DatabaseValue]
    ) throws -> TingCore.Operation? {
        let fold = draft.fold
        var edits: [FieldEdit] = []
        for field in fold.collection.fields {
            let old = before[field.name] ?? field.standard
            guard let new = try canonical(field, raw, &draft, unless: old) else { continue }
            guard new != old || fold.keeps.contains(field.name) else { continue }
            edits.append(
                FieldEdit(
                    field.name, before: old, after: new, base: try base(id, field.name, fold),
                    time: fold.times[field.name] ?? fold.time))
        }
        guard !edits.isEmpty || fold.keeps.contains("") else { return nil }
        return Operation(
            .update, fold.collection.name, id, time: fold.time, fields: edits.sortedByField)
    }

    private func insert(
        _ draft: inout Draft, _ id: RecordID, _ raw: [String: DatabaseValue]
    ) throws -> TingCore.Operation? {
        let fold = draft.fold
        var edits: [FieldEdit] = []
        for field in fold.collection.fields {
            guard let new = try canonical(field, raw, &draft, unless: field.standard),
                new != field.standard
            else { continue }
            edits.append(
                FieldEdit(
                    field.name, before: .null, after: new, base: try base(id, field.name, fold),
                    time: fold.times[field.name] ?? fold.time))
        }
        return Operation(
            .insert, fold.collection.name, id, time: fold.time, fields: edits.sortedByField)
    }

    /// The canonical value of a column; `nil` when it is invalid, which the draft remembers.
    private func canonical(
        _ field: Field, _ raw: [String: DatabaseValue], _ draft: inout Draft, unless old: Value
    ) throws -> Value? {
        let column = raw[field.name] ?? .null
        let value = field.value(column)
        do throws(InvalidValue) {
            let canonical = try field.canonical(value)
            if canonical.column != column {
                draft.canonical.append(FieldValue(field.name, canonical))
            }
            if canonical != old { try check(field, canonical, &draft) }
            return canonical
        } catch {
            draft.invalid[field.name] = error
            return nil
        }
    }

    private func check(
        _ field: Field, _ value: Value, _ draft: inout Draft
    ) throws(InvalidValue) {
        guard field.kind == .reference || field.references else { return }
        let targets = [value.text].compactMap { $0 } + value.elements
        for target in targets {
            let home = (try? replica.home(db, target)) ?? nil
            guard let home else {
                throw InvalidValue(
                    "`\(target)` names no record", "Name a record that exists, or clear the field.")
            }
            guard field.to.isEmpty || field.to.contains(home) else {
                throw InvalidValue(
                    "`\(target)` is a \(home)",
                    "Name a record of \(field.to.joined(separator: " or ")).")
            }
        }
        draft.references[field.name] = targets
    }

    /// A deletion names the fields of which its author had seen less than of the rest.
    private func deletion(_ draft: Draft, _ id: RecordID) throws -> Draft {
        var draft = draft
        let fold = draft.fold
        let hidden = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT field, epoch, version FROM ting_pending WHERE record = ? AND field <> ''
                    GROUP BY field HAVING seq = MIN(seq) ORDER BY field
                    """), arguments: [id.description])
        let edits = hidden.compactMap { row -> FieldEdit? in
            guard let epoch = Epoch(row[1] as String) else { return nil }
            let base = Base(epoch: epoch, version: row[2])
            guard base != identity.base else { return nil }
            return FieldEdit(row[0], before: .null, after: .null, base: base, time: fold.time)
        }
        draft.operation = Operation(
            .delete, fold.collection.name, id, base: try base(id, "", fold), time: fold.time,
            fields: edits)
        return draft
    }

    /// Deleting a record deletes its children in the same change set.
    private func children(_ fold: Fold, _ id: RecordID) throws -> [Draft] {
        guard !fold.renamed else { return [] }
        return try tables.children(db, of: id.description).flatMap { name, child -> [Draft] in
            guard let collection = schema.collection(name),
                let values = try tables.read(db, name, child)
            else { return [] }
            try tables.remove(db, name, child)
            var inner = Fold(collection: collection, record: child.description, draft: fold.draft)
            inner.time = fold.time
            var draft = Draft(fold: inner)
            draft.id = child
            if try SharedRecords.read(db, child) == nil {
                draft.shared = SharedRecord(
                    collection: name, state: .live, values: values, deleted: nil)
            }
            return try [deletion(draft, child)] + children(inner, child)
        }
    }

    /// Only the merge writes conflicts: of an edit by hand, settling alone counts.
    private func settlement(
        _ draft: Draft, _ id: RecordID, _ raw: [String: DatabaseValue], _ before: [String: Value]
    ) throws -> Draft {
        var draft = draft
        guard draft.fold.existed else {
            draft.invalid[""] = InvalidValue(
                "conflicts are made by the server alone", "Delete the row.")
            return draft
        }
        let status: String? = raw["status"].flatMap { String.fromDatabaseValue($0) }
        let settles: Bool = status == "settled" && !before.keys.contains("status")
        for field in draft.fold.collection.fields where field.name != "status" || !settles {
            let old = before[field.name] ?? field.standard
            let column: DatabaseValue = raw[field.name] ?? .null
            let same: Bool = column == old.column
            if !same { draft.canonical.append(FieldValue(field.name, old)) }
        }
        if settles {
            draft.operation = Operation(
                .update, CollectionSchema.conflict.name, id, time: draft.fold.time,
                fields: [
                    FieldEdit(
                        "status", before: .text("open"), after: .text("settled"),
                        time: draft.fold.time)
                ])
        }
        return draft
    }

    /// What the author had seen of a field: as much as when an edit that is still pending hid it.
    private func base(_ record: RecordID, _ field: String, _ fold: Fold) throws -> Base? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT epoch, version FROM ting_pending WHERE record = ? AND field IN (?, '')
                UNION ALL SELECT epoch, version FROM ting_invalid WHERE record = ? AND field IN (?, '')
                ORDER BY version LIMIT 1
                """)
        let id = record.description
        guard let row = try Row.fetchOne(statement, arguments: [id, field, id, field]),
            let epoch = Epoch(row[0] as String)
        else { return nil }
        let base = Base(epoch: epoch, version: row[1])
        return base == identity.base ? nil : base
    }

    // MARK: Holding back

    /// Holds back inserts with an invalid field, and everything that refers to them.
    private func hold(_ drafts: inout [Draft]) {
        var held: Set<String> = []
        var grew = true
        while grew {
            grew = false
            for index in drafts.indices {
                for (field, targets) in drafts[index].references {
                    let known: Bool = drafts[index].invalid.keys.contains(field)
                    guard !known, !held.isDisjoint(with: targets) else { continue }
                    drafts[index].invalid[field] = InvalidValue(
                        "it refers to a record that is held back",
                        "Mend that record first; `ting status` names it.")
                    drafts[index].operation?.fields.removeAll { (edit: FieldEdit) -> Bool in
                        edit.field == field
                    }
                }
                guard !drafts[index].invalid.isEmpty else { continue }
                if drafts[index].inserts || drafts[index].invalid.keys.contains("") {
                    drafts[index].operation = nil
                    let (isNew, _) = held.insert(drafts[index].fold.record)
                    if isNew { grew = true }
                } else if drafts[index].operation?.fields.isEmpty == true {
                    drafts[index].operation = nil
                }
            }
        }
    }

    /// Writes canonical values back, keeps what is shared, and leaves notes only of what is held.
    private func settle(_ draft: Draft) throws {
        let record = draft.fold.record
        if let id = draft.id {
            try tables.update(db, draft.fold.collection.name, id, draft.canonical)
            if let shared = draft.shared, draft.operation != nil || !draft.invalid.isEmpty {
                try SharedRecords.write(db, id, shared)
            }
        }
        try db.cachedStatement(sql: "DELETE FROM ting_invalid WHERE record = ?")
            .execute(arguments: [record])
        guard !draft.invalid.isEmpty else {
            return try db.cachedStatement(sql: "DELETE FROM ting_note WHERE record = ?")
                .execute(arguments: [record])
        }
        if !draft.inserts, !draft.invalid.keys.contains("") {
            try keepNotes(draft)
        }
        for (field, invalid) in draft.invalid {
            try db.cachedStatement(
                sql: """
                    INSERT INTO ting_invalid
                    (record, field, collection, problem, remedy, epoch, version)
                    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                    """
            ).execute(arguments: [
                record, field, draft.fold.collection.name, invalid.problem, invalid.remedy,
                identity.base.epoch.description, identity.base.version,
            ])
        }
    }

    /// Leaves one note a held field, with its first value before.
    private func keepNotes(_ draft: Draft) throws {
        try db.cachedStatement(sql: "DELETE FROM ting_note WHERE record = ?")
            .execute(arguments: [draft.fold.record])
        for field in draft.invalid.keys.sortedByBytes {
            try db.cachedStatement(
                sql: """
                    INSERT INTO ting_note (kind, collection, record, field, before, time)
                    VALUES ('u', ?, ?, ?, ?, ?)
                    """
            ).execute(arguments: [
                draft.fold.collection.name, draft.fold.record, field,
                draft.fold.before[field] ?? .null, draft.fold.times[field] ?? draft.fold.time,
            ])
        }
    }

    // MARK: Change sets

    private func pack(_ drafts: [Draft], _ message: String) throws {
        var group: [Draft] = []
        var bytes = 0
        for draft in drafts {
            let size = draft.operation?.estimatedBytes ?? 0
            if !group.isEmpty,
                bytes + size > Limits.changeSetByteLimit / 2 || group.count >= Limits.operationLimit
            {
                try append(group, message)
                (group, bytes) = ([], 0)
            }
            group.append(draft)
            bytes += size
        }
        if !group.isEmpty { try append(group, message) }
    }

    private func append(_ drafts: [Draft], _ message: String) throws {
        guard let first = drafts.first, first.fold.draft.count == 32 else { return }
        let operations = drafts.compactMap(\.operation)
        var id = ChangeSetID(bytes: first.fold.draft.prefix(16)).map(\.asVersion4)
        var seed = Array(first.fold.draft.suffix(16))
        if let draft = id, try replica.knows(db, draft) {
            var generator = SystemRandomNumberGenerator()
            id = .random(using: &generator)
            seed = (0..<16).map { _ in .random(in: 0...255, using: &generator) }
        }
        guard let id else { return }
        let last = try Data.fetchOne(
            db.cachedStatement(sql: "SELECT hash FROM ting_outbox ORDER BY seq DESC LIMIT 1"))
        let changeSet = ChangeSet(
            id: id, seed: seed, schema: schema.version, base: identity.base,
            seen: last.flatMap { Hash(bytes: $0) }.map { [$0] } ?? [],
            message: message.normalized.prefix(bytes: Limits.messageByteLimit),
            time: drafts.map(\.fold.time).max() ?? 0, operations: operations)
        try replica.enqueue(db, changeSet, identity.base)
    }
}

extension Sealer.Fold {
    fileprivate mutating func take(_ row: Row) throws {
        let kind: String = row[0]
        let field: String = row[3]
        time = max(time, row[5])
        switch kind {
        case "u":
            if !complete, before[field] == nil { before[field] = row[4] }
            times[field] = row[5]
        case "k": keeps.insert(field)
        case "d", "r", "x":
            if kind == "x" { renamed = true }
            if kind == "d" { renamed = false }
            guard !complete, let json = row[4] as String? else { return }
            for (name, value) in try columns(json) where before[name] == nil {
                before[name] = value
            }
            complete = true
        default: break
        }
    }

    private func columns(_ json: String) throws -> [String: DatabaseValue] {
        let object =
            try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any] ?? [:]
        return object.mapValues { value in
            switch value {
            case let text as String: text.databaseValue
            case let number as NSNumber: number.int64Value.databaseValue
            default: .null
            }
        }
    }
}

extension TingCore.Operation {
    fileprivate var estimatedBytes: Int {
        fields.reduce(80) { sum, edit in
            sum + 40 + edit.field.utf8.count + edit.before.estimatedBytes
                + edit.after.estimatedBytes
        }
    }
}

extension Value {
    fileprivate var estimatedBytes: Int {
        switch self {
        case .null: 1
        case .integer: 9
        case .text(let text): text.utf8.count + 5
        case .set(let elements): elements.reduce(3) { $0 + $1.utf8.count + 3 }
        }
    }
}

extension [FieldEdit] {
    fileprivate var sortedByField: [FieldEdit] {
        sorted { $0.field.utf8.lexicographicallyPrecedes($1.field.utf8) }
    }
}

extension ID {
    /// The same bits, marked as random (version 4).
    fileprivate var asVersion4: ID {
        ID(
            high: high & ~0xf000 | 0x4000,
            low: low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000)
    }
}

extension String {
    /// As many whole characters from the start as fit into so many UTF-8 bytes.
    fileprivate func prefix(bytes limit: Int) -> String {
        var (text, count) = ("", 0)
        for character in self {
            count += character.utf8.count
            if count > limit { break }
            text.append(character)
        }
        return text
    }
}
