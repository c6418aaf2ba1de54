// SPDX-License-Identifier: Apache-2.0

import Testing
import TingCore

@testable import TingClient

@Suite("Waiting before trying again")
struct BackoffTests {
    @Test("doubles from 1 s to at most 5 min")
    func doubles() {
        var backoff = Backoff()
        let waits = (1...11).map { _ in backoff.failed(jitter: 0) }
        #expect(waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map { .seconds($0) })
    }

    @Test("is shortened by jitter, never below a half")
    func jitter() {
        var backoff = Backoff()
        #expect(backoff.failed(jitter: 1) == .milliseconds(500))
        #expect(backoff.failed(jitter: 7) == .seconds(1))
    }

    @Test("starts over once the line works")
    func startsOver() {
        var backoff = Backoff()
        _ = backoff.failed(jitter: 0)
        _ = backoff.failed(jitter: 0)
        backoff.succeeded()
        #expect(backoff.failed(jitter: 0) == .seconds(1))
    }
}

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
        #expect(plan.step(.lost, at: seconds(82), jitter: 0) == [])
        #expect(plan.step(.tick, at: seconds(84), jitter: 0) == [.connect])
        #expect(plan.step(.tick, at: seconds(110), jitter: 0) == [.sync])
        #expect(plan.step(.tick, at: seconds(140), jitter: 0) == [.sync])
        _ = plan.step(.connected, at: seconds(141), jitter: 0)
        #expect(plan.step(.tick, at: seconds(190), jitter: 0) == [])
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

@Suite("Reading server-sent events")
struct EventStreamTests {
    private let stream =
        ": hello\n\nevent: head\r\ndata: {\"head\":\r\ndata: 7}\r\n\r\nid: 3\n\ndata:x\n\n"
    private let items: [EventStreamParser.Item] = [
        .comment, .event(name: "head", data: "{\"head\":\n7}"), .event(name: "message", data: "x"),
    ]

    @Test("gives the same items, however the bytes are cut", arguments: [1, 2, 3, 7, 1000])
    func pieces(_ size: Int) {
        var parser = EventStreamParser()
        var found: [EventStreamParser.Item] = []
        let bytes = Array(stream.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            found += parser.read(bytes[start..<min(start + size, bytes.count)]) ?? []
        }
        #expect(found == items)
    }

    @Test("gives up on an event larger than any real one")
    func tooLarge() {
        var parser = EventStreamParser()
        #expect(parser.read([UInt8](repeating: 0x61, count: 2 << 20)) == nil)
        // Comments between its lines make it no shorter.
        var patient = EventStreamParser()
        let line = Array("data: \(String(repeating: "a", count: 400_000))\n:\n".utf8)
        #expect(patient.read(line) == [.comment])
        #expect(patient.read(line) == [.comment])
        #expect(patient.read(line) == nil)
    }
}
