// SPDX-License-Identifier: Apache-2.0

import Foundation

/// R5: three exchanges, cut at each of their bytes in both directions, and tried again.
struct CutRun {
    let programs: Programs
    /// Every so many bytes; 1 for each.
    let step: Int
    /// The exchange to cut; `nil` for all three.
    let only: String?
    let seed: UInt64
    let end: ContinuousClock.Instant?
    let say: @Sendable (String) -> Void

    static let exchanges: [any CutExchange.Type] = [
        SyncExchange.self, CloneExchange.self, JoinExchange.self,
    ]

    func run() throws -> Report {
        var report = Report(unit: "cuts", seed: seed)
        for exchange in Self.exchanges where only == nil || exchange.name == only {
            report.add(try play(exchange))
            guard report.findings.isEmpty else { break }
        }
        return report
    }

    private func play(_ type: any CutExchange.Type) throws -> Report {
        let world = try World(programs, members: ["anna", "bo"])
        defer { world.close() }
        let exchange = try type.init(world)
        var report = try blockingThrowing { try await play(exchange, world.server) }
        guard report.findings.isEmpty else { return report }
        report.findings += try exchange.checkAtTheEnd().map { Finding(.different, $0) }
        report.findings += try world.judge()
        world.note(isSound: report.findings.isEmpty)
        return report
    }

    /// Every cut, then what takes time: silence, late duplicates, a slow drip.
    private func play(_ exchange: some CutExchange, _ server: Server) async throws -> Report {
        var report = Report(unit: "cuts", seed: seed)
        let name = type(of: exchange).name
        let proxy = try await CutProxy(to: server.host, port: server.port)
        for drips in [false, true] {
            report.findings += try await once(exchange, proxy, nil, drips: drips).map {
                Finding(.wrong, "\(name) without a fault\(drips ? ", dripping" : ""): \($0.what)")
            }
            report.counts["slow drips", default: 0] += drips ? 1 : 0
        }
        let lengths = CutProxy.Direction.allCases.map { ($0, proxy.passed($0)) }
        for (direction, length) in lengths {
            report.counts["bytes \(direction) of \(name)"] = length
        }
        for (direction, length) in lengths {
            for place in faults(direction, length) where report.findings.isEmpty && !isOver {
                report.findings += try await once(exchange, proxy, place).map {
                    var finding = $0
                    finding.run = "\(name), \(place.kind) after \(place.after) bytes \(direction)"
                    return finding
                }
                guard proxy.hasStruck else { continue }
                report.runs += 1
                report.counts["\(name), \(place.kind)", default: 0] += 1
                if report.runs % 500 == 0 { say("\(report.runs) cuts of \(name)") }
            }
        }
        await proxy.stop()
        return report
    }

    private var isOver: Bool { end.map { ContinuousClock.now >= $0 } ?? false }

    /// The two ways to cut take turns; where nobody is told, each waits, so a few must do.
    private func faults(_ direction: CutProxy.Direction, _ length: Int) -> [CutProxy.Fault] {
        let cuts = places(length).enumerated().map {
            CutProxy.Fault(
                kind: $0.offset % 2 == 0 ? .close : .reset, direction: direction, after: $0.element)
        }
        let slow = max(1, length / (step < 20 ? 12 : 2))
        let waits = stride(from: slow / 2, through: length, by: slow).flatMap { place in
            [CutProxy.Fault.Kind.silence, .hold].map {
                CutProxy.Fault(kind: $0, direction: direction, after: place)
            }
        }
        return cuts + waits
    }

    /// Every step, but within the long body of a snapshot every 256th: all its bytes are alike.
    private func places(_ length: Int) -> [Int] {
        let start = stride(from: Int(seed) % step, through: min(length, Self.edge), by: step)
        guard length > 2 * Self.edge else {
            return Array(start) + stride(from: Self.edge + step, through: length, by: step)
        }
        return Array(start)
            + stride(from: Self.edge + step, to: length - Self.edge, by: step * 256)
            + stride(from: length - Self.edge, through: length, by: step)
    }

    /// Bytes at either end in which something else than a snapshot's body travels.
    private static let edge = 3_000

    /// The exchange with one fault, done again where it failed; gives what is then wrong.
    private func once(
        _ exchange: some CutExchange, _ proxy: CutProxy, _ fault: CutProxy.Fault?,
        drips: Bool = false
    ) async throws -> [Finding] {
        try await exchange.prepare()
        proxy.arm(fault, drips: drips)
        // Where nobody is told, waiting is all that a client can do.
        let patience = fault?.isSilent == true ? Duration.milliseconds(400) : .seconds(20)
        let began = ContinuousClock.now
        do {
            try await exchange.carryOut(port: proxy.port, patience: patience)
        } catch {
            guard proxy.hasStruck else {
                return [Finding(.wrong, "it failed without a fault: \(error)")]
            }
            do { try await exchange.carryOut(port: proxy.port, patience: patience) } catch {
                return [Finding(.stuck, "a second try failed: \(error)")]
            }
        }
        let took = ContinuousClock.now - began
        proxy.release()
        let wrong = try await exchange.check()
        return took < .seconds(45) ? wrong : wrong + [Finding(.stuck, "it took \(took)")]
    }
}
