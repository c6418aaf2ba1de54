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
        var encoder = CBOREncoder(capacity: 64 + effects.count * 512)
        encoder.encodeArray(count: effects.count)
        encoder.encodeEach(effects.count, seed: seed) { position, commitments, encoder in
            effects[position].encode(into: &encoder) { field, value, encoder in
                encoder.encode(bytes: commitments.of(value, position, field, .effect))
            }
        }
        return encoder.bytes
    }

    enum Form { case committed, plain }

    /// `storedBytes` and `hash`, made together: each core goes through its operations once.
    package var storedForm: (bytes: [UInt8], hash: Hash) {
        var plain = head(of: .plain)
        var committed = head(of: .committed)
        operations.withUnsafeBufferPointer { operations in
            nonisolated(unsafe) let operations = operations
            let pieces = CBOREncoder.pieces(of: operations.count) { positions in
                var commitments = Commitments(seed: seed)
                return [Form.plain, .committed].map { form in
                    var encoder = CBOREncoder(capacity: positions.count * 512)
                    for position in positions {
                        operations[position].encode(
                            at: position, time, form, &commitments, into: &encoder)
                    }
                    return encoder.bytes
                }
            }
            for piece in pieces {
                plain.append(raw: piece[0])
                committed.append(raw: piece[1])
            }
        }
        return (plain.bytes, committed.hash)
    }

    // Keys stand written out in the order of a map: closures and sorting took half of the time of
    // sealing and of integrating. Operations are borrowed: cores that count references to the same
    // objects wait for one another.
    private func encoded(values form: Form) -> [UInt8] {
        var encoder = head(of: form)
        operations.withUnsafeBufferPointer { operations in
            nonisolated(unsafe) let operations = operations
            encoder.encodeEach(operations.count, seed: seed) { position, commitments, encoder in
                operations[position].encode(
                    at: position, time, form, &commitments, into: &encoder)
            }
        }
        return encoder.bytes
    }

    /// Everything up to the first operation.
    private func head(of form: Form) -> CBOREncoder {
        var encoder = CBOREncoder(capacity: 256 + operations.count * 512)
        encoder.encodeMapHead(
            count: 5 + [!seen.isEmpty, !message.isEmpty, form == .plain].count { $0 })
        encoder.encode("id")
        encoder.encode(bytes: id)
        encoder.encode("base")
        encoder.encode(base)
        if form == .plain {
            encoder.encode("seed")
            encoder.encode(bytes: seed)
        }
        if !seen.isEmpty {
            encoder.encode("seen")
            encoder.encodeArray(count: seen.count)
            for hash in seen { encoder.encode(bytes: hash) }
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
        return encoder
    }
}

extension Operation {
    /// Writes the operation: its values as they are, or their commitments.
    fileprivate func encode(
        at position: Int, _ standardTime: Int64, _ form: ChangeSet.Form,
        _ commitments: inout Commitments, into encoder: inout CBOREncoder
    ) {
        let hasTime = time != standardTime
        encoder.encodeMapHead(
            count: 3 + (base == nil ? 0 : 1) + (hasTime ? 1 : 0) + (fields.isEmpty ? 0 : 1))
        if let base {
            encoder.encode("base")
            encoder.encode(base)
        }
        encoder.encode("kind")
        encoder.encode(kind.rawValue)
        if hasTime {
            encoder.encode("time")
            encoder.encode(time)
        }
        if !fields.isEmpty {
            encoder.encode("fields")
            encoder.encodeMapHead(count: fields.count)
            fields.withUnsafeBufferPointer { fields in
                forEachInMapOrder(fields) { at in
                    encoder.encode(fields[at].field)
                    fields[at].encode(at: position, time, form, &commitments, into: &encoder)
                }
            }
        }
        encoder.encode("record")
        encoder.encode(bytes: record)
        encoder.encode("collection")
        encoder.encode(collection)
    }
}

