// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore

/// What sealing one record comes to.
final class SealDraft {
    let fold: Fold
    var operation: TingCore.Operation?
    /// The record as everyone shares it, if nothing was pending on it yet.
    var shared: SharedRecord?
    /// What the author saw before the first note.
    var before: [String: Value] = [:]
    /// What may not be sealed, by field; "" for the whole record.
    var invalid: [String: InvalidValue] = [:]
    /// Canonical values that go back to the row.
    var canonical: [FieldValue] = []
    var references: [(field: String, targets: [String])] = []
    var id: RecordID?
    var inserts = false
    /// Whether all have the record, that inserts it: others made one of its id while it was held back.
    var isShared = false
    /// What the author had seen of fields that are held back already.
    var heldBases: [String: Base] = [:]
    /// What the author had seen when the record was held back as a whole.
    var heldBase: Base?
    /// What lay in the outbox when they were held back.
    var heldSeen: [String: [Hash]] = [:]
    /// What pending edits of the record had been made on.
    var pendingBases: [(fields: PendingFields, base: Base)] = []

    init(_ fold: Fold) { self.fold = fold }
}

/// Drafts what the noted edits of one record come to.
struct Drafter {
    let replica: Replica
    let db: Database
    let identity: Replica.Identity
    /// Whether any edit is held back.
    let holdsBack: Bool
    private let tables: RecordTables
    private let newIDs: NewIDs
    /// Where records stood before what is drafted now, by id.
    let homes: [String: String]
    private let targets = KnownTargets()
    private let adding: SharedRecords.Adding

    /// - Parameter homes: The collections of records that were there before what is drafted now.
    init(_ sealer: Sealer, holdsBack: Bool, homes: [String: String]) throws {
        self.homes = homes
        replica = sealer.replica
        db = sealer.db
        identity = sealer.identity
        tables = sealer.tables
        self.holdsBack = holdsBack
        newIDs = try NewIDs(db, tables, sealer.own?.rows ?? [])
        adding = try SharedRecords.Adding(db)
    }

    // MARK: What one verb wrote

    /// Drafts a row that one verb wrote and nothing else touched, without reading it; `nil` where
    /// there is more to see.
    func draft(_ row: NotedRow) throws -> SealDraft? {
        guard let written = row.written, row.removal == nil, !holdsBack,
            row.collection.name != CollectionSchema.conflict.name,
            try row.before != nil || homes[row.record] == nil && newIDs.isFree(row)
        else { return nil }
        let before = row.before
        let columns = before == nil ? [] : try tables.columns(db, row.collection)
        let isNew = try adding.add(
            written.id, row.collection.name, before == nil ? .absent : .live,
            body: body(before, columns, of: row.collection))
        guard isNew else { return nil }
        let draft = SealDraft(Fold(bare: row))
        draft.id = written.id
        draft.inserts = before == nil
        var edits: [FieldEdit] = []
        edits.reserveCapacity(written.values.count)
        for (position, value) in written.values {
            let field = row.collection.fields[position]
            let old = before.map { shared($0, columns[position], of: field) } ?? field.standard
            if before != nil, old.isIdentical(to: value) { continue }
            guard let new = canonical(field, value, draft), !new.isIdentical(to: old),
                new != old
            else { continue }
            check(field, new, draft)
            guard before == nil || draft.invalid[field.name] == nil else { continue }
            edits.append(
                FieldEdit(
                    field.name, before: before == nil ? .null : old, after: new, time: row.time))
        }
        guard before == nil || !edits.isEmpty else {
            if draft.invalid.isEmpty { try SharedRecords.remove(db, written.id) }
            return draft
        }
        draft.operation = Operation(
            before == nil ? .insert : .update, row.collection.name, written.id, time: row.time,
            fields: edits)
        return draft
    }

    /// A column's value as it is shared.
    private func shared(_ row: RowBefore, _ column: Int, of field: Field) -> Value {
        row.indices.contains(column) ? row.value(column, of: field).normalized : field.standard
    }

