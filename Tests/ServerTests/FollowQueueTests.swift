// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing
import TingCore

@testable import TingServer

/// Whose request to follow is answered next.
@Suite struct FollowQueueTests {
    /// The slugs whose requests have started, in their order.
    private final class Started: Sendable {
        private let list = Mutex<[String]>([])

        var slugs: [String] { list.withLock { $0 } }

        func add(_ slug: String) { list.withLock { $0.append(slug) } }
    }

    @Test("a workspace that answers none of its followers holds up no other's")
    func turns() {
        let (queue, started) = (FollowQueue(), Started())
        func ask(_ slug: String) { queue.enter(slug) { started.add(slug) } }
        for _ in 0..<20 { ask("busy") }
        #expect(started.slugs.count == Limits.followsAnsweredAtOnce / 2)
        for _ in 0..<100 {
            ask("quiet")
            #expect(started.slugs.last == "quiet")
            queue.leave("quiet")
        }
        for _ in 0..<20 { queue.leave("busy") }
        #expect(started.slugs.count { $0 == "busy" } == 20)
    }

    @Test("no more than so many are answered at a time, and all in the end")
    func bound() {
        let (queue, started) = (FollowQueue(), Started())
        for number in 0..<1_000 {
            let slug = "w\(number % 7)"
            queue.enter(slug) { started.add(slug) }
        }
        var ended = 0
        while ended < started.slugs.count {
            #expect(started.slugs.count - ended <= Limits.followsAnsweredAtOnce)
            queue.leave(started.slugs[ended])
            ended += 1
        }
        #expect(ended == 1_000)
    }
}
