// SPDX-License-Identifier: Apache-2.0

/// Merges two texts that go on from a third: by line, and where lines overlap, by word.
///
/// Pure and total. Insertions at one place are both kept, the one in place first, equal lines
/// once. Where words overlap, `later` says whose stay, and so it does of the whole where both together
/// are longer than a text may be. `Protocol/spec/merge.md#text`.
public struct TextMerge: Equatable, Sendable {
    public enum Side: Sendable { case current, incoming }

    public let text: String
    /// Whether words overlapped, so that one side's are missing from `text`.
    public let overlaps: Bool

    /// - Parameter steps: What aligning may still cost (`Limits.mergeStepLimit`); less of it is left
    ///   afterwards. Where none is, no words are partners but those at equal ends.
    public init(
        base: String, current: String, incoming: String, later: Side, steps: inout Int
    ) {
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
            base.lines, current.lines, incoming.lines, limit: Limits.mergeLineLimit, &steps
        ) { base, current, incoming, steps in
            if base.isEmpty { return Self.inserted(current, incoming) }
            let words = Self.merge(
                base.words, current.words, incoming.words, limit: Limits.mergeWordLimit, &steps
            ) { base, current, incoming, _ in
                if base.isEmpty { return current + incoming }
                overlap = true
                return later == .current ? current : incoming
            }
            return [words.joined()[...]]
        }
        // Two pieces in NFC may meet in a way that is not.
        let merged = lines.joined().normalized
        // A text that grew beyond what anyone may write could never be edited again.
        let isLong = merged.utf8.count > Limits.textByteLimit
        text = isLong ? (later == .current ? current : incoming) : merged
        overlaps = overlap || isLong
    }

    /// Lines that both sides put at one place: the one in place first, equal lines once.
    private static func inserted(_ current: [Substring], _ incoming: [Substring]) -> [Substring] {
        let known = Set(current)
        let new = incoming.filter { !known.contains($0) }
        guard !new.isEmpty, let last = current.last, last.utf8.last != 0x0a else {
            return current + new
        }
        return current + ["\n"] + new
    }

    /// Walks the three sequences; `resolve` decides where both sides changed the same stretch.
    private static func merge(
        _ base: [Substring], _ current: [Substring], _ incoming: [Substring], limit: Int,
        _ steps: inout Int,
        resolve: ([Substring], [Substring], [Substring], inout Int) -> [Substring]
    ) -> [Substring] {
        guard max(base.count, current.count, incoming.count) <= limit else {
            return resolve(base.isEmpty ? [""] : base, current, incoming, &steps)
        }
        let ours = matches(base, current, &steps)
        let theirs = matches(base, incoming, &steps)
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
                merged += resolve(chunk.0, chunk.1, chunk.2, &steps)
            }
            guard let next else { return merged }
            merged.append(base[next])
            (b, c, i) = (next + 1, ends.1 + 1, ends.2 + 1)
        }
    }

    /// For each element of `base` its partner in `other`.
    ///
    /// Equal ends are matched first. Between them elements that occur once on both sides anchor the
    /// match (patience diff, Cohen), and short stretches between anchors are matched by the
    /// shortest edit script (Myers 1986). A long stretch without anchors has no match, nor has
    /// what lies between equal ends once no steps are left: memory and time stay bounded whatever
    /// the texts.
    private static func matches(
        _ base: [Substring], _ other: [Substring], _ steps: inout Int
    ) -> [Int?] {
        var names: [Substring: Int] = [:]
        let (base, other) = (base.named(&names), other.named(&names))
        var partners = [Int?](repeating: nil, count: base.count)
        var waiting = [(base.indices, other.indices)]
        while let (left, right) = waiting.popLast() {
            let (left, right) = matchEnds(base, left, other, right, &partners)
            guard !left.isEmpty, !right.isEmpty, steps > 0 else { continue }
            if left.count + right.count <= Limits.mergeStretchLimit {
                let script = EditScript(base[left], other[right], &steps)
                for (place, partner) in script.kept { partners[place] = partner }
                continue
            }
            steps -= Self.stepsEachLook * (left.count + right.count)
            var (b, o) = (left.lowerBound, right.lowerBound)
            let anchors = anchors(base, left, other, right)
            for (place, partner) in anchors {
                partners[place] = partner
                waiting.append((b..<place, o..<partner))
                (b, o) = (place + 1, partner + 1)
            }
            if !anchors.isEmpty { waiting.append((b..<left.upperBound, o..<right.upperBound)) }
        }
        return partners
    }

    /// Looking an element up among anchors takes as long as so many steps of Myers' algorithm.
    private static let stepsEachLook = 8

    private static func matchEnds(
        _ base: [Int], _ left: Range<Int>, _ other: [Int], _ right: Range<Int>,
        _ partners: inout [Int?]
    ) -> (Range<Int>, Range<Int>) {
        var (left, right) = (left, right)
        while let b = left.first, let o = right.first, base[b] == other[o] {
            partners[b] = o
            (left, right) = (b + 1..<left.upperBound, o + 1..<right.upperBound)
        }
        while let b = left.last, let o = right.last, base[b] == other[o] {
            partners[b] = o
            (left, right) = (left.lowerBound..<b, right.lowerBound..<o)
        }
        return (left, right)
    }

    /// The longest run of elements, each once on both sides, that ascends on both.
    private static func anchors(
        _ base: [Int], _ left: Range<Int>, _ other: [Int], _ right: Range<Int>
    ) -> [(Int, Int)] {
        let (here, there) = (unique(base, left), unique(other, right))
        let pairs = left.compactMap { place in
            here[base[place]] == place ? there[base[place]].map { (place, $0) } : nil
        }
        // Patience sorting: `piles[n]` ends the best run of n + 1 pairs so far.
        var piles: [Int] = []
        var previous = [Int?](repeating: nil, count: pairs.count)
        for (index, pair) in pairs.enumerated() {
            let pile = piles.partitioningIndex { pairs[$0].1 >= pair.1 }
            previous[index] = pile == 0 ? nil : piles[pile - 1]
            if pile == piles.count { piles.append(index) } else { piles[pile] = index }
        }
        var run: [(Int, Int)] = []
        var index = piles.last
        while let at = index {
            run.append(pairs[at])
            index = previous[at]
        }
        return run.reversed()
    }

    /// Where the elements stand that occur once in the range.
    private static func unique(_ elements: [Int], _ range: Range<Int>) -> [Int: Int] {
        var places: [Int: Int?] = [:]
        for place in range {
            places.updateValue(
                places[elements[place]] == nil ? place : nil, forKey: elements[place])
        }
        return places.compactMapValues { $0 }
    }
}

extension [Substring] {
    /// A number for each element, the same for equal ones: comparing costs nothing then.
    fileprivate func named(_ names: inout [Substring: Int]) -> [Int] {
        map { element in
            if let name = names[element] { return name }
            names[element] = names.count
            return names.count - 1
        }
    }
}

extension [Int] {
    /// The first place from which on the condition holds; it must hold to the end.
    fileprivate func partitioningIndex(_ holds: (Int) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = (low + high) / 2
            if holds(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
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
