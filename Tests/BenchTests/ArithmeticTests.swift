// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ting_bench

@Suite("What ting-bench makes of its samples")
struct ArithmeticTests {
    @Test(
        "the median is the middle one, or the mean of the two in the middle",
        arguments: [([3, 1, 2], 2), ([4, 1, 2, 3], 2.5), ([7], 7), ([], 0)] as [([Double], Double)])
    func median(_ values: [Double], _ expected: Double) {
        #expect(Pairs.median(values) == expected)
    }

    @Test("a rate is our work a second by the limit's: twice as long is half")
    func rate() {
        let part = Pairs.part("edits", .rate(of: 100, unit: "edits/s"), [(2, 1), (4, 1), (1, 1)])
        #expect(part.ratio == 0.5)
        #expect((part.min, part.max) == (0.25, 1))
        #expect((part.ours, part.limit) == (50, 100))
        #expect((part.pairs, part.unit) == (3, "edits/s"))
    }

    @Test(
        "a cost is ours by the limit's: the median of the pairs' ratios, not the ratio of medians")
    func cost() {
        let part = Pairs.part("bytes", .cost(unit: "bytes"), [(10, 1), (20, 10), (30, 100)])
        #expect(part.ratio == 2)
        #expect((part.min, part.max) == (0.3, 10))
        #expect((part.ours, part.limit) == (20, 10))
    }

    @Test("pairs are measured in turn, the first to warm up, and not counted")
    func turns() async throws {
        var order: [String] = []
        let part = try await Pairs(count: 2).measure(
            "turns", .cost(unit: "s"),
            ours: { round in
                order.append("A\(round)")
                return 1
            },
            limit: { round in
                order.append("B\(round)")
                return 1
            })
        #expect(order == ["A0", "B0", "A1", "B1", "A2", "B2"])
        #expect(part.pairs == 2)
        await #expect(throws: BenchError.self) {
            try await Pairs(count: 1).measure(
                "nothing", .cost(unit: "s"), ours: { _ in 0 }, limit: { _ in 1 })
        }
    }

    @Test("the worst part stands for the metric: the least rate, the greatest cost")
    func decisive() throws {
        let parts = [(2.0, 1.0), (1, 1)].enumerated().map {
            Pairs.part(
                "\($0.offset)", .cost(unit: "ms"), [(ours: $0.element.0, limit: $0.element.1)])
        }
        #expect(try ting_bench.Result("P9", parts, moreIsBetter: false).decisive.name == "0")
        #expect(try ting_bench.Result("P1", parts, moreIsBetter: true).decisive.name == "1")
        #expect(throws: BenchError.self) { try ting_bench.Result("P1", [], moreIsBetter: true) }
    }

    @Test("a metric's line of JSON has what the contract names")
    func json() throws {
        let part = Pairs.part("one", .cost(unit: "ms"), [(3, 2)])
        let line = try ting_bench.Result("P9", [part], moreIsBetter: false).jsonLine
        #expect(!line.contains("\n"))
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(
            Set(object.keys) == [
                "metric", "ratio", "min", "max", "pairs", "ours", "limit", "unit", "versions",
                "parts",
            ])
        #expect(object["metric"] as? String == "P9")
        #expect(object["ratio"] as? Double == 1.5)
        let parts = try #require(object["parts"] as? [[String: Any]])
        #expect(parts.first?["name"] as? String == "one")
        let versions = try #require(object["versions"] as? [String: String])
        #expect(Set(versions.keys) == ["sqlite", "kernel", "build", "cores"])
    }

    @Test("the table stands in columns, and marks the part that decides")
    func table() throws {
        let parts = [
            Pairs.part("ærlig", .cost(unit: "ms"), [(1, 2)]),
            Pairs.part("another", .cost(unit: "ms"), [(2_000, 2)]),
        ]
        let table = try ting_bench.Result("P9", parts, moreIsBetter: false).table
        #expect(table[0].hasPrefix("P9    ærlig"))
        #expect(table[1].hasPrefix("P9  * another"))
        #expect(table[0].hasSuffix(" ms"))
        let widths = Set((table + [ting_bench.Result.heading]).map { $0.count })
        // All but the unit, which is last.
        #expect(widths.count <= 2)
    }
}
