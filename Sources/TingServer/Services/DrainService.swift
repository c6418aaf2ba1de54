// SPDX-License-Identifier: Apache-2.0

import ServiceLifecycle

/// Told first of a shutdown: ends event streams, then waits for the requests under way.
struct DrainService: Service {
    let requests: RequestsUnderWay
    let followers: FollowHub
    /// How long it waits for them.
    let patience: Duration

    func run() async throws {
        try? await gracefulShutdown()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await requests.drain() }
            followers.endAll()
            group.addTask { try? await Task.sleep(for: patience) }
            _ = await group.next()
            group.cancelAll()
            requests.abandon()
        }
    }
}
