// SPDX-License-Identifier: Apache-2.0

import CSQLite
import Foundation

/// What one metric came to: its worst part, and every part.
struct Result: Encodable {
    var metric: String
    var parts: [Part]
    /// The part that stands for the metric.
    var decisive: Part

    private enum CodingKeys: String, CodingKey {
        case metric, ratio, min, max, pairs, ours, limit, unit, versions, parts
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(metric, forKey: .metric)
        try container.encode(decisive.ratio, forKey: .ratio)
        try container.encode(decisive.min, forKey: .min)
        try container.encode(decisive.max, forKey: .max)
        try container.encode(decisive.pairs, forKey: .pairs)
        try container.encode(decisive.ours, forKey: .ours)
        try container.encode(decisive.limit, forKey: .limit)
        try container.encode(decisive.unit, forKey: .unit)
        try container.encode(Versions.all, forKey: .versions)
        try container.encode(parts, forKey: .parts)
    }

    /// The metric whose worst part stands for it.
    init(_ metric: String, _ parts: [Part], moreIsBetter: Bool) throws {
        let worst = parts.min { moreIsBetter ? $0.ratio < $1.ratio : $0.ratio > $1.ratio }
        guard let worst else { throw BenchError("\(metric) measured nothing") }
        self.init(metric, parts, decisive: worst)
    }

    init(_ metric: String, _ parts: [Part], decisive: Part) {
        self.metric = metric
        self.parts = parts
        self.decisive = decisive
    }

    var jsonLine: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    var table: [String] {
        parts.map { part in
            let mark = part.name == decisive.name && parts.count > 1 ? "*" : " "
            let columns = [
                metric.padded(4) + mark, part.name.padded(44), Self.text(part.ratio).leading(8),
                "\(Self.text(part.min)) – \(Self.text(part.max))".leading(19),
                "\(part.pairs)".leading(5), Self.text(part.ours).leading(12),
                Self.text(part.limit).leading(12), part.unit,
            ]
            return columns.joined(separator: " ")
        }
    }

    static let heading = [
        "".padded(5), "part".padded(44), "ratio".leading(8), "min – max".leading(19),
        "pairs".leading(5), "ours".leading(12), "limit".leading(12), "unit",
    ].joined(separator: " ")

    private static func text(_ number: Double) -> String {
        String(format: number < 10 ? "%.3f" : number < 1_000 ? "%.1f" : "%.0f", number)
    }
}

/// One ratio of a metric, with the medians behind it.
struct Part: Encodable {
    var name: String
    var ratio: Double
    var min: Double
    var max: Double
    var pairs: Int
    var ours: Double
    var limit: Double
    var unit: String
}

/// What the figures depend on.
enum Versions {
    static var all: [String: String] {
        [
            "sqlite": String(cString: sqlite3_libversion()), "kernel": kernel,
            "build": isDebug ? "debug" : "release",
            "cores": String(ProcessInfo.processInfo.activeProcessorCount),
        ]
    }

    private static var kernel: String {
        var name = utsname()
        uname(&name)
        return withUnsafePointer(to: &name.release) {
            $0.withMemoryRebound(to: CChar.self, capacity: 65) { String(cString: $0) }
        }
    }

    private static var isDebug: Bool {
        #if DEBUG
            true
        #else
            false
        #endif
    }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension String {
    /// Filled with spaces to so many characters.
    func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, width - count))
    }

    func leading(_ width: Int) -> String {
        String(repeating: " ", count: Swift.max(0, width - count)) + self
    }
}
