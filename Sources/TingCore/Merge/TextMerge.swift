// SPDX-License-Identifier: Apache-2.0

/// Merges two texts that go on from a third: by line, and where lines overlap, by word.
///
/// Pure and total. Insertions at one place are both kept, the one in place first, equal lines
/// once. Where words overlap, `later` says whose stay. `Protocol/spec/merge.md#text`.
public struct TextMerge: Equatable, Sendable {
    public enum Side: Sendable { case current, incoming }

    public let text: String
    /// Whether words overlapped, so that one side's are missing from `text`.
    public let overlaps: Bool

    public init(base: String, current: String, incoming: String, later: Side) {
        if base == current || current == incoming {
            (text, overlaps) = (incoming, false)
            return
        }
        if base == incoming {
            (text, overlaps) = (current, false)
            return
        }
        var overlap = false
        let lines = Self.merge(
            base.lines, current.lines, incoming.lines, limit: Limits.mergeLineLimit
        ) { base, current, incoming in
            if base.isEmpty { return current + incoming.filter { !current.contains($0) } }
            let words = Self.merge(
                base.words, current.words, incoming.words, limit: Limits.mergeWordLimit
            ) { base, current, incoming in
                if base.isEmpty { return current + incoming }
                overlap = true
                return later == .current ? current : incoming
            }
            return [words.joined()[...]]
        }
        // Two pieces in NFC may meet in a way that is not.
        text = lines.joined().normalized
        overlaps = overlap
    }

    /// Walks the three sequences; `resolve` decides where both sides changed the same stretch.
    private static func merge(
        _ base: [Substring], _ current: [Substring], _ incoming: [Substring], limit: Int,
        resolve: ([Substring], [Substring], [Substring]) -> [Substring]
    ) -> [Substring] {
        guard max(base.count, current.count, incoming.count) <= limit else {
            return resolve(base.isEmpty ? [""] : base, current, incoming)
        }
        let ours = matches(base, current)
        let theirs = matches(base, incoming)
        var merged: [Substring] = []
        var (b, c, i) = (0, 0, 0)
        while true {
            let next = (b..<base.count).first { ours[$0] != nil && theirs[$0] != nil }
            let ends = (
                next ?? base.count, next.flatMap { ours[$0] } ?? current.count,
                next.flatMap { theirs[$0] } ?? incoming.count
            )
            let chunk = (
                Array(base[b..<ends.0]), Array(current[c..<ends.1]), Array(incoming[i..<ends.2])
            )
            if chunk.0 == chunk.1 || chunk.1 == chunk.2 {
                merged += chunk.2
            } else if chunk.0 == chunk.2 {
                merged += chunk.1
            } else {
                merged += resolve(chunk.0, chunk.1, chunk.2)
            }
            guard let next else { return merged }
            merged.append(base[next])
            (b, c, i) = (next + 1, ends.1 + 1, ends.2 + 1)
        }
    }

    /// For each element of `base` its partner in `other`, by the shortest edit script (Myers 1986).
    private static func matches(_ base: [Substring], _ other: [Substring]) -> [Int?] {
        let difference = other.difference(from: base)
        var removed = Set<Int>()
        var inserted = Set<Int>()
        for change in difference {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var at = 0
        return base.indices.map { index in
            if removed.contains(index) { return nil }
            while inserted.contains(at) { at += 1 }
            defer { at += 1 }
            return at
        }
    }
}

extension String {
    /// Lines, each with its line break.
    fileprivate var lines: [Substring] {
        var lines: [Substring] = []
        var start = startIndex
        for index in unicodeScalars.indices where unicodeScalars[index] == "\n" {
            let next = unicodeScalars.index(after: index)
            lines.append(self[start..<next])
            start = next
        }
        if start < endIndex { lines.append(self[start...]) }
        return lines
    }
}

extension [Substring] {
    /// Words: runs of letters and digits; every other scalar, and each CJK character, is its own.
    fileprivate var words: [Substring] {
        flatMap { line in
            var words: [Substring] = []
            var start: String.Index?
            let scalars = line.unicodeScalars
            for index in scalars.indices {
                if scalars[index].continuesWord {
                    start = start ?? index
                    continue
                }
                if let first = start { words.append(line[first..<index]) }
                start = nil
                words.append(line[index..<scalars.index(after: index)])
            }
            if let first = start { words.append(line[first...]) }
            return words
        }
    }
}

extension Unicode.Scalar {
    fileprivate var continuesWord: Bool {
        if value < 0x80 { return properties.isAlphabetic || properties.numericType != nil }
        if (0x2e80...0x9fff).contains(value) || (0xf900...0xfaff).contains(value)
            || value >= 0x20000
        {
            return false
        }
        return properties.isAlphabetic || properties.numericType != nil
            || properties.canonicalCombiningClass != .notReordered
    }
}
