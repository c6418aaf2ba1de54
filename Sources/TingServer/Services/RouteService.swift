// SPDX-License-Identifier: Apache-2.0

import ServiceLifecycle

/// Owns the tasks in which the routes serve connections: one for each that has brought something for
/// them, from then until it closes.
///
/// It stops after the listener: by then every connection is closed.
struct RouteService: Service {
    private typealias Work = @Sendable () async -> Void

    private let connections: AsyncStream<Work>
    private let arrivals: AsyncStream<Work>.Continuation

    init() { (connections, arrivals) = AsyncStream.makeStream() }

    /// Serves one more connection.
    func serve(_ work: @escaping @Sendable () async -> Void) { arrivals.yield(work) }

    func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for await work in connections { group.addTask { await work() } }
            }
        } onGracefulShutdown: {
            arrivals.finish()
        }
    }
}
