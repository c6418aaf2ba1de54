// SPDX-License-Identifier: Apache-2.0

import Testing
import TingCore

@testable import TingClient

@Suite("Following a workspace")
struct FollowPlanTests {
    private func seconds(_ count: Int) -> Duration { .seconds(count) }

    @Test("connects first, and syncs when a newer version is heard of")
    func news() {
        var plan = FollowPlan(version: 5)
        #expect(plan.step(.tick, at: .zero, jitter: 0) == [.connect])
        #expect(plan.step(.connected, at: seconds(1), jitter: 0) == [])
        #expect(plan.step(.head(5), at: seconds(2), jitter: 0) == [])
        #expect(plan.step(.head(6), at: seconds(3), jitter: 0) == [.sync])
        #expect(plan.step(.synced(6), at: seconds(4), jitter: 0) == [])
        #expect(plan.step(.head(6), at: seconds(5), jitter: 0) == [])
    }

    @Test(
        "a server that may have been restored is asked: after each new stream, and where it is behind"
    )
    func restored() {
        var plan = FollowPlan(version: 10)
        #expect(plan.step(.tick, at: .zero, jitter: 0) == [.connect])
        #expect(plan.step(.connected, at: seconds(1), jitter: 0) == [])
        #expect(plan.step(.head(8), at: seconds(1), jitter: 0) == [.sync])
        #expect(plan.step(.synced(11), at: seconds(2), jitter: 0) == [])
        // What comes late tells nothing new.
        #expect(plan.step(.head(10), at: seconds(2), jitter: 0) == [])
        _ = plan.step(.lost, at: seconds(3), jitter: 0)
        #expect(plan.step(.tick, at: seconds(9), jitter: 0) == [.connect])
        #expect(plan.step(.connected, at: seconds(9), jitter: 0) == [.sync])
    }

    @Test("sends what is edited here at once")
    func edited() {
        var plan = FollowPlan(version: 0)
        #expect(plan.step(.edited, at: .zero, jitter: 0) == [.sync])
    }

    @Test(
        "a stream that is refused for good has a sync say so, and is tried again ever more seldom")
    func refused() {
        var plan = FollowPlan(version: 5)
        #expect(plan.step(.refused, at: .zero, jitter: 0) == [])
        #expect(plan.step(.tick, at: .zero, jitter: 0) == [.connect])
        #expect(plan.step(.refused, at: seconds(1), jitter: 0) == [.sync])
        _ = plan.step(.synced(5), at: seconds(1), jitter: 0)
        #expect(plan.step(.tick, at: seconds(2), jitter: 0) == [.connect])
        #expect(plan.step(.refused, at: seconds(2), jitter: 0) == [.sync])
        _ = plan.step(.failed(), at: seconds(2), jitter: 0)
        #expect(plan.step(.tick, at: seconds(3), jitter: 0) == [.sync])
        _ = plan.step(.synced(5), at: seconds(3), jitter: 0)
        #expect(plan.step(.tick, at: seconds(4), jitter: 0) == [.connect])
    }

    @Test("takes 60 s of silence for a dead stream, connects anew and polls every 30 s")
    func silence() {
        var plan = FollowPlan(version: 5)
        _ = plan.step(.tick, at: .zero, jitter: 0)
        _ = plan.step(.connected, at: seconds(1), jitter: 0)
        _ = plan.step(.heard, at: seconds(20), jitter: 0)
        #expect(plan.step(.tick, at: seconds(79), jitter: 0) == [])
        #expect(plan.step(.tick, at: seconds(80), jitter: 0) == [.drop])
        #expect(plan.step(.tick, at: seconds(81), jitter: 0) == [.connect])
        #expect(plan.step(.lost, at: seconds(82), jitter: 0) == [.sync])
        #expect(plan.step(.tick, at: seconds(84), jitter: 0) == [.connect])
        #expect(plan.step(.tick, at: seconds(110), jitter: 0) == [.sync])
        #expect(plan.step(.tick, at: seconds(140), jitter: 0) == [.sync])
        _ = plan.step(.connected, at: seconds(141), jitter: 0)
        #expect(plan.step(.tick, at: seconds(190), jitter: 0) == [])
    }

