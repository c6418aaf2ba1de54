// SPDX-License-Identifier: Apache-2.0

/// The values of one live record, as the state digest sees them: fields unlike their default.
public struct RecordContent: Equatable, Sendable {
    public var collection: String
    public var record: RecordID
    /// Fields by name; those that hold their default are left out.
    public var values: [String: Value]

    public init(_ collection: String, _ record: RecordID, _ values: [String: Value]) {
        self.collection = collection
        self.record = record
        self.values = values
    }

    /// The bytes that are hashed and summed: `Protocol/spec/model.md#state-digest`.
    public var canonicalBytes: [UInt8] {
        var encoder = CBOREncoder()
        encoder.encodeArray(count: 3)
        encoder.encode(collection)
        encoder.encode(bytes: record)
        encoder.encode(map: values)
        return encoder.bytes
    }
}

/// Hashes the canonical bytes of records whose values stand in the order of their collection's
/// fields, all in one buffer.
package struct RowHasher {
    private var encoder = CBOREncoder(capacity: 2_048)

    package init() {}

    /// The hash of `RecordContent.canonicalBytes` of the same record.
    /// - Parameter row: A value for each field; a default may stand as itself or as null.
    package mutating func hash(
        _ collection: CollectionSchema, _ record: RecordID, _ row: [Value]
    ) -> Hash {
        encoder.removeAll()
        encoder.encodeArray(count: 3)
        encoder.encode(collection.name)
        encoder.encode(bytes: record)
        let order = collection.mapOrder.filter {
            !row[$0].isNull && row[$0] != collection.fields[$0].standard
        }
        encoder.encodeMapHead(count: order.count)
        for position in order {
            encoder.encode(collection.fields[position].name)
            encoder.encode(row[position])
        }
        return encoder.hash
    }
}

/// A hash over all live records, whatever their order: 256 sums of hashes, by the last byte of the id.
public struct StateDigest: Equatable, Sendable {
    public static let bucketCount = 256

    /// Sums modulo 2²⁵⁶ of record hashes, each four words, least significant first.
    private var words: [UInt64]

    public init() { words = [UInt64](repeating: 0, count: Self.bucketCount * 4) }

    /// The bucket that counts the record: the last byte of its id.
    public static func bucket(of record: RecordID) -> Int { Int(record.low & 0xff) }

    public mutating func add(_ content: RecordContent) {
        combine(content) { $0.addingReportingOverflow($1) }
    }

    public mutating func remove(_ content: RecordContent) {
        combine(content) { $0.subtractingReportingOverflow($1) }
    }

    /// Adds a record by the hash of its canonical bytes: `RowHasher`.
    package mutating func add(_ hash: Hash, of record: RecordID) {
        combine(hash, of: record) { $0.addingReportingOverflow($1) }
    }

    package mutating func remove(_ hash: Hash, of record: RecordID) {
        combine(hash, of: record) { $0.subtractingReportingOverflow($1) }
    }

    private mutating func combine(
        _ content: RecordContent,
        _ apply: (UInt64, UInt64) -> (partialValue: UInt64, overflow: Bool)
    ) {
        combine(Hash(of: content.canonicalBytes), of: content.record, apply)
    }

    private mutating func combine(
        _ hash: Hash, of record: RecordID,
        _ apply: (UInt64, UInt64) -> (partialValue: UInt64, overflow: Bool)
    ) {
        let start = Self.bucket(of: record) * 4
        let operands = (hash.fourth, hash.third, hash.second, hash.first)
        var carry = false
        func take(_ word: Int, _ operand: UInt64) {
            var (sum, overflow) = apply(words[start + word], operand)
            if carry {
                let (next, second) = apply(sum, 1)
                sum = next
                overflow = overflow || second
            }
            words[start + word] = sum
            carry = overflow
        }
        take(0, operands.0)
        take(1, operands.1)
        take(2, operands.2)
        take(3, operands.3)
    }

