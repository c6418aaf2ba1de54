// SPDX-License-Identifier: Apache-2.0

import Foundation
package import TingCore

/// Change sets to messages and back: parse, do not trust.
///
/// Only what a change set can't hold at all is refused here, with the whole request. One that is
/// too large, or not in canonical form, is judged by the workspace: it alone is rejected, and the
/// others of its request go on (promise 6).
extension ChangeSet {
    package init(wire message: Ting_V1_ChangeSet) throws(WireError) {
        guard message.hasBase else { throw WireError("base", "missing") }
        var seen: [Hash] = []
        for text in message.seen { seen.append(try Wire.hash(text, "seen")) }
        // Every value is hashed with it.
        guard message.seed.count <= 64 else { throw WireError("seed", "too long") }
        var operations: [TingCore.Operation] = []
        if message.hasColumns {
            guard message.operations.isEmpty else {
                throw WireError("operations", "beside columns")
            }
            operations = try message.columns.read(time: message.time)
        }
        for operation in message.operations {
            operations.append(try Operation(wire: operation, time: message.time))
        }
        self.init(
            id: try Wire.id(message.id, "change_set.id"), seed: Array(message.seed),
            schema: Int(clamping: message.schema), base: try Base(wire: message.base), seen: seen,
            message: message.message, time: message.time, operations: operations)
    }

    package var wire: Ting_V1_ChangeSet {
        var message = head
        message.operations = operations.map { $0.wire(time: time) }
        return message
    }

    /// The same in columns; plain where there are more operations, or longer names, than columns may hold.
    package var terseWire: Ting_V1_ChangeSet {
        guard operations.count <= Limits.operationLimit, operations.allSatisfy(\.hasShortNames)
        else { return wire }
        var message = head
        message.columns = Ting_V1_Columns(operations, time: time)
        return message
    }

    private var head: Ting_V1_ChangeSet {
        var message = Ting_V1_ChangeSet()
        message.id = id.description
        message.seed = Data(seed)
        message.schema = Int64(schema)
        message.base = base.wire
        message.seen = seen.map(\.description)
        message.message = self.message
        message.time = time
        return message
    }
}

extension TingCore.Operation {
    fileprivate var hasShortNames: Bool {
        collection.utf8.count <= Limits.nameByteLimit
            && fields.allSatisfy { $0.field.utf8.count <= Limits.nameByteLimit }
    }

    fileprivate init(wire message: Ting_V1_Operation, time: Int64) throws(WireError) {
        guard let kind = Wire.word(message.kind, as: Kind.self) else {
            throw WireError("operations.kind", "unknown")
        }
        let own = message.hasTime ? message.time : time
        var fields: [FieldEdit] = []
        for field in message.fields { fields.append(try FieldEdit(wire: field, time: own)) }
        self.init(
            kind, message.collection, try Wire.id(message.record, "operations.record"),
            base: message.hasBase ? try Base(wire: message.base) : nil, time: own, fields: fields)
    }

    fileprivate func wire(time: Int64) -> Ting_V1_Operation {
        var message = Ting_V1_Operation()
        message.kind = kind.rawValue
        message.collection = collection
        message.record = record.description
        if let base { message.base = base.wire }
        if self.time != time { message.time = self.time }
        message.fields = fields.map { $0.wire(time: self.time) }
        return message
    }
}

extension FieldEdit {
    fileprivate init(wire message: Ting_V1_FieldEdit, time: Int64) throws(WireError) {
        self.init(
            message.field, before: message.hasBefore ? Value(wire: message.before) : .null,
            after: message.hasAfter ? Value(wire: message.after) : .null,
            base: message.hasBase ? try Base(wire: message.base) : nil,
            time: message.hasTime ? message.time : time)
    }

    fileprivate func wire(time: Int64) -> Ting_V1_FieldEdit {
        var message = Ting_V1_FieldEdit()
        message.field = field
        if !before.isNull { message.before = before.wire }
        if !after.isNull { message.after = after.wire }
        if let base { message.base = base.wire }
        if self.time != time { message.time = self.time }
        return message
    }
}

extension Base {
    init(wire message: Ting_V1_Base) throws(WireError) {
        self.init(epoch: try Wire.id(message.epoch, "base.epoch"), version: message.version)
    }

    var wire: Ting_V1_Base {
        var message = Ting_V1_Base()
        message.epoch = epoch.description
        message.version = version
        return message
    }
}

extension Value {
    /// Whether it is in canonical form, and within the limits, is the schema's to say.
    init(wire message: Ting_V1_Value) {
        switch message.kind {
        case nil: self = .null
        case .integer(let integer): self = .integer(integer)
        case .text(let text): self = .text(text)
        case .set(let set): self = .set(set.elements)
        }
    }

    var wire: Ting_V1_Value {
        var message = Ting_V1_Value()
        switch self {
        case .null: break
        case .integer(let integer): message.integer = integer
        case .text(let text): message.text = text
        case .set(let elements): message.set.elements = elements
        }
        return message
    }
}

/// Checks that many messages share.
enum Wire {
    static func id<Kind>(_ text: String, _ field: String) throws(WireError) -> ID<Kind> {
        guard let id = ID<Kind>(text) else {
            throw WireError(field, "it is not a lower-case UUID")
        }
        return id
    }

    static func hash(_ text: String, _ field: String) throws(WireError) -> Hash {
        guard let hash = Hash(text) else {
            throw WireError(field, "it is not 64 hexadecimal digits")
        }
        return hash
    }

    /// One of a few words. What is longer than any is not compared: Swift puts a text in NFC for that.
    static func word<Word: RawRepresentable>(_ text: String, as type: Word.Type) -> Word?
    where Word.RawValue == String {
        text.utf8.count <= 20 ? Word(rawValue: text) : nil
    }

    static func check(name: String, _ field: String) throws(WireError) {
        guard !name.isEmpty, name.utf8.count <= Limits.nameByteLimit,
            name.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 95 })
        else { throw WireError(field, "it is not a name of a-z, 0-9 and _") }
    }
}
