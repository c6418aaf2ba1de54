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
        encoder.encode(bytes: record.bytes)
        encoder.encode(map: values)
        return encoder.bytes
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

    private mutating func combine(
        _ content: RecordContent,
        _ apply: (UInt64, UInt64) -> (partialValue: UInt64, overflow: Bool)
    ) {
        let hash = Hash(of: content.canonicalBytes).bytes
        let start = Self.bucket(of: content.record) * 4
        var carry = false
        for word in 0..<4 {
            var operand: UInt64 = 0
            for byte in 0..<8 { operand = operand << 8 | UInt64(hash[(3 - word) * 8 + byte]) }
            var (sum, overflow) = apply(words[start + word], operand)
            if carry {
                let (next, second) = apply(sum, 1)
                sum = next
                overflow = overflow || second
            }
            words[start + word] = sum
            carry = overflow
        }
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
        encoder.encode(bytes: previous.bytes)
        encoder.encode(bytes: changeSet.bytes)
        encoder.encode(bytes: effects.bytes)
        encoder.encode(bytes: author.bytes)
        encoder.encode(accepted)
        return Hash(of: encoder.bytes)
    }
}

/// The server's proof that it accepted an entry in its epoch.
public enum Receipt {
    /// HMAC-SHA-256 over CBOR [epoch, version, author, replica, number, id, hash, acceptance, clock
    /// shift].
    public static func make(for entry: Entry, epoch: Epoch, key: [UInt8]) -> [UInt8] {
        var encoder = CBOREncoder()
        encoder.encodeArray(count: 9)
        encoder.encode(bytes: epoch.bytes)
        encoder.encode(entry.version)
        encoder.encode(bytes: entry.author.bytes)
        encoder.encode(bytes: entry.replica.bytes)
        encoder.encode(entry.number)
        encoder.encode(bytes: entry.changeSet.id.bytes)
        encoder.encode(bytes: entry.changeSet.hash.bytes)
        encoder.encode(entry.accepted)
        encoder.encode(entry.shift)
        return authenticationCode(encoder.bytes, key: key)
    }
}