    /// One bucket's sum: 32 bytes, big-endian.
    public func sum(of bucket: Int) -> [UInt8] {
        (0..<4).reversed().flatMap { word in
            let value = words[bucket * 4 + word]
            return stride(from: 56, through: 0, by: -8).map {
                UInt8(truncatingIfNeeded: value >> $0)
            }
        }
    }

    /// The buckets whose sums are others in `other`, ascending.
    public func differingBuckets(from other: StateDigest) -> [Int] {
        (0..<Self.bucketCount).filter { sum(of: $0) != other.sum(of: $0) }
    }

    /// Puts back a sum that `sum(of:)` gave. Anything but 32 bytes is ignored and reported `false`.
    @discardableResult
    public mutating func set(_ bucket: Int, to sum: some Collection<UInt8>) -> Bool {
        guard sum.count == 32 else { return false }
        let bytes = Array(sum)
        for word in 0..<4 {
            words[bucket * 4 + word] = (0..<8).reduce(0) {
                $0 << 8 | UInt64(bytes[(3 - word) * 8 + $1])
            }
        }
        return true
    }

    /// The 256 sums in order, 32 bytes each.
    public var sums: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.bucketCount * 32)
        for bucket in 0..<Self.bucketCount {
            for word in (0..<4).reversed() {
                withUnsafeBytes(of: words[bucket * 4 + word].bigEndian) {
                    bytes.append(contentsOf: $0)
                }
            }
        }
        return bytes
    }

    /// Takes what `sums` gave; `nil` for anything but 8,192 bytes.
    public init?(sums: [UInt8]) {
        guard sums.count == Self.bucketCount * 32 else { return nil }
        self.init()
        for bucket in 0..<Self.bucketCount {
            set(bucket, to: sums[bucket * 32..<bucket * 32 + 32])
        }
    }

    /// SHA-256 over the 256 sums in order.
    public var hash: Hash { Hash(of: sums) }
}

/// The chain over all accepted change sets.
public enum HistoryDigest {
    /// The digest after an entry: SHA-256 of CBOR [digest before, change set, effects, author, time].
    public static func next(after previous: Hash, _ entry: Entry) -> Hash {
        next(
            after: previous, changeSet: entry.changeSet.hash,
            effects: entry.changeSet.effectsHash(entry.allEffects), author: entry.author,
            accepted: entry.accepted)
    }

    public static func next(
        after previous: Hash, changeSet: Hash, effects: Hash, author: MemberID, accepted: Int64
    ) -> Hash {
        var encoder = CBOREncoder()
        encoder.encodeArray(count: 5)
        encoder.encode(bytes: previous)
        encoder.encode(bytes: changeSet)
        encoder.encode(bytes: effects)
        encoder.encode(bytes: author)
        encoder.encode(accepted)
        return Hash(of: encoder.bytes)
    }
}

/// The server's proof that it accepted an entry in its epoch.
public enum Receipt {
    /// HMAC-SHA-256 over CBOR [epoch, version, author, replica, number, id, hash, acceptance, clock
    /// shift].
    /// - Parameter hash: The change set's, for whoever has it at hand.
    public static func make(
        for entry: Entry, hash: Hash? = nil, epoch: Epoch, key: [UInt8]
    ) -> [UInt8] {
        var encoder = CBOREncoder()
        encoder.encodeArray(count: 9)
        encoder.encode(bytes: epoch)
        encoder.encode(entry.version)
        encoder.encode(bytes: entry.author)
        encoder.encode(bytes: entry.replica)
        encoder.encode(entry.number)
        encoder.encode(bytes: entry.changeSet.id)
        encoder.encode(bytes: hash ?? entry.changeSet.hash)
        encoder.encode(entry.accepted)
        encoder.encode(entry.shift)
        return authenticationCode(encoder.bytes, key: key)
    }
}
