// SPDX-License-Identifier: Apache-2.0

/// The shortest edit script from one list to another that the greedy algorithm of Myers (1986) finds.
///
/// The standard library's `difference(from:)` promises no particular one of several shortest; the
/// merge has to come to the same on every server. `Protocol/spec/merge.md#text`.
struct EditScript {
    /// The places of what both lists keep, ascending; none where the steps ended before the script did.
    private(set) var kept: [(Int, Int)] = []

    /// For each number of edits d, how far each diagonal k = x − y gets: k at index (k + d) / 2.
    private var reached: [[Int32]] = []

    init(_ old: ArraySlice<Int>, _ new: ArraySlice<Int>, _ steps: inout Int) {
        var end = false
        while !end {
            let distance = reached.count
            guard steps > 0 else { return }
            steps -= distance + 1
            var row: [Int32] = []
            row.reserveCapacity(distance + 1)
            for k in stride(from: -distance, through: distance, by: 2) {
                var x = start(k, distance)
                while x < old.count, x - k < new.count,
                    old[old.startIndex + x] == new[new.startIndex + x - k]
                {
                    x += 1
                }
                row.append(Int32(x))
                end = x >= old.count && x - k >= new.count
                if end { break }
            }
            reached.append(row)
        }
        walkBack(old, new)
    }

    /// Where a diagonal is entered with the last of `distance` edits.
    private func start(_ k: Int, _ distance: Int) -> Int {
        guard distance > 0 else { return 0 }
        let row = reached[distance - 1]
        let place = (k + distance) / 2
        return goesDown(k, distance) ? Int(row[place]) : Int(row[place - 1]) + 1
    }

    private func goesDown(_ k: Int, _ distance: Int) -> Bool {
        if k == -distance { return true }
        if k == distance { return false }
        let (row, place) = (reached[distance - 1], (k + distance) / 2)
        return row[place - 1] < row[place]
    }

    private mutating func walkBack(_ old: ArraySlice<Int>, _ new: ArraySlice<Int>) {
        var (x, k) = (old.count, old.count - new.count)
        for distance in reached.indices.reversed() {
            let first = start(k, distance)
            while x > first {
                x -= 1
                kept.append((old.startIndex + x, new.startIndex + x - k))
            }
            guard distance > 0 else { break }
            let down = goesDown(k, distance)
            (x, k) = (down ? x : x - 1, down ? k + 1 : k - 1)
        }
        kept.reverse()
    }
}
