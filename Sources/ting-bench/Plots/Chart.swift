// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Lines over sizes, both axes logarithmic: what grows as its work does is straight.
struct Chart {
    struct Line {
        var name: String
        var points: [(x: Double, y: Double)]
    }

    var title: String
    var across: String
    var upward: String
    var lines: [Line]

    private static let colours = ["#1b6ca8", "#c8442d", "#3a8f4d", "#8a5aa8", "#b58900", "#444444"]
    private static let (width, height) = (720.0, 420.0)
    private static let frame = (left: 74.0, right: 190.0, top: 40.0, bottom: 52.0)

    /// The powers of ten that hold all values.
    static func decades(_ values: [Double]) -> ClosedRange<Int> {
        let logs = values.filter { $0 > 0 }.map(log10)
        let low = Int((logs.min() ?? 0).rounded(.down))
        return low...max(low + 1, Int((logs.max() ?? 1).rounded(.up)))
    }

    /// A power of ten as people write it.
    static func label(_ power: Int) -> String {
        switch power {
        case 9...: "\(label(power - 9)) G"
        case 6...: "\(label(power - 6)) M"
        case 3...: "\(label(power - 3)) k"
        case 0...: "1" + String(repeating: "0", count: power)
        default: "0." + String(repeating: "0", count: -power - 1) + "1"
        }
    }

    var svg: String {
        let points = lines.flatMap(\.points)
        let (xs, ys) = (Self.decades(points.map(\.x)), Self.decades(points.map(\.y)))
        var parts = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" \
            font-family="sans-serif" font-size="12">
            <title>\(Self.escaped(title))</title>
            <rect width="100%" height="100%" fill="white"/>
            """,
            text(Self.frame.left, 22, title, "font-size=\"15\""),
            text(
                (Self.frame.left + Self.width - Self.frame.right) / 2, Self.height - 12, across,
                "text-anchor=\"middle\""),
            text(8, Self.frame.top - 4, upward),
        ]
        for power in xs {
            let x = place(Double(power), xs, Self.frame.left, Self.width - Self.frame.right)
            parts.append(rule(x, Self.frame.top, x, Self.height - Self.frame.bottom))
            parts.append(
                text(
                    x, Self.height - Self.frame.bottom + 18, Self.label(power),
                    "text-anchor=\"middle\""))
        }
        for power in ys {
            let y = place(Double(power), ys, Self.height - Self.frame.bottom, Self.frame.top)
            parts.append(rule(Self.frame.left, y, Self.width - Self.frame.right, y))
            parts.append(text(Self.frame.left - 8, y + 4, Self.label(power), "text-anchor=\"end\""))
        }
        for (index, line) in lines.enumerated() { parts += draw(line, index, xs, ys) }
        return parts.joined(separator: "\n") + "\n</svg>\n"
    }

    private func draw(
        _ line: Line, _ index: Int, _ xs: ClosedRange<Int>, _ ys: ClosedRange<Int>
    ) -> [String] {
        let colour = Self.colours[index % Self.colours.count]
        let places = line.points.filter { $0.x > 0 && $0.y > 0 }.map { point in
            (
                place(log10(point.x), xs, Self.frame.left, Self.width - Self.frame.right),
                place(log10(point.y), ys, Self.height - Self.frame.bottom, Self.frame.top)
            )
        }
        let path = places.map { "\(Self.number($0.0)),\(Self.number($0.1))" }
            .joined(separator: " ")
        let dots = places.map {
            "<circle cx=\"\(Self.number($0.0))\" cy=\"\(Self.number($0.1))\" r=\"3\" fill=\"\(colour)\"/>"
        }
        let y = Self.frame.top + 14 + Double(index) * 20
        let x = Self.width - Self.frame.right + 14
        return [
            "<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>"
        ] + dots + [
            "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y - 9))\" width=\"10\" height=\"10\" fill=\"\(colour)\"/>",
            text(x + 16, y, line.name),
        ]
    }

    /// Where a logarithm lies between two edges.
    private func place(_ log: Double, _ range: ClosedRange<Int>, _ from: Double, _ to: Double)
        -> Double
    {
        let part = (log - Double(range.lowerBound)) / Double(range.upperBound - range.lowerBound)
        return from + part * (to - from)
    }

    private func rule(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
        "<line x1=\"\(Self.number(x1))\" y1=\"\(Self.number(y1))\" x2=\"\(Self.number(x2))\" y2=\"\(Self.number(y2))\" stroke=\"#dddddd\"/>"
    }

    private func text(_ x: Double, _ y: Double, _ text: String, _ more: String = "") -> String {
        "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" \(more)>\(Self.escaped(text))</text>"
    }

    private static func number(_ value: Double) -> String { String(format: "%.1f", value) }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    }
}
