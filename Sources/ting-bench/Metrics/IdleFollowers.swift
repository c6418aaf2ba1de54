// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingCore

/// P8: the server's memory for each idle follower, to a bare TLS connection's.
struct IdleFollowers: Metric {
    static let name = "P8"
    static let about = "server memory for each idle follower"
    private static let aim = 48.0

    func run(_ bench: Bench) async throws -> Result {
        FileHandles.raise()
        let count = bench.options.followers
        let server = try Server(programs: bench.options.programs)
        defer { server.stop() }
        let crowd = try await FollowerCrowd(count, server)
        var each: [(ours: Double, limit: Double)] = []
        let part = try await bench.pairs.measure(
            "memory of each of \(count)", .cost(unit: "KiB"), warmUp: false,
            ours: { _ in
                server.stop()
                try server.start()
                // One connection first: what a server sets up once is not a follower's.
                try await crowd.follow(1, server).close()
                let before = try server.memory()
                let followers = try await crowd.follow(count, server)
                let used = Double(try server.memory() - before) / Double(count)
                await followers.close()
                each.append((used, Self.aim))
                return used
            },
            limit: { _ in
                let bare = try BareProcess(of: server)
                defer { bare.stop() }
                try await FollowerCrowd.listen(1, bare, server).close()
                let before = try Server.memory(of: bare.process)
                let listeners = try await FollowerCrowd.listen(count, bare, server)
                let used = Double(try Server.memory(of: bare.process) - before) / Double(count)
                await listeners.close()
                return used
            })
        return Result(
            Self.name, [part, Pairs.part("the same, to 48 KiB", .cost(unit: "KiB"), each)],
            decisive: part)
    }
}
