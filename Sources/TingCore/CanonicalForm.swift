// SPDX-License-Identifier: Apache-2.0

/// The bytes that are hashed: `Protocol/spec/model.md#canonical-bytes`.
///
/// In hashed bytes a value stands as its commitment, SHA-256(salt ‖ value). Whoever erases a value
/// drops the seed that makes it guessable; the chain of hashes still verifies.
extension ChangeSet {
    /// The hash that names the content of this change set, wherever it is delivered from.
    public var hash: Hash { Hash(of: encoded(values: .committed)) }

    /// The bytes whose SHA-256 is `hash`.
    public var committedBytes: [UInt8] { encoded(values: .committed) }

    /// The whole change set with its values and its seed, as it is stored.
    public var storedBytes: [UInt8] { encoded(values: .plain) }

    /// The hash over what an acceptance of this change set did.
    public func effectsHash(_ effects: [Effect]) -> Hash {
        Hash(of: committedBytes(of: effects))
    }

    /// The bytes whose SHA-256 is `effectsHash`.
    public func committedBytes(of effects: [Effect]) -> [UInt8] {
        var encoder = CBOREncoder()
        encoder.encodeArray(count: effects.count)
        for (position, effect) in effects.enumerated() {
            effect.encode(into: &encoder) { field, value, encoder in
                encoder.encode(bytes: Commitment.of(value, seed, position, field, .effect).bytes)
            }
        }
        return encoder.bytes
    }

    enum Form { case committed, plain }

    // Keys stand in the order that `CBOREncoder.encodeMap` would give them, written out: closures
    // and sorting took half of the time of sealing and of integrating.
    private func encoded(values form: Form) -> [UInt8] {
        var encoder = CBOREncoder()
        let optional = [!seen.isEmpty, !message.isEmpty, form == .plain]
        encoder.encodeMapHead(count: 5 + optional.count { $0 })
        encoder.encode("id")
        encoder.encode(bytes: id.bytes)
        encoder.encode("base")
        encoder.encode(base)
        if form == .plain {
            encoder.encode("seed")
            encoder.encode(bytes: seed)
        }
        if !seen.isEmpty {
            encoder.encode("seen")
            encoder.encodeArray(count: seen.count)
            for hash in seen { encoder.encode(bytes: hash.bytes) }
        }
        encoder.encode("time")
        encoder.encode(time)
        encoder.encode("schema")
        encoder.encode(Int64(schema))
        if !message.isEmpty {
            encoder.encode("message")
            encoder.encode(message)
        }
        encoder.encode("operations")
        encoder.encodeArray(count: operations.count)
        for position in operations.indices { encode(position, form, into: &encoder) }
        return encoder.bytes
    }

    private func encode(_ position: Int, _ form: Form, into encoder: inout CBOREncoder) {
        let operation = operations[position]
        let optional = [
            operation.base != nil, operation.time != time, !operation.fields.isEmpty,
        ]
        encoder.encodeMapHead(count: 3 + optional.count { $0 })
        if let base = operation.base {
            encoder.encode("base")
            encoder.encode(base)
        }
        encoder.encode("kind")
        encoder.encode(operation.kind.rawValue)
        if operation.time != time {
            encoder.encode("time")
            encoder.encode(operation.time)
        }
        if !operation.fields.isEmpty {
            encoder.encode("fields")
            encoder.encodeMapHead(count: operation.fields.count)
            for edit in operation.fields.inMapOrder(by: \.field) {
                encoder.encode(edit.field)
                edit.encode(
                    in: operation, seed: form == .plain ? nil : seed, position, into: &encoder)
            }
        }
        encoder.encode("record")
        encoder.encode(bytes: operation.record.bytes)
        encoder.encode("collection")
        encoder.encode(operation.collection)
    }
}

extension FieldEdit {
    /// Writes the edit: its values as they are, or with a seed their commitments.
    fileprivate func encode(
        in operation: Operation, seed: [UInt8]?, _ position: Int, into encoder: inout CBOREncoder
    ) {
        let optional = [base != nil, time != operation.time, !after.isNull, !before.isNull]
        encoder.encodeMapHead(count: optional.count { $0 })
        if let base {
            encoder.encode("base")
            encoder.encode(base)
        }
        if time != operation.time {
            encoder.encode("time")
            encoder.encode(time)
        }
        for (key, value, place) in [
            ("after", after, Commitment.Place.after), ("before", before, .before),
        ] where !value.isNull {
            encoder.encode(key)
            if let seed {
                encoder.encode(bytes: Commitment.of(value, seed, position, field, place).bytes)
            } else {
                encoder.encode(value)
            }
        }
    }
}

extension Effect {
    fileprivate func encode(
        into encoder: inout CBOREncoder,
        value encodeValue: (_ field: String, Value, inout CBOREncoder) -> Void
    ) {
        encoder.encodeMapHead(count: values.isEmpty ? 3 : 4)
        encoder.encode("state")
        encoder.encode(state.rawValue)
        encoder.encode("record")
        encoder.encode(bytes: record.bytes)
        if !values.isEmpty {
            encoder.encode("values")
            encoder.encodeMapHead(count: values.count)
            for pair in values.inMapOrder(by: \.field) {
                encoder.encode(pair.field)
                if pair.value.isNull {
                    encoder.encodeNull()
                } else {
                    encodeValue(pair.field, pair.value, &encoder)
                }
            }
        }
        encoder.encode("collection")
        encoder.encode(collection)
    }

    /// Effects with their values, as they are stored.
    public static func storedBytes(_ effects: [Effect]) -> [UInt8] {
        var encoder = CBOREncoder()
        encoder.encodeArray(count: effects.count)
        for effect in effects { effect.encode(into: &encoder) { $2.encode($1) } }
        return encoder.bytes
    }
}

/// What stands for a value in hashed bytes.
enum Commitment {
    enum Place: String { case before, after, effect }

    /// SHA-256(salt ‖ canonical bytes of the value). The salt is the first 16 bytes of
    /// SHA-256(seed ‖ CBOR [position of the operation or effect, field, place]).
    static func of(
        _ value: Value, _ seed: [UInt8], _ position: Int, _ field: String, _ place: Place
    ) -> Hash {
        var salted = CBOREncoder()
        salted.append(raw: seed)
        salted.encodeArray(count: 3)
        salted.encode(Int64(position))
        salted.encode(field)
        salted.encode(place.rawValue)
        let salt = Hash(of: salted.bytes)
        salted.removeAll()
        salted.append(raw: salt.bytes.prefix(16))
        salted.encode(value)
        return Hash(of: salted.bytes)
    }
}

extension CBOREncoder {
    mutating func encode(_ base: Base) {
        encodeArray(count: 2)
        encode(bytes: base.epoch.bytes)
        encode(base.version)
    }
}
