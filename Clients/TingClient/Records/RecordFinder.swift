// SPDX-License-Identifier: Apache-2.0

public import GRDB
public import TingCore
public import TingStore

/// Finds the record that a person means: by full id, by the end of its id, or by a unique code.
///
/// Where the end of one record's id is another's code, that is ambiguous.
public struct RecordFinder: Sendable {
    let replica: Replica

    public init(_ replica: Replica) { self.replica = replica }

    public struct Found: Equatable, Sendable {
        public var collection: String
        public var id: RecordID
    }

    /// The one live record of `collections` (any, when empty) that `text` names.
    /// - Throws: `InputError` when there is none, or several.
    public func record(
        _ db: Database, _ text: String, in collections: [String] = []
    ) throws -> Found {
        let found = try candidates(db, text, in: collections)
        if found.count == 1, let only = found.first { return only }
        guard found.isEmpty else { throw ambiguous(text, found) }
        if try isDeleted(db, text, in: collections) {
            throw InputError(
                code: "not_found", "The record `\(text)` is deleted.",
                remedy:
                    "Bring it back with `ting restore \(text)`; `ting log \(text)` tells who deleted it."
            )
        }
        throw InputError(
            code: "not_found",
            "There is no \(collections.count == 1 ? collections[0] : "record") `\(text)` here.",
            remedy: "Look for it with `ting search` or `ting list`; `ting sync` brings what is new."
        )
    }

    /// The id to store in a reference: full ids are taken as they are, since the record may be
    /// on its way.
    public func reference(_ db: Database, _ text: String, to collections: [String]) throws -> String
    {
        if RecordID(text) != nil { return text }
        return try record(db, text, in: collections).id.description
    }

    private func candidates(
        _ db: Database, _ text: String, in collections: [String]
    ) throws -> [Found] {
        let wanted = replica.schema.collections.filter {
            collections.isEmpty
                ? $0.name != CollectionSchema.conflict.name : collections.contains($0.name)
        }
        if let id = RecordID(text) {
            return try wanted.filter { try RecordTable($0).contains(db, id) }
                .map { Found(collection: $0.name, id: id) }
        }
        let coded = try wanted.flatMap { try named(db, text, in: $0) }
        // No list shows so short an end of an id: a code of these characters is what was meant.
        guard Self.isEnding(text), coded.isEmpty || text.utf8.count >= Limits.shortIDLength else {
            return coded
        }
        return try coded + ending(db, text, in: wanted).filter { !coded.contains($0) }
    }

    /// Live records alone: others can't be edited or referred to.
    private func ending(
        _ db: Database, _ text: String, in collections: [CollectionSchema]
    ) throws -> [Found] {
        try replica.locate(db, ending: text).compactMap { found in
            let collection = collections.first { $0.name == found.collection }
            guard let collection, try RecordTable(collection).contains(db, found.id) else {
                return nil
            }
            return Found(collection: found.collection, id: found.id)
        }
    }

    /// Whether the text names one record of these, by its id, that was there.
    private func isDeleted(
        _ db: Database, _ text: String, in collections: [String]
    ) throws -> Bool {
        guard Self.isEnding(text), text.utf8.count >= Limits.shortIDLength else { return false }
        let known = try replica.locate(db, ending: text)
        return known.count == 1
            && (collections.isEmpty || collections.contains(known[0].collection))
    }

    private func named(
        _ db: Database, _ text: String, in collection: CollectionSchema
    ) throws -> [Found] {
        let fields = collection.fields.filter(\.unique)
        guard !fields.isEmpty else { return [] }
        let condition = fields.map { RecordTable.quoted($0.name) + " = :text" }
            .joined(separator: " OR ")
        let sql = "SELECT id FROM \(RecordTable.quoted(collection.name)) WHERE \(condition)"
        return try String.fetchAll(db, sql: sql, arguments: ["text": text.normalized])
            .compactMap { RecordID($0) }.map { Found(collection: collection.name, id: $0) }
    }

    /// Whether the text may be the end of an id: a few of its characters.
    static func isEnding(_ text: String) -> Bool {
        (1...36).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x66).contains($0) || $0 == 0x2d
            }
    }

    private func ambiguous(_ text: String, _ found: [Found]) -> InputError {
        let some = found.prefix(4).map { "\($0.id) (\($0.collection))" }.joined(separator: ", ")
        return InputError(
            code: "ambiguous", "`\(text)` names \(found.count) records: \(some).",
            remedy: "Give the id, or more characters of its end.")
    }
}