    @Test(
        "asks by one sync why no stream comes to stand, so that the status can say it",
        .tags(.promise12))
    func gone() {
        var plan = FollowPlan(version: 5)
        _ = plan.step(.tick, at: .zero, jitter: 0)
        _ = plan.step(.connected, at: .zero, jitter: 0)
        #expect(plan.step(.lost, at: seconds(5), jitter: 0) == [])
        #expect(plan.step(.tick, at: seconds(6), jitter: 0) == [.connect])
        #expect(plan.step(.lost, at: seconds(6), jitter: 0) == [.sync])
        _ = plan.step(.failed(), at: seconds(7), jitter: 0)
        #expect(plan.nextTry == seconds(8))
        #expect(plan.step(.tick, at: seconds(8), jitter: 0) == [.connect, .sync])
        _ = plan.step(.synced(5), at: seconds(8), jitter: 0)
        #expect(plan.step(.lost, at: seconds(9), jitter: 0) == [])
        #expect(plan.step(.tick, at: seconds(13), jitter: 0) == [.connect])
        _ = plan.step(.connected, at: seconds(13), jitter: 0)
        #expect(plan.step(.lost, at: seconds(14), jitter: 0) == [])
        #expect(plan.step(.tick, at: seconds(15), jitter: 0) == [.connect])
        #expect(plan.step(.lost, at: seconds(15), jitter: 0) == [.sync])
    }

    @Test("waits longer after each failed sync, whatever happens meanwhile")
    func failed() {
        var plan = FollowPlan(version: 5)
        _ = plan.step(.tick, at: .zero, jitter: 0)
        _ = plan.step(.connected, at: .zero, jitter: 0)
        _ = plan.step(.failed(), at: seconds(1), jitter: 0)
        #expect(plan.step(.edited, at: seconds(1), jitter: 0) == [])
        #expect(plan.nextTry == seconds(2))
        #expect(plan.step(.tick, at: seconds(2), jitter: 0) == [.sync])
        _ = plan.step(.failed(), at: seconds(2), jitter: 0)
        #expect(plan.step(.tick, at: seconds(3), jitter: 0) == [])
        #expect(plan.step(.tick, at: seconds(4), jitter: 0) == [.sync])
    }

    @Test("sends again what the server deferred, ever more seldom, while the stream stands")
    func deferred() {
        var plan = FollowPlan(version: 5)
        _ = plan.step(.tick, at: .zero, jitter: 0)
        _ = plan.step(.connected, at: .zero, jitter: 0)
        var now = Duration.zero
        var waits: [Duration] = []
        for _ in 1...11 {
            #expect(plan.step(.synced(5, isDeferred: true), at: now, jitter: 0) == [])
            let next = plan.nextTry ?? .zero
            waits.append(next - now)
            _ = plan.step(.heard, at: next, jitter: 0)
            #expect(plan.step(.tick, at: next - seconds(1), jitter: 0) == [])
            #expect(plan.step(.tick, at: next, jitter: 0) == [.sync])
            now = next
        }
        #expect(waits == [30, 30, 30, 30, 30, 32, 64, 128, 256, 300, 300].map { seconds($0) })
        // Other edits don't wait for it, and once nothing is deferred it is over.
        _ = plan.step(.synced(5, isDeferred: true), at: now, jitter: 0)
        #expect(plan.step(.edited, at: now, jitter: 0) == [.sync])
        _ = plan.step(.synced(6), at: now, jitter: 0)
        #expect(plan.nextTry == nil)
    }

    @Test("knows what was deferred before it began")
    func deferredBefore() {
        var plan = FollowPlan(version: 5, isDeferred: true)
        #expect(plan.step(.tick, at: .zero, jitter: 0) == [.connect])
        _ = plan.step(.connected, at: .zero, jitter: 0)
        #expect(plan.nextTry == seconds(30))
        #expect(plan.step(.tick, at: seconds(30), jitter: 0) == [.sync])
    }
}
