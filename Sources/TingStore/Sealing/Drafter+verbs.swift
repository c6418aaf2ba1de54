// SPDX-License-Identifier: Apache-2.0

import TingCore

/// What one verb of the library wrote.
extension Drafter {
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
            try check(field, new, draft)
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
