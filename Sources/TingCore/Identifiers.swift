// SPDX-License-Identifier: Apache-2.0

/// A 128-bit identifier, written as a lower-case UUID (RFC 9562).
///
/// The type parameter keeps the kinds of ids apart; it carries no data.
public struct ID<Kind>: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The first and the last eight bytes, big-endian.
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads exactly the canonical form: 36 characters, lower-case, hyphens in place.
    public init?(_ text: some StringProtocol) {
        guard let (high, low) = UUIDText.parse(text.utf8) else { return nil }
        self.init(high: high, low: low)
    }

    /// The same, of a text that lies in memory as it is.
    public init?(_ text: String) {
        var text = text
        guard let (high, low) = text.withUTF8({ UUIDText.parse($0) }) else { return nil }
        self.init(high: high, low: low)
    }

    /// Reads the canonical form from its bytes.
    package init?(text: UnsafeBufferPointer<UInt8>) {
        guard let (high, low) = UUIDText.parse(text) else { return nil }
        self.init(high: high, low: low)
    }

    /// Takes 16 bytes, big-endian.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        self.init(
            high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
            low: bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// Takes 16 bytes in memory.
    package init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 16 else { return nil }
        self.init(
            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }

    /// An id of version 4: 122 random bits.
    public static func random(using generator: inout some RandomNumberGenerator) -> Self {
        .init(version: 4, high: generator.next(), low: generator.next())
    }

    /// An id of version 7: milliseconds since 1970 first, then 74 random bits.
    public static func timeOrdered(
        milliseconds: Int64, using generator: inout some RandomNumberGenerator
    ) -> Self {
        let random: UInt64 = generator.next()
        let time = UInt64(bitPattern: milliseconds) & 0xffff_ffff_ffff
        return .init(version: 7, high: time << 16 | random & 0xfff, low: generator.next())
    }

    /// An id of version 8, from the first 16 bytes of SHA-256 over `name`: the same name, the same id.
    public static func named(_ name: some Sequence<UInt8>) -> Self {
        let bytes = Hash(of: Array(name)).bytes
        let pair = bytes.withUnsafeBytes { raw in
            (
                raw.loadUnaligned(as: UInt64.self).bigEndian,
                raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self).bigEndian
            )
        }
        return .init(version: 8, high: pair.0, low: pair.1)
    }

    private init(version: UInt64, high: UInt64, low: UInt64) {
        self.init(
            high: high & ~0xf000 | version << 12,
            low: low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000)
    }

    public var bytes: [UInt8] { withBytes { Array($0) } }

    /// Lends the 16 bytes.
    package func withBytes<T>(_ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
        try withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { try body($0) }
    }

    public var description: String { UUIDText.format(high: high, low: low) }

    /// Lends the 36 bytes of `description`, without making a string.
    package func withText<T>(_ body: (UnsafeBufferPointer<UInt8>) throws -> T) rethrows -> T {
        try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 36) { buffer in
            UUIDText.write(high: high, low: low, into: buffer)
            return try body(UnsafeBufferPointer(buffer))
        }
    }

    public static func < (a: Self, b: Self) -> Bool {
        (a.high, a.low) < (b.high, b.low)
    }
}

public typealias RecordID = ID<RecordKind>
public typealias ChangeSetID = ID<ChangeSetKind>
public typealias ReplicaID = ID<ReplicaKind>
public typealias MemberID = ID<MemberKind>
public typealias DeviceID = ID<DeviceKind>
public typealias WorkspaceID = ID<WorkspaceKind>
public typealias Epoch = ID<EpochKind>

public enum RecordKind {}
public enum ChangeSetKind {}
public enum ReplicaKind {}
public enum MemberKind {}
public enum DeviceKind {}
public enum WorkspaceKind {}
public enum EpochKind {}

/// The place of an accepted change set in its workspace's history: 1, 2, 3, …; 0 is the empty start.
public typealias Version = Int64

extension Version {
    /// Whether the entry that follows this version is no longer sent: `floor` is the oldest that is.
    public func isBelow(floor: Version) -> Bool { self < floor && self < floor - 1 }
}

/// What an author had seen of the shared history: every version up to `version` of `epoch`.
public struct Base: Hashable, Sendable {
    public var epoch: Epoch
    public var version: Version

    public init(epoch: Epoch, version: Version) {
        self.epoch = epoch
        self.version = version
    }
}

/// The textual form of a UUID.
enum UUIDText {
    static func format(high: UInt64, low: UInt64) -> String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            write(high: high, low: low, into: buffer)
            return 36
        }
    }

    /// Writes 36 bytes.
    static func write(high: UInt64, low: UInt64, into buffer: UnsafeMutableBufferPointer<UInt8>) {
        var at = 0
        for nibble in 0..<32 {
            if nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20 {
                buffer[at] = 0x2d
                at += 1
            }
            let word = nibble < 16 ? high : low
            let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (nibble & 15)) & 15)
            buffer[at] = digit < 10 ? 0x30 + digit : 0x61 - 10 + digit
            at += 1
        }
    }

    static func parse(_ text: some Collection<UInt8>) -> (UInt64, UInt64)? {
        // Whatever holds its bytes in one place is read there.
        text.withContiguousStorageIfAvailable { parse(bytes: $0) } ?? parse(bytes: text)
    }

    private static func parse(bytes text: some Collection<UInt8>) -> (UInt64, UInt64)? {
        guard text.count == 36 else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        var nibbles = 0
        var at = -1
        for byte in text {
            at += 1
            if at == 8 || at == 13 || at == 18 || at == 23 {
                guard byte == 0x2d else { return nil }
                continue
            }
            let digit: UInt64
            switch byte {
            case 0x30...0x39: digit = UInt64(byte - 0x30)
            case 0x61...0x66: digit = UInt64(byte - 0x61 + 10)
            default: return nil
            }
            if nibbles < 16 {
                words.0 = words.0 << 4 | digit
            } else {
                words.1 = words.1 << 4 | digit
            }
            nibbles += 1
        }
        return words
    }
}
