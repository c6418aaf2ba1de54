// SPDX-License-Identifier: Apache-2.0

import TingCore
import TingStore
import TingTesting
import TingWire

/// Builds messages that get past the first checks: well-formed, and wrong in every other way.
struct HostileMessages {
    let schema: Schema
    /// Ids that exist in the workspace, and some that don't.
    let records: [RecordID]
    /// Hashes that a change set may list as seen.
    var hashes: [Hash] = []
    private var made: UInt64 = 0

    init(schema: Schema, records: [RecordID]) {
        self.schema = schema
        self.records = records
    }

    mutating func id<Kind>(_ input: inout FuzzInput) -> ID<Kind> {
        made += 1
        var generator = SeededGenerator(state: made << 8 | UInt64(input.byte()))
        return .random(using: &generator)
    }

    func base(_ input: inout FuzzInput, _ epoch: Epoch, head: TingCore.Version) -> Base {
        Base(
            epoch: epoch, version: input.flag() ? Int64(input.below(Int(head) + 2)) : input.number()
        )
    }

    mutating func changeSet(_ input: inout FuzzInput, _ epoch: Epoch, head: TingCore.Version)
        -> ChangeSet
    {
        var changeSet = ChangeSet(
            id: id(&input), seed: [UInt8](repeating: input.byte(), count: 16),
            schema: input.below(4) == 0 ? Int(clamping: input.number()) : schema.version,
            base: Base(epoch: epoch, version: head), message: input.text(), time: input.number(),
            operations: [])
        if input.below(3) == 0 { changeSet.base = base(&input, epoch, head: head) }
        if input.flag(), !hashes.isEmpty { changeSet.seen = [input.choose(hashes)] }
        for _ in 0..<input.below(4) + 1 {
            changeSet.operations.append(operation(&input, epoch, head: head))
        }
        hashes.append(changeSet.hash)
        return changeSet
    }

    mutating func effects(_ input: inout FuzzInput) -> [Effect] {
        (0..<input.below(4)).map { _ in
            let collection = collection(&input)
            var values: [String: Value] = [:]
            for _ in 0..<input.below(4) {
                let field = field(&input, of: collection)
                values[field.name] = value(&input, field)
            }
            return Effect(
                collection.name, record(&input), input.choose(Effect.State.allCases),
                values.sorted { $0.key < $1.key }.map { FieldValue($0.key, $0.value) })
        }
    }

    /// A schema that follows this one, or claims to.
    func schemaText(_ input: inout FuzzInput) throws -> String {
        guard input.below(4) != 1 else { return input.text() }
        var collections = schema.written.map {
            CollectionSchema($0.name, fields: $0.fields + newFields(&input))
        }
        if input.flag() {
            collections.append(CollectionSchema(newName(&input), fields: newFields(&input)))
        }
        return try Schema(
            name: schema.name, version: schema.version + input.below(3), collections: collections
        ).json
    }

    private func newFields(_ input: inout FuzzInput) -> [Field] {
        (0..<input.below(3)).map { _ in
            Field(
                newName(&input), input.choose(Field.Kind.allCases),
                input.choose(Field.Policy.allCases),
                standard: input.choose([
                    nil, nil, .text(input.text()), .integer(input.number()),
                    .set(of: [input.text()]),
                ]), values: input.flag() ? ["a", input.text()] : [],
                to: input.flag() ? [input.choose(schema.collections).name] : [],
                parent: input.below(4) == 1, unique: input.flag(), references: input.flag(),
                least: input.flag() ? input.number() : nil,
                greatest: input.flag() ? input.number() : nil)
        }
    }

    /// Words of SQL and names that are taken among others.
    private func newName(_ input: inout FuzzInput) -> String {
        input.choose(["note", "select", "rowid", "id", "title", "hours", "x\"y", input.text()])
    }

    private mutating func operation(
        _ input: inout FuzzInput, _ epoch: Epoch, head: Version
    ) -> TingCore.Operation {
        let kind = input.choose(TingCore.Operation.Kind.allCases)
        let collection = collection(&input)
        var edits: [String: FieldEdit] = [:]
        for _ in 0..<input.below(4) {
            let field = field(&input, of: collection)
            edits[field.name] = FieldEdit(
                field.name,
                before: kind == .insert && input.flag() ? .null : value(&input, field),
                after: value(&input, field),
                base: input.below(4) == 0 ? base(&input, epoch, head: head) : nil,
                time: input.number())
        }
        return TingCore.Operation(
            kind, collection.name, record(&input),
            base: input.below(4) == 0 ? base(&input, epoch, head: head) : nil,
            time: input.number(),
            fields: kind == .delete || kind == .restore
                ? [] : edits.values.sorted { $0.field < $1.field })
    }

    /// One of the schema, the conflicts, or none that there is.
    private func collection(_ input: inout FuzzInput) -> CollectionSchema {
        input.choose(
            schema.collections + [.conflict, CollectionSchema("unknown", fields: [Self.unknown])])
    }

    private func field(_ input: inout FuzzInput, of collection: CollectionSchema) -> Field {
        input.choose(collection.fields + [Self.unknown])
    }

    private static let unknown = Field("unknown", .text, .latest)

    private mutating func record(_ input: inout FuzzInput) -> RecordID {
        input.below(4) == 0 ? id(&input) : input.choose(records)
    }

    /// Mostly of the field's type, at times of another.
    private func value(_ input: inout FuzzInput, _ field: Field) -> Value {
        let wrong = input.below(8) == 0
        return switch field.kind {
        case .integer, .counter, .money:
            wrong ? .text(input.text().normalized) : .integer(input.number())
        case .set: wrong ? .null : .set(of: (0..<input.below(4)).map { _ in input.text() })
        case .enum: wrong ? .text(input.text()) : .text(input.choose(field.values + [""]))
        case .reference: wrong ? .null : .text(input.choose(records).description)
        default: wrong ? .integer(input.number()) : .text(input.text().normalized)
        }
    }
}
