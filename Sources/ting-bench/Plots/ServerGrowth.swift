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

    /// A member belongs to as many: who belongs to more waits for the list of all at each join.
    private static let share = 50

    /// Measures at each number of workspaces, in turn on one server.
    static func measure(_ counts: [Int], _ options: Bench.Options) async throws -> [ServerGrowth] {
        let server = try Server(programs: options.programs)
        defer { server.stop() }
        // The last of each member knows all of theirs.
        var seats: [Seat] = []
        var made = 0
        var rows: [ServerGrowth] = []
        for count in counts {
            while made < count {
                let member = made / share
                let seat = try await Seat(
                    server.invite("owner\(member)@example.org", to: "w\(made)", role: .owner))
                seats = seats.prefix(member) + [seat]
                made += 1
            }
            // Anew, so that memory is of what is asked for and not of joining.
            server.stop()
            try server.start()
            let connections = try seats.map { seat in
                try ServerConnection(
                    server.address, anchor: seat.anchor, token: seat.token, timeout: .seconds(60),
                    environment: [:])
            }
            for number in 0..<count {
                _ = try await connections[number / share].workspace("w\(number)")
            }
            let time = try await secondsAwaiting {
                for number in 0..<count {
                    _ = try await connections[number / share].workspace("w\(number)")
                }
            }
            for connection in connections { await connection.close() }
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
