// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Measures two sides in turn, A B A B, so that what else the machine does falls on both.
struct Pairs {
    let count: Int

    /// How two sides are compared.
    enum Kind {
        /// Both give seconds for so much work: ours and the limit are rates.
        case rate(of: Int, unit: String)
        /// Both give a cost, in the unit.
        case cost(unit: String)
    }

    /// The ratios of pairs, each measured right after the other: their median with the extremes.
    ///
    /// One pair before the first warms caches and is not counted.
    func measure(
        _ name: String, _ kind: Kind, warmUp: Bool = true,
        ours: (Int) async throws -> Double, limit: (Int) async throws -> Double
    ) async throws -> Part {
        var pairs: [(ours: Double, limit: Double)] = []
        for round in (warmUp ? -1 : 0)..<count {
            let pair = (ours: try await ours(round + 1), limit: try await limit(round + 1))
            guard pair.ours > 0, pair.limit > 0 else {
                throw BenchError("\(name): a side took no time")
            }
            if round >= 0 { pairs.append(pair) }
        }
        return Self.part(name, kind, pairs)
    }

    static func part(_ name: String, _ kind: Kind, _ pairs: [(ours: Double, limit: Double)])
        -> Part
    {
        var sides = pairs
        let unitName: String
        switch kind {
        case .rate(let work, let unit):
            sides = pairs.map { (Double(work) / $0.ours, Double(work) / $0.limit) }
            unitName = unit
        case .cost(let unit): unitName = unit
        }
        let ratios = sides.map { $0.ours / $0.limit }.sorted()
        return Part(
            name: name, ratio: median(ratios), min: ratios.first ?? 0, max: ratios.last ?? 0,
            pairs: ratios.count, ours: median(sides.map(\.ours)),
            limit: median(sides.map(\.limit)), unit: unitName)
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard let last = sorted.indices.last else { return 0 }
        return (sorted[last / 2] + sorted[(last + 1) / 2]) / 2
    }
}

/// Seconds that something took.
func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try body()
    return (ContinuousClock.now - start).seconds
}

func secondsAwaiting(_ body: () async throws -> Void) async rethrows -> Double {
    let start = ContinuousClock.now
    try await body()
    return (ContinuousClock.now - start).seconds
}

/// Seconds of a core that this process took, which hold also where others crowd the machine.
func processorSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

extension Duration {
    var seconds: Double { self / .seconds(1) }
}