extension FieldEdit {
    fileprivate func encode(
        at position: Int, _ standardTime: Int64, _ form: ChangeSet.Form,
        _ commitments: inout Commitments, into encoder: inout CBOREncoder
    ) {
        let (hasTime, hasAfter, hasBefore) = (time != standardTime, !after.isNull, !before.isNull)
        encoder.encodeMapHead(
            count: (base == nil ? 0 : 1) + (hasTime ? 1 : 0) + (hasAfter ? 1 : 0)
                + (hasBefore ? 1 : 0))
        if let base {
            encoder.encode("base")
            encoder.encode(base)
        }
        if hasTime {
            encoder.encode("time")
            encoder.encode(time)
        }
        if hasAfter {
            encoder.encode("after")
            encode(after, at: position, .after, form, &commitments, into: &encoder)
        }
        if hasBefore {
            encoder.encode("before")
            encode(before, at: position, .before, form, &commitments, into: &encoder)
        }
    }

    private func encode(
        _ value: Value, at position: Int, _ place: Commitments.Place, _ form: ChangeSet.Form,
        _ commitments: inout Commitments, into encoder: inout CBOREncoder
    ) {
        switch form {
        case .committed: encoder.encode(bytes: commitments.of(value, position, field, place))
        case .plain: encoder.encode(value)
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
        encoder.encode(bytes: record)
        if !values.isEmpty {
            encoder.encode("values")
            encoder.encodeMapHead(count: values.count)
            values.withUnsafeBufferPointer { values in
                forEachInMapOrder(values) { at in
                    encoder.encode(values[at].field)
                    if values[at].value.isNull {
                        encoder.encodeNull()
                    } else {
                        encodeValue(values[at].field, values[at].value, &encoder)
                    }
                }
            }
        }
        encoder.encode("collection")
        encoder.encode(collection)
    }

    /// Effects with their values, as they are stored.
    public static func storedBytes(_ effects: [Effect]) -> [UInt8] {
        var encoder = CBOREncoder(capacity: 64 + effects.count * 256)
        encoder.encodeArray(count: effects.count)
        for effect in effects { effect.encode(into: &encoder) { $2.encode($1) } }
        return encoder.bytes
    }
}

/// What stands for the values of one change set in hashed bytes.
///
/// Two hashes for each value are most of what integrating computes: all are made in one buffer.
struct Commitments {
    enum Place: String { case before, after, effect }

    private let seed: [UInt8]
    private var scratch = CBOREncoder(capacity: 1_024)

    init(seed: [UInt8]) { self.seed = seed }

    /// SHA-256(salt ‖ canonical bytes of the value). The salt is the first 16 bytes of
    /// SHA-256(seed ‖ CBOR [position of the operation or effect, field, place]).
    mutating func of(_ value: Value, _ position: Int, _ field: String, _ place: Place) -> Hash {
        let size = 64 + seed.count + field.utf8.count + value.sizeBound
        guard size > Self.stackBytes else {
            return withUnsafeTemporaryAllocation(byteCount: Self.stackBytes, alignment: 8) {
                var writer = StackWriter($0)
                writer.append(seed)
                writer.head(4, 3)
                writer.encode(.integer(Int64(position)))
                writer.encode(field)
                writer.encode(place.rawValue)
                let salt = writer.hash
                writer.removeAll()
                writer.append(salt)
                writer.encode(value)
                return writer.hash
            }
        }
        scratch.removeAll()
        scratch.append(raw: seed)
        scratch.encodeArray(count: 3)
        scratch.encode(Int64(position))
        scratch.encode(field)
        scratch.encode(place.rawValue)
        let salt = scratch.hash
        scratch.removeAll()
        salt.withBytes { scratch.append(raw: $0.prefix(16)) }
        scratch.encode(value)
        return scratch.hash
    }