    /// The values unlike their defaults, as `SharedRecords` keeps them.
    private func body(_ row: RowBefore?, _ columns: [Int], of collection: CollectionSchema)
        -> [UInt8]
    {
        var encoder = CBOREncoder()
        guard let row else {
            encoder.encodeMapHead(count: 0)
            return encoder.bytes
        }
        var (entries, count) = (CBOREncoder(capacity: 512), 0)
        for position in collection.mapOrder
        where row.encode(columns[position], of: collection.fields[position], into: &entries) {
            count += 1
        }
        encoder.encodeMapHead(count: count)
        encoder.append(raw: entries.bytes)
        return encoder.bytes
    }

    private func canonical(_ field: Field, _ value: Value, _ draft: SealDraft) -> Value? {
        do throws(InvalidValue) {
            let canonical = try field.canonical(value)
            if !canonical.isIdentical(to: value) {
                draft.canonical.append(FieldValue(field.name, canonical))
            }
            return canonical
        } catch {
            draft.invalid[field.name] = error
            return nil
        }
    }

    // MARK: What stands in a row

    func drafts(_ fold: Fold) throws -> [SealDraft] {
        let draft = SealDraft(fold)
        let raw = try tables.raw(db, fold.collection, fold.record)
        if !fold.existed { _ = try tables.columns(db, fold.collection) }
        if raw == nil, !fold.wasRemoved, fold.keeps.isEmpty {
            try tables.mustLack(db, fold.collection, fold.record)
        }
        guard let id = RecordID(fold.record) else {
            if raw == nil { return [draft] }
            draft.invalid[""] = InvalidValue(
                "`\(fold.record.replacing("\0", with: "\\0"))` is not an id",
                "Leave `id` out: a new record gets one, a lower-case UUID.")
            return [draft]
        }
        draft.id = id
        draft.before = fold.originals(raw)
        if holdsBack { try takeHeld(draft) }
        let known = try SharedRecords.read(db, id)
        draft.pendingBases = known == nil ? [] : try pendingBases(id)
        if raw != nil, !fold.existed, let taken = try otherHome(of: fold, id, known) {
            draft.invalid[""] = InvalidValue(
                "the id is that of a \(taken)", "Give the new record an id of its own.")
            return [draft]
        }
        if known == nil {
            draft.shared = SharedRecord(
                collection: fold.collection.name, state: fold.existed ? .live : .absent,
                values: fold.existed ? draft.before : [:], deleted: nil)
        }
        guard let raw else {
            guard try isDeletion(fold, id, known) else { return [draft] }
            draft.operation = try deletion(draft, id)
            return [draft]
        }
        return try present(draft, id, raw, known)
    }

    /// Drafts a record that is in its table now.
    private func present(
        _ draft: SealDraft, _ id: RecordID, _ raw: StoredRow,
        _ known: SharedRecord?
    ) throws -> [SealDraft] {
        let fold = draft.fold
        if fold.collection.name == CollectionSchema.conflict.name {
            settle(draft, id, raw)
            return [draft]
        }
        if fold.existed {
            draft.operation = try update(draft, id, raw)
            return [draft]
        }
        // It was here before, for all or in the outbox: this brings it back. What came in beneath a
        // record that is held back is another's: this inserts it all the same.
        if let known, draft.heldBase == nil, try known.state != .absent || replica.isPending(db, id)
        {
            draft.before =
                try replica.visibleValues(db, id, ignoringDeletion: true) ?? known.values
            let restore = SealDraft(fold)
            restore.id = id
            restore.pendingBases = draft.pendingBases
            restore.operation = Operation(
                .restore, fold.collection.name, id, base: try base(id, "", draft), time: fold.time)
            draft.operation = try update(draft, id, raw)
            return [restore, draft]
        }
        draft.inserts = true
        draft.isShared = known?.state == .live
        draft.operation = try insert(draft, id, raw)
        return [draft]
    }

