// SPDX-License-Identifier: Apache-2.0

import GRDB
import TingClient
import TingCore
import TingStore

/// Values, members and ids as people read them.
struct RecordText {
    private let names: [String: String]
    private let short: ShortIDs?

    /// - Parameter shown: the ids that will be shown; of the others only those alike are read.
    init(_ replica: Replica, _ db: Database, shortening shown: [String] = []) throws {
        names = try Self.memberNames(db)
        short = shown.isEmpty ? nil : try Self.shortIDs(shown, replica, db)
    }

    /// The shortest endings by which nothing but these records is named.
    ///
    /// No index is by endings. Where there are too many records to look at each, an ending gets so
    /// many characters that one among a million may be that of another record too; whoever uses that one
    /// is told so.
    static func shortIDs(
        _ shown: [String], _ replica: Replica, _ db: Database
    ) throws -> ShortIDs {
        let places = try replica.places(db)
        guard places <= Limits.shortIDScanLimit else {
            return ShortIDs(shown, leastLength: ShortIDs.length(among: places))
        }
        return ShortIDs(try replica.ids(db, endingLike: shown))
    }

    static func memberNames(_ db: Database) throws -> [String: String] {
        var names: [String: String] = [:]
        for row in try Row.fetchAll(db, sql: "SELECT id, name FROM member") {
            names[row[0]] = row[1] as String
        }
        return names
    }

    /// The shortest ending that names the record.
    func short(_ id: String) -> String { short?.short(id) ?? id }

    /// A member's name, where the list has it.
    func member(_ id: String?) -> String? { id.map { names[$0] ?? $0 } }

    /// A value with the names of the records that it refers to.
    static func text(
        _ value: Value, of field: Field, _ replica: Replica, _ db: Database
    ) throws -> String {
        let ids = value.elements.isEmpty ? [value.text].compactMap { $0 } : value.elements
        guard field.kind == .reference || field.references, !ids.isEmpty else {
            return text(value, of: field)
        }
        let finder = RecordFinder(replica)
        return try ids.map { id in
            guard let found = try? finder.record(db, id, in: field.to),
                let collection = replica.schema.collection(found.collection),
                let name = try RecordTable(collection).record(db, found.id)?.name, !name.isEmpty
            else { return id }
            return "\(name) (\(id))"
        }.joined(separator: ", ")
    }

    static func text(_ value: Value, of field: Field?) -> String {
        switch value {
        case .null: ""
        case .integer(let integer): field?.kind == .money ? Money.text(integer) : String(integer)
        case .text(let text): text
        case .set(let elements): elements.joined(separator: ", ")
        }
    }
}
