// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing
import TingCore
import TingTesting

@testable import TingServer

/// Whose work has its turn on the server's threads.
@Suite struct FairQueueTests {
    @Test("each key has its turn, and its own jobs in their order")
    func turns() {
        var queue = FairQueue<String, Int>(threads: 1)
        for job in 0..<4 { queue.add(job, of: "busy") }
        queue.add(10, of: "quiet")
        queue.add(20, of: nil)
        var order: [Int] = []
        while let (job, key) = queue.next() {
            order.append(job)
            queue.ended(key)
        }
        #expect(order == [0, 10, 20, 1, 2, 3])
    }

    @Test("no key has more than half of the threads; what belongs to none may have all")
    func halves() {
        var queue = FairQueue<String, Int>(threads: 4)
        for job in 0..<4 { queue.add(job, of: "busy") }
        #expect(queue.next()?.job == 0)
        #expect(queue.next()?.job == 1)
        #expect(queue.next() == nil)
        queue.add(10, of: nil)
        queue.add(11, of: nil)
        #expect(queue.next()?.job == 10)
        #expect(queue.next()?.job == 11)
        queue.ended(nil)
        #expect(queue.next() == nil)
        queue.ended("busy")
        #expect(queue.next()?.job == 2)
    }

    @Test(
        "whatever comes, each job runs once and in order, and no thread idles that could work",
        arguments: 1...40)
    func anything(seed: UInt64) {
        var random = SeededGenerator(state: seed)
        let threads = Int.random(in: 1...9, using: &random)
        var queue = FairQueue<Int, Int>(threads: threads)
        var waiting: [Int?: [Int]] = [:]
        var running: [Int?] = []
        func room(_ key: Int?) -> Bool {
            key == nil || running.count { $0 == key } < max(1, threads / 2)
        }
        for job in 0..<500 {
            let key = [nil, 0, 1, 2, 3].randomElement(using: &random) ?? nil
            if Bool.random(using: &random) {
                queue.add(job, of: key)
                waiting[key, default: []].append(job)
            } else if let ended = running.indices.randomElement(using: &random) {
                queue.ended(running.remove(at: ended))
            }
            while let (job, key) = queue.next() {
                #expect(room(key))
                #expect(waiting[key]?.removeFirst() == job)
                running.append(key)
            }
            #expect(running.count <= threads)
            #expect(running.count == threads || waiting.allSatisfy { $1.isEmpty || !room($0) })
        }
    }

    @Test("a workspace whose work never ends keeps no other from its own", .timeLimit(.minutes(1)))
    func workers() async throws {
        let workers = Workers(threads: 4)
        let (busy, quiet) = (WorkspaceID(high: 1, low: 1), WorkspaceID(high: 2, low: 2))
        let end = End()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await workers.run(for: busy) {
                        while !end.isThere.load(ordering: .relaxed) { usleep(1_000) }
                    }
                }
            }
            for _ in 0..<20 { try await workers.run(for: quiet) {} }
            end.isThere.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        await workers.stop()
        await #expect(throws: CancellationError.self) { try await workers.run {} }
    }

    private final class End: Sendable {
        let isThere = Atomic(false)
    }
}
