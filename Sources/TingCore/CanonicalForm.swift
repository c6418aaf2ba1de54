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
                encoder.encode(
                    bytes: Commitment.of(value, seed, position, field, .effect).bytes)
            }
        }
        return encoder.bytes
    }

    enum Form { case committed, plain }

    private func encoded(values form: Form) -> [UInt8] {
        var encoder = CBOREncoder()
        var entries: [(key: String, encode: (inout CBOREncoder) -> Void)] = [
            ("id", { [id] in $0.encode(bytes: id.bytes) }),
            ("base", { [base] in $0.encode(base) }),
            ("time", { [time] in $0.encode(time) }),
            ("schema", { [schema] in $0.encode(Int64(schema)) }),
            (
                "operations",
                { [self] encoder in
                    encoder.encodeArray(count: operations.count)
                    for position in operations.indices {
                        encode(position, form, into: &encoder)
                    }
                }
            ),
        ]
        if !seen.isEmpty {
            entries.append(
                (
                    "seen",
                    { [seen] encoder in
                        encoder.encodeArray(count: seen.count)
                        for hash in seen { encoder.encode(bytes: hash.bytes) }
                    }
                ))
        }
        if !message.isEmpty { entries.append(("message", { [message] in $0.encode(message) })) }
        if form == .plain { entries.append(("seed", { [seed] in $0.encode(bytes: seed) })) }
        encoder.encodeMap(entries)
        return encoder.bytes
    }

    private func encode(_ position: Int, _ form: Form, into encoder: inout CBOREncoder) {
        let operation = operations[position]
        var entries: [(key: String, encode: (inout CBOREncoder) -> Void)] = [
            ("kind", { $0.encode(operation.kind.rawValue) }),
            ("collection", { $0.encode(operation.collection) }),
            ("record", { $0.encode(bytes: operation.record.bytes) }),
        ]
        if let base = operation.base { entries.append(("base", { $0.encode(base) })) }
        if operation.time != time { entries.append(("time", { $0.encode(operation.time) })) }
        if !operation.fields.isEmpty {
            entries.append(
                (
                    "fields",
                    { [seed] encoder in
                        encoder.encodeMap(
                            operation.fields.map { edit in
                                (
                                    edit.field,
                                    {
                                        edit.encode(
                                            in: operation, seed: form == .plain ? nil : seed,
                                            position, into: &$0)
                                    }
                                )
                            })
                    }
                ))
        }
        encoder.encodeMap(entries)
    }
}

extension FieldEdit {
    /// Writes the edit: its values as they are, or with a seed their commitments.
    fileprivate func encode(
        in operation: Operation, seed: [UInt8]?, _ position: Int, into encoder: inout CBOREncoder
    ) {
        var entries: [(key: String, encode: (inout CBOREncoder) -> Void)] = []
        for (key, value, place) in [
            ("before", before, Commitment.Place.before), ("after", after, .after),
        ] where !value.isNull {
            entries.append(
                (
                    key,
                    { [field] encoder in
                        guard let seed else { return encoder.encode(value) }
                        encoder.encode(
                            bytes: Commitment.of(value, seed, position, field, place).bytes)
                    }
                ))
        }
        if let base { entries.append(("base", { $0.encode(base) })) }
        if time != operation.time { entries.append(("time", { [time] in $0.encode(time) })) }
        encoder.encodeMap(entries)
    }
}

extension Effect {
    fileprivate func encode(
        into encoder: inout CBOREncoder,
        value encodeValue: (_ field: String, Value, inout CBOREncoder) -> Void
    ) {
        withoutActuallyEscaping(encodeValue) { encodeValue in
            var entries: [(key: String, encode: (inout CBOREncoder) -> Void)] = [
                ("state", { $0.encode(state.rawValue) }),
                ("collection", { $0.encode(collection) }),
                ("record", { $0.encode(bytes: record.bytes) }),
            ]
            if !values.isEmpty {
                entries.append(
                    (
                        "values",
                        { encoder in
                            encoder.encodeMap(
                                values.map { pair in
                                    (
                                        pair.field,
                                        {
                                            pair.value.isNull
                                                ? $0.encodeNull()
                                                : encodeValue(pair.field, pair.value, &$0)
                                        }
                                    )
                                })
                        }
                    ))
            }
            encoder.encodeMap(entries)
        }
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
        var path = CBOREncoder()
        path.encodeArray(count: 3)
        path.encode(Int64(position))
        path.encode(field)
        path.encode(place.rawValue)
        let salt = Hash(of: seed + path.bytes).bytes.prefix(16)
        return Hash(of: salt + value.canonicalBytes)
    }
}

extension CBOREncoder {
    mutating func encode(_ base: Base) {
        encodeArray(count: 2)
        encode(bytes: base.epoch.bytes)
        encode(base.version)
    }
}
