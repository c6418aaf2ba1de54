// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import TingCore

/// The noted edits of one record, taken together: the first values before, and what was done.
struct Fold {
    let collection: CollectionSchema
    let record: String
    /// Whether the record was in its table before the first note.
    private(set) var existed = true
    /// Whether its row was taken away since, by whoever: that alone makes a deletion.
    private(set) var wasRemoved = false
    /// First values before, by field, as they stood.
    private(set) var before: [String: DatabaseValue] = [:]
    private(set) var times: [String: Int64] = [:]
    private(set) var time: Int64 = 0
    private(set) var keeps: Set<String> = []
    /// Places of the notes that it was made of.
    private(set) var notes: [Int64] = []
    /// 32 random bytes, from the first note that has some; none where that is not in the file.
    private(set) var draft: [UInt8] = []
    /// Whether `before` has the whole row.
    private var isComplete = false

    /// A fold that begins with a row of `CaptureTriggers.notes`.
    init(_ collection: CollectionSchema, _ note: Row) throws {
        self.collection = collection
        record = String(decoding: try note.stored(Data.self, atIndex: 2), as: UTF8.self)
        existed = try note.stored(String.self, atIndex: 0) != "i"
        isComplete = !existed
        try take(note)
    }

    /// A fold of what a writing noted in memory.
    /// - Parameter columns: Where the collection's fields stand in the table.
    init(_ row: NotedRow, columns: [Int]) {
        self.init(bare: row)
        take(row, columns: columns)
    }

    /// A fold of one verb's row, without its values before.
    init(bare row: NotedRow) {
        collection = row.collection
        record = row.record
        existed = row.before != nil
        isComplete = !existed
        time = row.time
    }

    mutating func take(_ row: NotedRow, columns: [Int]) {
        time = max(time, row.time)
        wasRemoved = wasRemoved || row.removal != nil
        for (field, column) in zip(collection.fields, columns) {
            if let time = row.times[column] { times[field.name] = time }
            guard !isComplete, before[field.name] == nil, let values = row.before,
                values.indices.contains(column)
            else { continue }
            before[field.name] = values[column]
        }
        isComplete = isComplete || row.before != nil
    }

    mutating func take(_ note: Row) throws {
        let kind: String = try note.stored(atIndex: 0)
        let field: String = try note.stored(atIndex: 3)
        let noted: Int64 = try note.stored(atIndex: 5)
        notes.append(try note.stored(atIndex: 7))
        if draft.isEmpty { draft = Array(try note.stored(Data.self, atIndex: 6)) }
        time = max(time, noted)
        switch kind {
        case "i": break
        case "k":
            try collection.mustName(field)
            keeps.insert(field)
        case "d", "r", "x":
            wasRemoved = true
            guard !isComplete else { return }
            before.merge(try held(note)) { first, _ in first }
            isComplete = true
        case "n":
            for (field, value) in try held(note) {
                if !isComplete, before[field] == nil { before[field] = value }
                times[field] = noted
            }
        // `u`, and a kind that rotted: what is in the row counts.
        default:
            guard !field.isEmpty else { throw StoredFormError.malformed("note") }
            try collection.mustName(field)
            if !isComplete, before[field] == nil { before[field] = note[4] }
            times[field] = noted
        }
    }

    /// What a note's row held, as far as it was taken away or changed: by columns, or by name in JSON.
    private func held(_ note: Row) throws -> [String: DatabaseValue] {
        guard note.hasNull(atIndex: 4) else { return try Self.columns(try note.stored(atIndex: 4)) }
        var held: [String: DatabaseValue] = [:]
        for (place, field) in collection.fields.enumerated() {
            let value: DatabaseValue = note[CaptureTriggers.firstColumn + place]
            if case .blob(let data) = value.storage, data.isEmpty { continue }
            held[field.name] = value
        }
        return held
    }

    private static func columns(_ json: String) throws -> [String: DatabaseValue] {
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

    /// The canonical values of the row before the first note, unlike their defaults.
    func originals(_ raw: StoredRow?) -> [String: Value] {
        var values: [String: Value] = [:]
        for field in collection.fields {
            guard let column = before[field.name] ?? raw?[field.name] else { continue }
            let value = field.value(column).normalized
            if value != field.standard { values[field.name] = value }
        }
        return values
    }

    func time(of field: String) -> Int64 { times[field] ?? time }
}

extension CollectionSchema {
    /// Notes name a field, or the whole record by an empty name: under any other, a value that was
    /// written would pass for nobody's.
    func mustName(_ field: String) throws {
        guard field.isEmpty || position(of: field) != nil else {
            throw StoredFormError.malformed("the name of a noted field")
        }
    }
}

extension Value {
    var normalized: Value {
        if case .text(let text) = self { .text(text.normalized) } else { self }
    }
}
