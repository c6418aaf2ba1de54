// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingClient
import TingCore

/// What many workspaces cost on one server.
struct ServerGrowth: Codable {
    var workspaces: Int
    var memoryKiB: Int
    var fileHandles: Int
    var requestsPerSecond: Double

    /// Measures at each number of workspaces, in turn on one server.
    static func measure(_ counts: [Int], _ options: Bench.Options) async throws -> [ServerGrowth] {
        let server = try Server(programs: options.programs)
        defer { server.stop() }
        var seat: Seat?
        var made = 0
        var rows: [ServerGrowth] = []
        for count in counts {
            while made < count {
                seat = try await Seat(
                    server.invite("owner@example.org", to: "w\(made)", role: .owner))
                made += 1
            }
            guard let seat else { continue }
            // Anew, so that memory is of what is asked for and not of joining.
            server.stop()
            try server.start()
            let connection = try ServerConnection(
                server.address, anchor: seat.anchor, token: seat.token, timeout: .seconds(60),
                environment: [:])
            for number in 0..<count { _ = try await connection.workspace("w\(number)") }
            let time = try await secondsAwaiting {
                for number in 0..<count { _ = try await connection.workspace("w\(number)") }
            }
            await connection.close()
            rows.append(
                ServerGrowth(
                    workspaces: count, memoryKiB: try server.memory(),
                    fileHandles: try server.openFiles(), requestsPerSecond: Double(count) / time))
        }
        return rows
    }
}

extension Server {
    fileprivate func openFiles() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count
    }
}
