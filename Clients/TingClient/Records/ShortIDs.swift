// SPDX-License-Identifier: Apache-2.0

public import TingCore

/// The shortest unambiguous ending of each id. The beginnings are times, and alike.
public struct ShortIDs: Sendable {
    /// The bytes of the ids written backwards, ascending.
    private let reversed: [[UInt8]]
    private let leastLength: Int

    /// - Parameter leastLength: Of every short id: more where not all ids are given.
    public init(_ ids: [String], leastLength: Int = Limits.shortIDLength) {
        self.leastLength = leastLength
        reversed = ids.map(Self.backwards).sorted { $0.lexicographicallyPrecedes($1) }
    }

    private static func backwards(_ id: String) -> [UInt8] {
        var bytes = Array(id.utf8)
        bytes.reverse()
        return bytes
    }

    /// So many characters that, among so many ids, one of a million endings is that of another id too.
    public static func length(among count: Int64) -> Int {
        var length = 0
        var rest = max(count, 1) - 1
        while rest > 0 { (rest, length) = (rest >> 4, length + 1) }
        // The last twelve characters are random; 16⁵ is a million.
        return min(length + 5, 12)
    }

    /// The shortest ending of `id` that no other id has.
    public func short(_ id: String) -> String {
        let backwards = Self.backwards(id)
        var low = 0
        var high = reversed.count
        while low < high {
            let middle = (low + high) / 2
            if reversed[middle].lexicographicallyPrecedes(backwards) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        var shared = 0
        for neighbour in [low - 1, low, low + 1] where reversed.indices.contains(neighbour) {
            guard reversed[neighbour] != backwards else { continue }
            let least = min(backwards.count, reversed[neighbour].count)
            var same = 0
            while same < least, backwards[same] == reversed[neighbour][same] { same += 1 }
            shared = max(shared, same)
        }
        var length = max(leastLength, shared + 1)
        // A hyphen as first character would look like an option.
        if id.suffix(length).hasPrefix("-") { length += 1 }
        return String(id.suffix(length))
    }
}
