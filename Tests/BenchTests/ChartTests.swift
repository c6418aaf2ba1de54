// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ting_bench

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite("What ting-bench draws")
struct ChartTests {
    @Test("an axis goes from the power of ten below to the one above")
    func decades() {
        #expect(Chart.decades([3, 40, 500]) == 0...3)
        #expect(Chart.decades([0.02, 1]) == -2...0)
        #expect(Chart.decades([10]) == 1...2)
        #expect(Chart.decades([]) == 0...1)
    }

    @Test(
        "powers of ten stand as people write them",
        arguments: [
            (-2, "0.01"), (-1, "0.1"), (0, "1"), (2, "100"), (4, "10 k"), (6, "1 M"), (9, "1 G"),
        ])
    func labels(_ power: Int, _ text: String) { #expect(Chart.label(power) == text) }

    @Test("a chart is well-formed, whatever its words")
    func wellFormed() throws {
        let chart = Chart(
            title: "A < B & C", across: "records", upward: "bytes",
            lines: [.init(name: "one & only", points: [(1, 10), (10, 100), (100, 0)])])
        let parser = XMLParser(data: Data(chart.svg.utf8))
        #expect(parser.parse())
        // What is no positive number has no place on a logarithmic axis.
        #expect(chart.svg.components(separatedBy: "<circle").count == 3)
    }

    @Test(
        "sizes grow tenfold, up to the largest",
        arguments: [
            (1, 1_000, [1, 10, 100, 1_000]), (1_000, 50_000, [1_000, 10_000, 50_000]), (5, 5, [5]),
        ])
    func sizes(_ least: Int, _ most: Int, _ expected: [Int]) {
        #expect(Plots.sizes(from: least, to: most) == expected)
    }
}