    private static let stackBytes = 1_024
}

extension Value {
    /// At least as many bytes as its canonical form has.
    fileprivate var sizeBound: Int {
        switch self {
        case .null, .integer: 9
        case .text(let text): 9 + text.utf8.count
        case .set(let elements): elements.reduce(9) { $0 + 9 + $1.utf8.count }
        }
    }
}

/// Writes CBOR where the caller has seen to the room, as `CBOREncoder` would: an array that may grow
/// costs more than a short value's bytes.
private struct StackWriter {
    private let buffer: UnsafeMutableRawBufferPointer
    private var count = 0

    init(_ buffer: UnsafeMutableRawBufferPointer) { self.buffer = buffer }

    var hash: Hash { Hash(of: UnsafeRawBufferPointer(rebasing: buffer[..<count])) }

    mutating func removeAll() { count = 0 }

    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// The first half of a hash.
    mutating func append(_ hash: Hash) {
        hash.withBytes { append(UnsafeRawBufferPointer(rebasing: $0[..<16])) }
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: buffer[count..<count + bytes.count])
            .copyMemory(from: bytes)
        count += bytes.count
    }

    mutating func encode(_ text: String) {
        head(3, UInt64(text.utf8.count))
        let isDone: Void? = text.utf8.withContiguousStorageIfAvailable {
            append(UnsafeRawBufferPointer($0))
        }
        if isDone == nil { append(Array(text.utf8)) }
    }

    mutating func encode(_ value: Value) {
        switch value {
        case .null: put(0xf6)
        case .integer(let integer):
            integer >= 0 ? head(0, UInt64(integer)) : head(1, UInt64(-1 - integer))
        case .text(let text): encode(text)
        case .set(let elements):
            head(4, UInt64(elements.count))
            for element in elements { encode(element) }
        }
    }

    mutating func head(_ major: UInt8, _ argument: UInt64) {
        let type = major << 5
        let bytes =
            argument < 24
            ? 0
            : argument < 0x100
                ? 1
                : argument < 0x1_0000
                    ? 2
                    : argument < 0x1_0000_0000 ? 4 : 8
        guard bytes > 0 else { return put(type | UInt8(argument)) }
        put(type | UInt8(24 + bytes.trailingZeroBitCount))
        for shift in stride(from: (bytes - 1) * 8, through: 0, by: -8) {
            put(UInt8(truncatingIfNeeded: argument >> UInt64(shift)))
        }
    }

    private mutating func put(_ byte: UInt8) {
        buffer[count] = byte
        count += 1
    }
}

extension CBOREncoder {
    /// Operations or effects that one core encodes at a time.
    private static let piece = 64

    /// Writes what `encode` does for 0 to `count - 1`, in this order: many of them on all cores.
    fileprivate mutating func encodeEach(
        _ count: Int, seed: [UInt8],
        _ encode: @Sendable (Int, inout Commitments, inout CBOREncoder) -> Void
    ) {
        guard count > Self.piece else {
            var commitments = Commitments(seed: seed)
            for position in 0..<count { encode(position, &commitments, &self) }
            return
        }
        let encoded = Self.pieces(of: count) { positions in
            var encoder = CBOREncoder(capacity: positions.count * 512)
            var commitments = Commitments(seed: seed)
            for position in positions { encode(position, &commitments, &encoder) }
            return encoder.bytes
        }
        for bytes in encoded { append(raw: bytes) }
    }

    /// What `encode` gives for each piece of 0 to `count - 1`, in this order: many on all cores.
    fileprivate static func pieces<Result: Sendable>(
        of count: Int, _ encode: @Sendable (Range<Int>) -> Result
    ) -> [Result] {
        guard count > piece else { return [encode(0..<count)] }
        return Cores.map((count + piece - 1) / piece) { at in
            encode(at * piece..<min(at * piece + piece, count))
        }
    }

    mutating func encode(_ base: Base) {
        encodeArray(count: 2)
        encode(bytes: base.epoch)
        encode(base.version)
    }
}
