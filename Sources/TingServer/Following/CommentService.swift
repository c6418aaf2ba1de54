// SPDX-License-Identifier: Apache-2.0

import ServiceLifecycle

/// Sends a comment on all event streams now and then: proxies and clients see that they are alive.
///
/// One timer for all of them. Where there is time, each second has its share of the streams, so that
/// ten thousand of them hold nothing up together.
struct CommentService: Service {
    let followers: FollowHub
    let interval: Duration

    func run() async throws {
        let turns = max(1, Int(interval / .seconds(1)))
        await cancelWhenGracefulShutdown {
            var turn = 0
            while !Task.isCancelled {
                try? await Task.sleep(for: interval / turns)
                followers.publishComment(turn: turn, of: turns)
                turn = (turn + 1) % turns
            }
        }
    }
}
