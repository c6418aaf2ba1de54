// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingCore

/// Drafts what the noted edits of one record come to.
struct Drafter {
    let replica: Replica
    let db: Database
    let identity: Replica.Identity
    /// Whether any edit is held back.
    let holdsBack: Bool
    /// Whether the library itself wrote what is drafted.
    private let isOwn: Bool
    let tables: RecordTables
    let newIDs: NewIDs
    /// Where records stood before what is drafted now, by id.
    let homes: [String: String]
    let targets = KnownTargets()
    /// As it is before what is drafted now joins it.
    private let outbox = DecodedOutbox()
    let adding: SharedRecords.Adding

    /// - Parameter homes: The collections of records that were there before what is drafted now.
    init(_ sealer: Sealer, holdsBack: Bool, homes: [String: String]) throws {
        self.homes = homes
        replica = sealer.replica
        db = sealer.db
        identity = sealer.identity
        tables = sealer.tables
        isOwn = sealer.own != nil
        self.holdsBack = holdsBack
        newIDs = try NewIDs(db, tables, sealer.own?.rows ?? [])
        adding = try SharedRecords.Adding(db)
    }

    func drafts(_ fold: Fold) throws -> [SealDraft] {
        let draft = SealDraft(fold)
        let raw = try tables.raw(db, fold.collection, fold.record)
        // What an insert left out is the table's default, which may have rotted: `columns` looks.
        if !fold.existed { _ = try tables.columns(db, fold.collection) }
        if raw == nil, !fold.wasRemoved, fold.keeps.isEmpty {
            try tables.mustLack(db, fold.collection, fold.record)
        }
        guard let id = RecordID(fold.record) else {
            // A row that the library made, and that is not found by its id, has one that can't be read.
            if raw == nil, !isOwn || fold.existed || fold.wasRemoved { return [draft] }
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
            if try isNowhere(id, known) { wait(draft) }
            return [draft]
        }
        // It was here before, for all or in the outbox: this brings it back. What came in beneath a
        // record that is held back is another's: this inserts it all the same.
        if let known, draft.heldBase == nil, try known.state != .absent || replica.isPending(db, id)
        {
            draft.before =
                try replica.visibleValues(db, id, ignoringDeletion: true, outbox) ?? known.values
            let restore = SealDraft(fold)
            restore.id = id
            restore.pendingBases = draft.pendingBases
            restore.operation = Operation(
                .restore, fold.collection.name, id, base: try base("", draft), time: fold.time)
            draft.operation = try update(draft, id, raw)
            return [restore, draft]
        }
        draft.inserts = true
        draft.isShared = known?.state == .live
        draft.operation = try insert(draft, id, raw)
        return [draft]
    }

    /// Whether a record is there for nobody else, nor on its way to be: what made it was rejected or
    /// discarded, and its row stays for what is held back in it alone.
    private func isNowhere(_ id: RecordID, _ known: SharedRecord?) throws -> Bool {
        try known?.state == .absent && !replica.isPending(db, id)
    }

    /// Holds back whatever was written on such a row.
    private func wait(_ draft: SealDraft) {
        draft.isNowhere = true
        for edit in draft.operation?.fields ?? [] {
            draft.invalid[edit.field] = InvalidValue(
                "its record is not there, nor waits to be sent",
                "Retry what made it, if that is in quarantine; or delete this row, and add it anew."
            )
        }
        draft.operation = nil
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
            try check(field, new, draft)
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
            try check(field, new, draft)
            edits.append(try edit(draft, id, field, before: .null, after: new))
        }
        return Operation(
            .insert, fold.collection.name, id, time: fold.time, fields: edits.sortedByField)
    }

    private func edit(
        _ draft: SealDraft, _ id: RecordID, _ field: Field, before: Value, after: Value
    ) throws -> FieldEdit {
        FieldEdit(
            field.name, before: before, after: after, base: try base(field.name, draft),
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

    /// Whether a record whose row is gone was deleted here: its going was noted, or a *keep* says that
    /// it stays deleted. A row that is lost otherwise is nobody's edit.
    private func isDeletion(_ fold: Fold, _ id: RecordID, _ known: SharedRecord?) throws -> Bool {
        if try isNowhere(id, known) { return false }
        guard fold.existed, !fold.wasRemoved else { return fold.existed }
        guard let known, known.state != .absent, !fold.keeps.isEmpty else { return false }
        return try replica.visibleValues(db, id, ignoringDeletion: false, outbox) == nil
    }

    /// A deletion names the fields of which its author had seen less than of the rest.
    private func deletion(_ draft: SealDraft, _ id: RecordID) throws -> TingCore.Operation {
        let pending = draft.pendingBases.flatMap(\.fields.names).filter { !["", "*"].contains($0) }
        let hidden = Set(pending).union(draft.heldBases.keys.filter { !$0.isEmpty })
        let edits = try hidden.sortedByBytes.compactMap { field -> FieldEdit? in
            guard let base = try base(field, draft) else { return nil }
            return FieldEdit(
                field, before: .null, after: .null, base: base, time: draft.fold.time)
        }
        return Operation(
            .delete, draft.fold.collection.name, id, base: try base("", draft),
            time: draft.fold.time, fields: edits)
    }
}

extension [FieldEdit] {
    var sortedByField: [FieldEdit] {
        sorted { $0.field.utf8.lexicographicallyPrecedes($1.field.utf8) }
    }
}
