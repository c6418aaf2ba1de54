// SPDX-License-Identifier: Apache-2.0

import Foundation
import TingCore

/// G4: ten thousand idle followers take one hundredth of a core; fewer, as much less.
struct IdleLoad {
    /// As long as it takes for every stream to get a comment, and just one.
    private static let watched = Duration.seconds(Limits.followCommentSeconds)

    func run(_ bench: Bench) async throws -> Result {
        FileHandles.raise()
        let count = bench.options.followers
        let server = try Server(programs: bench.options.programs)
        defer { server.stop() }
        let idle = try await share(server)
        let followers = try await FollowerCrowd(count, server).follow(count, server)
        let used = try await share(server)
        await followers.close()
        let bound = 0.01 * Double(count) / 10_000
        return try Result(
            "G4",
            [
                Pairs.part(
                    "\(count) followers, an idle server's own share taken off",
                    .cost(unit: "cores"), [(max(used - idle, 1e-6), bound)])
            ], moreIsBetter: false)
    }

    /// The part of a core that the server takes.
    private func share(_ server: Server) async throws -> Double {
        let before = try server.processorSeconds()
        try await Task.sleep(for: Self.watched)
        return (try server.processorSeconds() - before) / Self.watched.seconds
    }
}
