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
        func ask(_ slug: String) { queue.enter(slug) { _ in started.add(slug) } }
        know(["busy", "quiet"], queue)
        for _ in 0..<20 { ask("busy") }
        #expect(started.slugs.count == Limits.followsAnsweredAtOnce / 2)
        for _ in 0..<100 {
            ask("quiet")
            #expect(started.slugs.last == "quiet")
            queue.leave(.workspace("quiet"))
        }
        for _ in 0..<20 { queue.leave(.workspace("busy")) }
        #expect(started.slugs.count { $0 == "busy" } == 20)
    }

    /// Somebody has followed them before.
    private func know(_ slugs: [String], _ queue: FollowQueue) {
        for slug in slugs { queue.enter(slug) { queue.leave($0, followed: slug) } }
    }

    @Test(
        "what strangers make up takes one turn together: a workspace's followers wait for none of it"
    )
    func madeUp() {
        let (queue, started) = (FollowQueue(), Started())
        know(["real"], queue)
        for number in 0..<1_000 { queue.enter("made-up-\(number)") { _ in started.add("made up") } }
        #expect(started.slugs.count == Limits.followsAnsweredAtOnce / 2)
        for _ in 0..<100 {
            queue.enter("real") { _ in started.add("real") }
            #expect(started.slugs.last == "real")
            queue.leave(.workspace("real"))
        }
    }

    @Test("no more than so many are answered at a time, and all in the end")
    func bound() {
        let (queue, started) = (FollowQueue(), Started())
        for number in 0..<1_000 {
            let slug = "w\(number % 7)"
            queue.enter(slug) { _ in started.add(slug) }
        }
        var ended = 0
        // None of them is known.
        while ended < started.slugs.count {
            #expect(started.slugs.count - ended <= Limits.followsAnsweredAtOnce)
            queue.leave(.unknown)
            ended += 1
        }
        #expect(ended == 1_000)
    }
}