    private func update(
        _ draft: SealDraft, _ id: RecordID, _ raw: StoredRow
    ) throws -> TingCore.Operation? {
        let fold = draft.fold
        var edits: [FieldEdit] = []
        for field in fold.collection.fields {
            let old = draft.before[field.name] ?? field.standard
            let isKept = fold.keeps.contains(field.name)
            let flaw = raw.flaws[field.name]
            // What nobody wrote, or someone keeps, is not validated: the merge may have made it.
            if flaw != .nul, old.column.isIdentical(to: raw[field.name] ?? .null) {
                if flaw != nil { draft.canonical.append(FieldValue(field.name, old)) }
                if isKept { edits.append(try edit(draft, id, field, before: old, after: old)) }
                continue
            }
            guard let new = canonical(field, raw, draft), new != old || isKept
            else { continue }
            check(field, new, draft)
            guard draft.invalid[field.name] == nil else { continue }
            edits.append(try edit(draft, id, field, before: old, after: new))
        }
        guard !edits.isEmpty || fold.keeps.contains("") else { return nil }
        return Operation(
            .update, fold.collection.name, id, time: fold.time, fields: edits.sortedByField)
    }

    private func insert(
        _ draft: SealDraft, _ id: RecordID, _ raw: StoredRow
    ) throws -> TingCore.Operation? {
        let fold = draft.fold
        var edits: [FieldEdit] = []
        for field in fold.collection.fields {
            guard let new = canonical(field, raw, draft), new != field.standard
            else { continue }
            check(field, new, draft)
            edits.append(try edit(draft, id, field, before: .null, after: new))
        }
        return Operation(
            .insert, fold.collection.name, id, time: fold.time, fields: edits.sortedByField)
    }

    private func edit(
        _ draft: SealDraft, _ id: RecordID, _ field: Field, before: Value, after: Value
    ) throws -> FieldEdit {
        FieldEdit(
            field.name, before: before, after: after, base: try base(id, field.name, draft),
            time: draft.fold.time(of: field.name))
    }

    /// The canonical value of a column; `nil` when it is invalid, which the draft remembers.
    private func canonical(
        _ field: Field, _ raw: StoredRow, _ draft: SealDraft
    ) -> Value? {
        let column = raw[field.name] ?? .null
        do throws(InvalidValue) {
            switch raw.flaws[field.name] {
            case .nul:
                throw InvalidValue(
                    "\(field.name) holds a NUL character", "Write the text without it.")
            case .encoding:
                throw InvalidValue(
                    "\(field.name) holds bytes that are not UTF-8", "Write the text in UTF-8.")
            case nil: break
            }
            let canonical = try field.canonical(field.value(column))
            if !canonical.column.isIdentical(to: column) {
                draft.canonical.append(FieldValue(field.name, canonical))
            }
            return canonical
        } catch {
            draft.invalid[field.name] = error
            return nil
        }
    }

    /// Checks that what a value refers to is there; the draft remembers if it isn't.
    private func check(_ field: Field, _ value: Value, _ draft: SealDraft) {
        guard field.kind == .reference || field.references else { return }
        let named = value.text.map { [$0] } ?? value.elements
        for target in named {
            if targets.allows(field, target) { continue }
            let allowed = field.to.first { name in
                tables.schema.collection(name).map {
                    (try? tables.contains(db, $0, target)) ?? false
                } ?? false
            }
            if let allowed {
                targets.note(target, in: allowed)
                continue
            }
            guard let home = (try? replica.home(db, target)) ?? nil else {
                draft.invalid[field.name] = InvalidValue(
                    "`\(target)` names no record", "Name a record that exists, or clear the field.")
                return
            }
            guard field.to.isEmpty || field.to.contains(home) else {
                draft.invalid[field.name] = InvalidValue(
                    "`\(target)` is a \(home)",
                    "Name a record of \(field.to.joined(separator: " or ")).")
                return
            }
        }
        draft.references.append((field.name, named))
    }

