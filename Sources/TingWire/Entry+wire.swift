// SPDX-License-Identifier: Apache-2.0

import Foundation
package import TingCore

/// Entries to messages and back.
extension Entry {
    /// - Parameter own: Finds the change set that the replica delivered under a number, if it holds
    ///   one with that hash.
    package init(
        wire message: Ting_V1_Entry, own: (Int64, Hash) -> ChangeSet? = { _, _ in nil }
    ) throws(WireError) {
        guard message.version > 0 else { throw WireError("entry.version", "not positive") }
        guard message.receipt.count <= 64 else { throw WireError("entry.receipt", "too long") }
        var effects: [Effect]?
        if message.merged {
            var list: [Effect] = []
            for effect in message.effects { list.append(try Effect(wire: effect)) }
            effects = list
        }
        let changeSet = try Self.changeSet(of: message, own)
        // Each costs a record's writing and hashing, however short it is.
        let records = effects?.map(\.record) ?? changeSet.operations.map(\.record)
        let most = effects == nil ? 2 : 1
        guard records.count <= most || records.count <= most * Set(records).count else {
            throw WireError("effects.record", "one of them too often")
        }
        self.init(
            version: message.version, changeSet: changeSet,
            author: try Wire.id(message.author, "entry.author"),
            replica: try Wire.id(message.replica, "entry.replica"), number: message.number,
            accepted: message.accepted, shift: message.shift, effects: effects,
            receipt: Array(message.receipt))
    }

    /// What stands for a change set that is not here.
    package static let notHeld = WireError("entry.own_hash", "that change set is not here")

    private static func changeSet(
        of message: Ting_V1_Entry, _ own: (Int64, Hash) -> ChangeSet?
    ) throws(WireError) -> ChangeSet {
        if message.ownHash.isEmpty { return try ChangeSet(wire: message.changeSet) }
        guard let hash = Hash(bytes: message.ownHash), !message.hasChangeSet,
            let changeSet = own(message.number, hash)
        else { throw notHeld }
        return changeSet
    }

    package var wire: Ting_V1_Entry {
        var message = acceptance
        message.changeSet = changeSet.wire
        return message
    }

    /// The same with its change set in columns.
    package var terseWire: Ting_V1_Entry {
        var message = acceptance
        message.changeSet = changeSet.terseWire
        return message
    }

    /// For a replica that reads terse answers: its own change sets are left out.
    package func terseWire(to replica: ReplicaID) -> Ting_V1_Entry {
        guard self.replica == replica else { return terseWire }
        var message = acceptance
        message.ownHash = Data(changeSet.hash.bytes)
        return message
    }

    private var acceptance: Ting_V1_Entry {
        var message = Ting_V1_Entry()
        message.version = version
        message.author = author.description
        message.replica = replica.description
        message.number = number
        message.accepted = accepted
        message.shift = shift
        message.merged = effects != nil
        message.effects = effects?.map(\.wire) ?? []
        message.receipt = Data(receipt)
        return message
    }
}

extension Effect {
    fileprivate init(wire message: Ting_V1_Effect) throws(WireError) {
        guard let state = Wire.word(message.state, as: State.self) else {
            throw WireError("effects.state", "unknown")
        }
        try Wire.check(name: message.collection, "effects.collection")
        var values: [FieldValue] = []
        for pair in message.values {
            try Wire.check(name: pair.field, "effects.values.field")
            if let last = values.last, !last.field.utf8.lexicographicallyPrecedes(pair.field.utf8) {
                throw WireError("effects.values", "not in order, or one twice")
            }
            values.append(
                FieldValue(pair.field, pair.hasValue ? Value(wire: pair.value) : .null))
        }
        self.init(
            message.collection, try Wire.id(message.record, "effects.record"), state, values)
    }

    fileprivate var wire: Ting_V1_Effect {
        var message = Ting_V1_Effect()
        message.collection = collection
        message.record = record.description
        message.state = state.rawValue
        message.values = values.map { pair in
            var value = Ting_V1_FieldValue()
            value.field = pair.field
            if !pair.value.isNull { value.value = pair.value.wire }
            return value
        }
        return message
    }
}
