// SPDX-License-Identifier: Apache-2.0

import ServiceLifecycle

/// Sends a comment on all event streams now and then: proxies and clients see that they are alive.
struct CommentService: Service {
    let followers: FollowHub
    let interval: Duration

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await Task.sleep(for: interval)
                followers.publishComment()
            }
        }
    }
}