    /// Whether a record whose row is gone was deleted here: its going was noted, or a *keep* says that
    /// it stays deleted. A row that is lost otherwise is nobody's edit.
    private func isDeletion(_ fold: Fold, _ id: RecordID, _ known: SharedRecord?) throws -> Bool {
        guard fold.existed, !fold.wasRemoved else { return fold.existed }
        guard let known, known.state != .absent, !fold.keeps.isEmpty else { return false }
        return try replica.visibleValues(db, id, ignoringDeletion: false) == nil
    }

    /// A deletion names the fields of which its author had seen less than of the rest.
    private func deletion(_ draft: SealDraft, _ id: RecordID) throws -> TingCore.Operation {
        let pending = draft.pendingBases.flatMap(\.fields.names).filter { !["", "*"].contains($0) }
        let hidden = Set(pending).union(draft.heldBases.keys.filter { !$0.isEmpty })
        let edits = try hidden.sortedByBytes.compactMap { field -> FieldEdit? in
            guard let base = try base(id, field, draft) else { return nil }
            return FieldEdit(
                field, before: .null, after: .null, base: base, time: draft.fold.time)
        }
        return Operation(
            .delete, draft.fold.collection.name, id, base: try base(id, "", draft),
            time: draft.fold.time, fields: edits)
    }

    /// Only the merge writes conflicts: of an edit by hand, settling alone counts.
    private func settle(
        _ draft: SealDraft, _ id: RecordID, _ raw: StoredRow
    ) {
        guard draft.fold.existed else {
            draft.invalid[""] = InvalidValue(
                "conflicts are made by the server alone", "Delete the row.")
            return
        }
        let status: String? = raw["status"].flatMap { String.fromDatabaseValue($0) }
        let settles: Bool = status == "settled" && draft.before["status"] == nil
        for field in draft.fold.collection.fields where field.name != "status" || !settles {
            let old = draft.before[field.name] ?? field.standard
            let column: DatabaseValue = raw[field.name] ?? .null
            if raw.flaws[field.name] != nil || !old.column.isIdentical(to: column) {
                draft.canonical.append(FieldValue(field.name, old))
            }
        }
        guard settles else { return }
        draft.operation = Operation(
            .update, CollectionSchema.conflict.name, id, time: draft.fold.time,
            fields: [
                FieldEdit(
                    "status", before: .text("open"), after: .text("settled"),
                    time: draft.fold.time)
            ])
    }

    /// The collection of another record that has this id, if there is one.
    private func otherHome(of fold: Fold, _ id: RecordID, _ known: SharedRecord?) throws
        -> String?
    {
        let home = try tables.locate(db, fold.record, except: fold.collection.name)
        if let home { return home }
        // It may have gone from there with the same edits, or with others that wait.
        if let home = homes[fold.record], home != fold.collection.name { return home }
        guard let known, known.collection != fold.collection.name,
            try known.state != .absent || replica.isPending(db, id)
        else { return nil }
        return known.collection
    }
}

/// Where the targets of references were found.
private final class KnownTargets {
    private var homes: [String: String] = [:]

    /// Whether a target was found in a collection that the field may name.
    func allows(_ field: Field, _ target: String) -> Bool {
        homes[target].map { field.to.contains($0) } ?? false
    }

    func note(_ target: String, in home: String) { homes[target] = home }
}

extension Value {
    /// Whether both are the same bytes; `==` takes texts for equal that Unicode does.
    fileprivate func isIdentical(to other: Value) -> Bool {
        switch (self, other) {
        case (.text(let text), .text(let same)): text.isIdentical(to: same)
        case (.set(let elements), .set(let same)):
            elements.count == same.count
                && zip(elements, same).allSatisfy { $0.isIdentical(to: $1) }
        default: self == other
        }
    }
}

extension [FieldEdit] {
    var sortedByField: [FieldEdit] {
        sorted { $0.field.utf8.lexicographicallyPrecedes($1.field.utf8) }
    }
}
